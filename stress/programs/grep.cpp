// grep.cpp: the lines that match, in the files beneath folders: many files at a time, told in order
//
//     grep [-E] PATTERN PATH...        as grep -rnI: path:line:text
//
// One goroutine walks, names in the order of their bytes; each file is searched by a goroutine of
// its own; main tells what they have found, in the walk's order. What they share is a channel of so
// many places as files may be searched ahead: a file's place in it is the place where its answer
// will be. Files are read by retake::file: what memory holds at once, the rest by the P's ring.
// Links are followed when they are named, not on the way; a file with a zero byte in its first
// piece is passed over. Expressions are std::regex's, which tries one way after the other: some
// take for ever on some lines. Exit code, as grep's: 0: something was found; 1: nothing; 2: bad
// usage, or something could not be read.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "retake/channel.hpp"
#include "retake/clock.hpp"
#include "retake/file.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/syscall.hpp"

namespace {

using namespace retake;
namespace fs = std::filesystem;

constexpr std::size_t first_piece_bytes = 32 * 1024;  // most files are smaller
constexpr std::size_t piece_bytes = 256 * 1024;
constexpr std::size_t ahead_max = 64;             // files that are searched before their turn to be told
constexpr std::size_t regex_line_max = 4 * 1024;  // libstdc++ matches by recursion, several frames for each byte
constexpr std::size_t regex_stack_bytes = 16 * 1024 * 1024;  // of address space

struct settings {
  std::string pattern;
  std::vector<std::string> paths;
  bool is_regex = false, figures = false;
};

// Of one file.
struct answer {
  std::string lines, trouble;
  std::uint64_t matches = 0, bytes = 0;
};

using promise = channel<answer>;

class searcher {
 public:
  searcher(settings const& chosen) : literal_(chosen.pattern) {
    if (chosen.is_regex) regex_.emplace(chosen.pattern, std::regex::egrep | std::regex::optimize);
  }

  [[nodiscard]] answer search(std::string const& path) const {
    answer found;
    result<file> opened = open_file(path.c_str(), open_mode::read);
    const std::error_code why = opened ? read_lines(*opened, path, found) : opened.error();
    if (why) found.trouble += fmt::format("grep: {}: {}\n", path, why.message());
    return found;
  }

 private:
  std::error_code read_lines(file& from, std::string const& path, answer& found) const {
    std::uint64_t number = 0;
    std::string held;  // from the beginning of a line on
    for (bool more = true; more;) {
      const std::size_t kept = held.size(), piece = found.bytes == 0 ? first_piece_bytes : piece_bytes;
      held.resize(kept + piece);
      const result<std::size_t> got = from.read_at(std::as_writable_bytes(std::span(held).subspan(kept)), found.bytes);
      if (!got) return got.error();
      held.resize(kept + *got);
      if (found.bytes == 0 && held.find('\0') != std::string::npos) return {};
      found.bytes += *got;
      more = *got == piece;
      std::size_t begin = 0;
      for (std::size_t end = 0; (end = held.find('\n', begin)) != std::string::npos; begin = end + 1) {
        look_at({held.data() + begin, end - begin}, path, ++number, found);
        preempt_point();
      }
      held.erase(0, begin);
    }
    if (!held.empty()) look_at(held, path, ++number, found);
    return {};
  }

  void look_at(std::string_view line, std::string const& path, std::uint64_t number, answer& found) const {
    if (regex_ && line.size() > regex_line_max) {
      found.trouble += fmt::format("grep: {}:{}: a line of {} bytes is too long for a regular expression\n", path,
                                   number, line.size());
      return;
    }
    if (regex_ ? !std::regex_search(line.begin(), line.end(), *regex_) : line.find(literal_) == std::string_view::npos)
      return;
    ++found.matches;
    found.lines += fmt::format("{}:{}:{}\n", path, number, line);
  }

  std::string const literal_;
  std::optional<std::regex> regex_;
};

class walker {
 public:
  walker(searcher const& how, channel<std::shared_ptr<promise>>& in_order) : how_(how), in_order_(in_order) {}

  void walk(std::string const& path) {
    std::error_code why;
    const fs::file_status status = syscall([&] { return fs::status(path, why); });
    if (why) {
      tell(fmt::format("grep: {}: {}\n", path, why.message()));
    } else if (fs::is_directory(status)) {
      enter(path);
    } else {
      search(path);
    }
  }

 private:
  void enter(std::string const& folder) {
    std::vector<fs::directory_entry> entries;
    std::error_code why;
    syscall([&] {
      for (fs::directory_iterator at(folder, why), end; !why && at != end; at.increment(why)) entries.push_back(*at);
    });
    if (why) tell(fmt::format("grep: {}: {}\n", folder, why.message()));
    std::sort(entries.begin(), entries.end(),
              [](auto const& a, auto const& b) { return a.path().native() < b.path().native(); });
    for (fs::directory_entry const& one : entries) {
      std::error_code gone;
      const fs::file_status status = syscall([&] { return one.symlink_status(gone); });
      if (fs::is_directory(status)) {
        enter(one.path().native());
      } else if (fs::is_regular_file(status)) {
        search(one.path().native());
      }
    }
  }

  void search(std::string path) {
    const auto place = std::make_shared<promise>(1);
    in_order_.send(place);
    go([&how = how_, place, path = std::move(path)] { place->send(how.search(path)); });
  }

  void tell(std::string trouble) {
    const auto place = std::make_shared<promise>(1);
    place->send({.lines = {}, .trouble = std::move(trouble)});
    in_order_.send(place);
  }

  searcher const& how_;
  channel<std::shared_ptr<promise>>& in_order_;
};

int search(settings const& chosen, searcher const& how) {
  const time_point began = monotonic_now();
  std::uint64_t files = 0, bytes = 0, matches = 0;
  bool trouble = false;
  channel<std::shared_ptr<promise>> in_order(ahead_max);
  go([&] {
    walker walks(how, in_order);
    for (std::string const& path : chosen.paths) walks.walk(path);
    in_order.close();
  });
  result<file> output = file_of(::dup(STDOUT_FILENO));
  for (std::shared_ptr<promise> const& place : in_order) {
    const answer found = *place->receive();
    ++files;
    bytes += found.bytes;
    matches += found.matches;
    if (!found.trouble.empty()) fmt::print(stderr, "{}", found.trouble);
    trouble = trouble || !found.trouble.empty();
    if (!found.lines.empty() && (!output || !output->write(std::as_bytes(std::span(found.lines)))))
      return 2;  // nobody reads it
  }
  if (chosen.figures) {
    fmt::print(stderr, "{}\n",
               nlohmann::json{{"kind", "program"},
                              {"name", "grep"},
                              {"files", files},
                              {"bytes", bytes},
                              {"matches", matches},
                              {"seconds", std::chrono::duration<double>(monotonic_now() - began).count()}}
                   .dump());
  }
  if (trouble) return 2;
  return matches != 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  CLI::App app{"The lines that match a pattern, in files and in all files beneath folders, in order"};
  app.add_option("pattern", chosen.pattern, "what to look for: the text itself")->required();
  app.add_option("path", chosen.paths, "files and folders")->required();
  app.add_flag("-E,--regex", chosen.is_regex, "the pattern is an extended regular expression");
  app.add_flag("--figures", chosen.figures, "a JSON line on standard error when all is told");
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    fmt::print(stderr, "grep: {}\n", e.what());
    return 2;
  }
  try {
    const searcher how(chosen);
    options room = options_from_environment();
    if (chosen.is_regex) room.stack_bytes = regex_stack_bytes;
    int code = 2;
    run(room, [&] { code = search(chosen, how); });
    return code;
  } catch (std::regex_error const& e) {
    fmt::print(stderr, "grep: {}: {}\n", chosen.pattern, e.what());
    return 2;
  }
}
