// tidy.cpp: reads the tree and complains about what the rules of the house forbid. `tidy ROOT`;
// exit code 1 when there are complaints.
//
// Problem.   A rule that only people check is broken by the second week.
// Recipe.    Line by line, without a compiler: a rule that needs one would be slow and would not
//            see what is not compiled.
// Checked by planted_test.sh: each rule fires on a tree that breaks it.
#include "tidy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace retake::tidy {

namespace fs = std::filesystem;

source const* tree::find(std::string const& name) const {
  auto const it = std::find_if(files.begin(), files.end(), [&](source const& s) { return s.name == name; });
  return it == files.end() ? nullptr : &*it;
}

exceptions::exceptions(std::string const& file) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::size_t const space = line.find(' '), colon = line.find(": ");
    if (space == std::string::npos || colon == std::string::npos || colon < space || colon + 2 >= line.size())
      malformed_.push_back(line);
    else
      entries_.push_back({line.substr(0, space), line.substr(space + 1, colon - space - 1)});
  }
}

bool exceptions::allows(std::string const& rule, std::string const& subject) {
  for (entry& e : entries_) {
    if (e.rule == rule && e.subject == subject) return e.used = true;
  }
  return false;
}

std::vector<std::string> exceptions::unused() const {
  std::vector<std::string> names;
  for (entry const& e : entries_) {
    if (!e.used && e.rule != "data") names.push_back(e.rule + " " + e.subject);  // data: image_test.sh
  }
  return names;
}

void complaints::add(std::string const& rule, std::string const& file, std::size_t line, std::string const& what) {
  fmt::print("{}:{}: {}: {}\n", file, line, rule, what);
  ++count_;
}

namespace {

tree read_tree(std::string const& root) {
  tree t{.root = root, .files = {}};
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
    std::string const name = fs::relative(it->path(), root).string();
    if (it->is_directory() && (name == "build" || name == "out" || name == ".git")) {
      it.disable_recursion_pending();
      continue;
    }
    std::string const extension = it->path().extension().string();
    bool const ours = extension == ".hpp" || extension == ".cpp" || extension == ".S" || extension == ".sh" ||
                      extension == ".py" || extension == ".md" || name == "retake" ||
                      it->path().filename() == "CMakeLists.txt";
    if (!it->is_regular_file() || !ours) continue;
    source s{.name = name, .lines = {}};
    std::ifstream in(it->path());
    for (std::string line; std::getline(in, line);) s.lines.push_back(line);
    t.files.push_back(std::move(s));
  }
  std::sort(t.files.begin(), t.files.end(), [](source const& a, source const& b) { return a.name < b.name; });
  return t;
}

}  // namespace

}  // namespace retake::tidy

int main(int argc, char** argv) {
  using namespace retake::tidy;
  bool const figures = argc == 3 && std::string_view(argv[1]) == "--figures";
  if (argc != (figures ? 3 : 2) || !std::filesystem::is_directory(argv[argc - 1])) {
    fmt::print(stderr, "usage: tidy [--figures] ROOT\n");
    return 2;
  }
  tree const t = read_tree(argv[argc - 1]);
  if (figures) {
    say_figures(t);
    return 0;
  }
  exceptions allowed(t.root + "/tests/tidy/allowed.txt");
  complaints out;
  check_includes(t, allowed, out);
  check_text(t, out);
  check_top(t, out);
  check_protocol(t, out);
  check_tags(t, allowed, out);
  check_width(t, allowed, out);
  check_fatal(t, out);
  check_errno(t, out);
  for (std::string const& line : allowed.malformed())
    out.add("allowed", "tests/tidy/allowed.txt", 0, "not `RULE SUBJECT: reason`: " + line);
  for (std::string const& name : allowed.unused())
    out.add("allowed", "tests/tidy/allowed.txt", 0, "nothing needs the exception any more: " + name);
  fmt::print("{} files, {} complaints\n", t.files.size(), out.count());
  return out.count() == 0 ? 0 : 1;
}
