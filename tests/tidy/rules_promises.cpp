// rules_promises.cpp: what the comments of public headers must say, and what stands behind it.
//
// fatal   Each text that is promised of a fatal error (`Fatal: "text"`, to the end of the sentence)
//         is expected by a
//         death test, and a promise of a fatal error has a text. A death test is a TEST that calls
//         EXPECT_EXIT or EXPECT_DEATH; its literals count, without the backslashes of regular
//         expressions, its comments do not.
// errno   A header with calls of goroutines says that they may move the goroutine away from the
//         thread's errno.
//
// Not promised: that the death test calls the function whose comment has the promise.
#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <string>

#include "tidy.hpp"

namespace retake::tidy {

namespace {

bool is_public_header(source const& s) { return s.name.starts_with("runtime/include/retake/"); }

// Without the quotation marks that join two literals, and without backslashes.
std::string plain(std::string const& code) {
  static std::regex const joint(R"("\s*\n\s*")"), backslash(R"(\\)");
  return std::regex_replace(std::regex_replace(code, joint, ""), backslash, "");
}

std::string expected_deaths(tree const& t) {
  static std::regex const begins(R"(^(TEST|TEST_F|TEST_P)\()"), dies(R"(\b(EXPECT|ASSERT)_(EXIT|DEATH)\()");
  static std::regex const comment(R"((^|\s)//.*)");
  std::string deaths;
  for (source const& s : t.files) {
    if (!s.name.starts_with("tests/") || !s.name.ends_with(".cpp")) continue;
    std::string test;
    const auto end_of_test = [&] {
      if (std::regex_search(test, begins) && std::regex_search(test, dies)) deaths += plain(test);
      test.clear();
    };
    for (std::string const& line : s.lines) {
      if (std::regex_search(line, begins)) end_of_test();
      test += std::regex_replace(line, comment, "") + "\n";
    }
    end_of_test();
  }
  return deaths;
}

// The comment that begins at `line`, as one text; afterwards `line` is the first line without a
// comment.
std::string comment_at(source const& s, std::size_t& line) {
  std::string text;
  for (; line < s.lines.size(); ++line) {
    std::size_t const at = s.lines[line].find("//");
    if (at == std::string::npos) break;
    text += s.lines[line].substr(at + 2);  // which begins with a space
  }
  return text;
}

}  // namespace

void check_errno(tree const& t, complaints& out) {
  static std::regex const called(
      R"(\b([Gg]oroutine context only|[Bb]y (a|any) goroutine|[Bb]y( any number of)? goroutines|for goroutines)\b)");
  static std::regex const said(R"(\berrno belongs to the thread\b)");
  for (source const& s : t.files) {
    if (!is_public_header(s)) continue;
    std::string comments;  // as one text: a phrase may go on in the next line
    for (std::string const& line : s.lines) {
      std::size_t const at = line.find("//");
      comments += at == std::string::npos ? "\n" : line.substr(at + 2);
    }
    if (std::regex_search(comments, called) && !std::regex_search(comments, said))
      out.add("errno", s.name, 1, "has calls of goroutines and does not say that errno belongs to the thread");
  }
}

void check_fatal(tree const& t, complaints& out) {
  static std::regex const promise(R"re(\b[Ff]atal\b(?! error)((?:[^".]|\.(?=\S)|"[^"]*")*))re");
  static std::regex const quoted(R"re("([^"]*)")re");
  std::string const deaths = expected_deaths(t);
  for (source const& s : t.files) {
    if (!is_public_header(s)) continue;
    for (std::size_t line = 0; line < s.lines.size(); ++line) {
      std::size_t const first = line;
      std::string const text = comment_at(s, line);
      for (std::sregex_iterator it(text.begin(), text.end(), promise), end; it != end; ++it) {
        std::string const sentence = (*it)[1];
        std::sregex_iterator word(sentence.begin(), sentence.end(), quoted);
        if (word == end) out.add("fatal", s.name, first + 1, "a promise without its text: fatal" + sentence);
        for (; word != end; ++word) {
          std::string const promised = (*word)[1];
          if (deaths.find(promised) != std::string::npos) continue;
          out.add("fatal", s.name, first + 1, fmt::format("no death test expects \"{}\"", promised));
        }
      }
    }
  }
}

}  // namespace retake::tidy
