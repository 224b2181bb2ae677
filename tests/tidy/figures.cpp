// figures.cpp: `tidy --figures ROOT`: what of a house can be counted, by room.
//
// Recipe.    As everywhere in tidy: line by line. The formatter decides where code is broken, so a
//            function is what begins with a line that ends in "{" and ends with the first "}" at
//            the same indent.
// Not promised: functions within classes of classes, and lambdas.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "tidy.hpp"

namespace retake::tidy {

namespace {

constexpr std::size_t long_file = 300, long_function = 70;

struct function {
  std::string where;
  std::size_t lines;
};

bool is_code(source const& s) { return s.name.ends_with(".hpp") || s.name.ends_with(".cpp"); }

// "runtime/sched" of runtime/sched/run.cpp, "stress" of stress/task.cpp.
std::string room_of(std::string const& name) {
  std::size_t const first = name.find('/'), second = name.find('/', first + 1);
  if (first == std::string::npos) return "(top)";
  return name.substr(0, second == std::string::npos ? first : second);
}

std::size_t indent_of(std::string const& line) { return std::min(line.find_first_not_of(' '), line.size()); }

std::vector<function> functions_of(source const& s) {
  static std::regex const opens(R"(^ {0,2}[A-Za-z~\[].*\)[^;=]*\{$|^ {4,}.*\) (?:const )?(?:noexcept )?\{$)");
  static std::regex const no_function(
      R"(^ *(?:if|for|while|switch|else|do|try|catch|namespace|class|struct|enum|union)\b)");
  std::vector<function> found;
  for (std::size_t i = 0; i < s.lines.size(); ++i) {
    std::string const& line = s.lines[i];
    if (!std::regex_search(line, opens) || std::regex_search(line, no_function)) continue;
    std::size_t begin = i;  // a signature that was broken begins with the line that is indented least
    while (begin > 0 && indent_of(s.lines[begin]) > 2 && !s.lines[begin - 1].empty()) --begin;
    std::string const closing = std::string(indent_of(s.lines[begin]), ' ') + "}";
    std::size_t end = i + 1;
    while (end < s.lines.size() && !s.lines[end].starts_with(closing)) ++end;
    if (end < s.lines.size() && indent_of(s.lines[begin]) <= 2)
      found.push_back({fmt::format("{}:{}", s.name, begin + 1), end - begin + 1});
    i = std::max(i, end == s.lines.size() ? i : end);
  }
  return found;
}

struct counts {
  std::size_t files = 0, lines = 0, comments = 0, over_long_files = 0, over_long_functions = 0, functions = 0;
};

// Which rooms of the runtime include which others, and then which can be reached so.
std::map<std::string, std::set<std::string>> reachable_rooms(tree const& t) {
  static std::regex const quoted(R"re(^\s*#\s*include\s+"([a-z]+)/)re");
  std::map<std::string, std::set<std::string>> rooms;
  for (source const& s : t.files) {
    if (!is_code(s) || !s.name.starts_with("runtime/") || s.name.starts_with("runtime/include/")) continue;
    std::set<std::string>& out = rooms[room_of(s.name).substr(8)];
    for (std::string const& line : s.lines) {
      std::smatch m;
      if (std::regex_search(line, m, quoted)) out.insert(m[1]);
    }
  }
  for (auto const& [by, reached] : rooms) {  // Warshall: a path may go through `by`
    for (auto& [from, out] : rooms) {
      if (from != by && out.contains(by)) out.insert(reached.begin(), reached.end());
    }
  }
  return rooms;
}

void say_cycles(tree const& t) {
  auto const rooms = reachable_rooms(t);
  std::string cyclic;
  for (auto const& [name, reached] : rooms) {
    for (std::string const& other : reached) {
      auto const back = rooms.find(other);
      if (name < other && back != rooms.end() && back->second.contains(name))
        cyclic += fmt::format("  {} <-> {}\n", name, other);
    }
  }
  fmt::print("\nrooms of the runtime that reach each other: {}\n{}", cyclic.empty() ? "none" : "", cyclic);
}

}  // namespace

void say_figures(tree const& t) {
  std::map<std::string, counts> rooms;
  std::vector<function> longest_files, longest_functions;
  for (source const& s : t.files) {
    if (!is_code(s)) continue;
    counts& room = rooms[room_of(s.name)];
    ++room.files;
    room.lines += s.lines.size();
    room.comments += static_cast<std::size_t>(std::count_if(s.lines.begin(), s.lines.end(), [](std::string const& l) {
      return l.compare(indent_of(l), 2, "//") == 0;
    }));
    if (s.lines.size() > long_file) {
      ++room.over_long_files;
      longest_files.push_back({s.name, s.lines.size()});
    }
    for (function const& f : functions_of(s)) {
      ++room.functions;
      if (f.lines <= long_function) continue;
      ++room.over_long_functions;
      longest_functions.push_back(f);
    }
  }
  fmt::print("{:<24}{:>7}{:>9}{:>11}{:>14}{:>11}{:>18}\n", "room", "files", "lines", "comments", "files > 300",
             "functions", "functions > 70");
  counts all;
  for (auto const& [name, c] : rooms) {
    fmt::print("{:<24}{:>7}{:>9}{:>10.0f}%{:>14}{:>11}{:>18}\n", name, c.files, c.lines,
               100.0 * static_cast<double>(c.comments) / static_cast<double>(std::max<std::size_t>(c.lines, 1)),
               c.over_long_files, c.functions, c.over_long_functions);
    all.files += c.files;
    all.lines += c.lines;
    all.comments += c.comments;
    all.over_long_files += c.over_long_files;
    all.functions += c.functions;
    all.over_long_functions += c.over_long_functions;
  }
  fmt::print("{:<24}{:>7}{:>9}{:>10.0f}%{:>14}{:>11}{:>18}\n", "all", all.files, all.lines,
             100.0 * static_cast<double>(all.comments) / static_cast<double>(std::max<std::size_t>(all.lines, 1)),
             all.over_long_files, all.functions, all.over_long_functions);
  for (auto* const list : {&longest_files, &longest_functions}) {
    std::ranges::sort(*list, [](function const& a, function const& b) { return a.lines > b.lines; });
    fmt::print("\n{}\n", list == &longest_files ? "longest files" : "longest functions");
    for (std::size_t i = 0; i < std::min<std::size_t>(list->size(), 15); ++i)
      fmt::print("{:>6}  {}\n", (*list)[i].lines, (*list)[i].where);
  }
  say_cycles(t);
}

}  // namespace retake::tidy
