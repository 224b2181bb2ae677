// rules_width.cpp: 120 columns for code, 100 for comments and Markdown (width).
//
// Recipe.    clang-format keeps C++ within 120; what it leaves alone (comments, literals) and what
//            it does not know (scripts, build files, Markdown) is counted here. An exception is
//            `width FILE N`: exactly N lines, so that the list can only shrink.
// Not promised: columns of what is no ASCII: bytes that continue a character are not counted.
#include <fmt/format.h>

#include <algorithm>

#include "tidy.hpp"

namespace retake::tidy {

namespace {

constexpr std::size_t code_columns = 120, prose_columns = 100;

std::size_t columns(std::string const& line) {
  return static_cast<std::size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool is_comment(source const& s, std::string const& line) {
  std::size_t const at = line.find_first_not_of(' ');
  if (at == std::string::npos) return false;
  bool const hash = !s.name.ends_with(".hpp") && !s.name.ends_with(".cpp") && !s.name.ends_with(".S");
  return hash ? line[at] == '#' : line.compare(at, 2, "//") == 0;
}

// Tables, code and lines without a place to break are as wide as they have to be.
bool is_prose(std::string const& line) {
  return !line.starts_with('|') && !line.starts_with("    ") && line.find(' ') != std::string::npos;
}

}  // namespace

void check_width(tree const& t, exceptions& allowed, complaints& out) {
  for (source const& s : t.files) {
    bool const markdown = s.name.ends_with(".md");
    bool fenced = false;
    std::vector<std::size_t> wide;
    for (std::size_t i = 0; i < s.lines.size(); ++i) {
      std::string const& line = s.lines[i];
      if (markdown) {
        if (line.find("```") != std::string::npos) fenced = !fenced;
        if (!fenced && is_prose(line) && columns(line) > prose_columns) wide.push_back(i + 1);
      } else if (columns(line) > (is_comment(s, line) ? prose_columns : code_columns)) {
        wide.push_back(i + 1);
      }
    }
    if (wide.empty() || allowed.allows("width", fmt::format("{} {}", s.name, wide.size()))) continue;
    out.add("width", s.name, wide.front(),
            fmt::format("{} lines are wider than {} columns ({} for comments and prose)", wide.size(), code_columns,
                        prose_columns));
  }
}

}  // namespace retake::tidy
