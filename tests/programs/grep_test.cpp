// The parallel grep against the system's. Method: both search the same folders; what ours adds is
// that files come in order.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "child.hpp"

namespace retake::test {
namespace {

struct told {
  std::string text;
  int code = 0;
};

told tell(std::vector<std::string> command) {
  child c(std::move(command));
  told seen{c.all_output()};
  seen.code = c.code();
  return seen;
}

told theirs(std::string const& how, std::string const& pattern, std::string const& folder) {
  return tell({"env", "LC_ALL=C", "grep", "-rnI" + how, "-e", pattern, folder});
}

// Lines, those of each file together and in their own order.
std::vector<std::string> sorted_lines(std::string const& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::stable_sort(lines.begin(), lines.end(), [](std::string const& a, std::string const& b) {
    return a.substr(0, a.find(':')) < b.substr(0, b.find(':'));
  });
  return lines;
}

std::string differs(told const& ours, told const& expected) {
  if (ours.code != expected.code) return "exit code " + std::to_string(ours.code);
  const std::vector<std::string> a = sorted_lines(ours.text), b = sorted_lines(expected.text);
  if (a == b) return "";
  return std::to_string(a.size()) + " lines, where there are " + std::to_string(b.size()) + ", or others";
}

TEST(grep, finds_what_the_system_s_grep_finds) {
  for (std::string const pattern : {"world::", "#include \"",
                                    "nothing contains "
                                    "this"})
    EXPECT_EQ(differs(tell({RETAKE_GREP, pattern, RETAKE_SOURCES}), theirs("F", pattern, RETAKE_SOURCES)), "")
        << pattern;
  const std::string expression = "^#include \"(sched|world)/[a-z_]+\\.hpp\"$";
  const told found = theirs("E", expression, RETAKE_SOURCES);
  EXPECT_GT(sorted_lines(found.text).size(), 100u);
  EXPECT_EQ(differs(tell({RETAKE_GREP, "-E", expression, RETAKE_SOURCES}), found), "");
  // A twin that forgets its last line.
  EXPECT_NE(differs(tell({"sh", "-c", "grep -rnIE -e '" + expression + "' " RETAKE_SOURCES " | sed '$d'"}), found), "");
}

// Large files among small ones: the small ones are searched first, and told in their turn.
TEST(grep, tells_files_in_order_whatever_their_sizes) {
  char name[] = "/tmp/retake-grep-XXXXXX";
  const std::filesystem::path folder = ::mkdtemp(name);
  std::string expected;
  for (int i = 100; i < 400; ++i) {
    const std::filesystem::path below = folder / ("d" + std::to_string(10 + i / 20)), file = below / std::to_string(i);
    std::filesystem::create_directories(below);
    std::string filling;
    for (int lines = 0; lines < (i % 20 == 0 ? 20'000 : 3); ++lines)
      filling += "a line without it, long enough to fill pieces\n";
    std::ofstream(file) << filling << "here it is\n"
                        << "and no more";
    expected +=
        file.native() + ":" + std::to_string(std::count(filling.begin(), filling.end(), '\n') + 1) + ":here it is\n";
  }
  std::ofstream(folder / "binary") << std::string("here it is\0\n", 12);
  std::filesystem::create_symlink("/", folder / "everything");
  const told seen = tell({RETAKE_GREP, "here it is", folder});
  EXPECT_EQ(seen.text, expected);
  EXPECT_EQ(seen.code, 0);
  EXPECT_EQ(differs(seen, theirs("F", "here it is", folder)), "");
  std::filesystem::remove_all(folder);
}

TEST(grep, says_by_its_code_what_it_found) {
  EXPECT_EQ(tell({RETAKE_GREP, "x", "/dev/null"}).code, 1);
  EXPECT_EQ(tell({"sh", "-c", RETAKE_GREP " x /nowhere 2>&1"}).text, "grep: /nowhere: No such file or directory\n");
  EXPECT_EQ(tell({"sh", "-c", RETAKE_GREP " x /nowhere 2>/dev/null"}).code, 2);
  EXPECT_EQ(tell({"sh", "-c", RETAKE_GREP " -E '(' /dev/null 2>/dev/null"}).code, 2);
}

}  // namespace
}  // namespace retake::test
