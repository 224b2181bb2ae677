#include "two_sided.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>

namespace retake::tests {

namespace {

struct question {
  std::regex call;
  sim::op_kind kind;
  bool has_deadline;
};

std::vector<question> const& questions() {
  static std::vector<question> const all = {{std::regex(R"(\bcompare_exchange_\w+\()"), sim::op_kind::cas, false},
                                            {std::regex(R"(\brecheck\()"), sim::op_kind::recheck, false},
                                            {std::regex(R"(\bfutex_wait\()"), sim::op_kind::futex_wait, false},
                                            {std::regex(R"(\bfutex_wait_\w+\()"), sim::op_kind::futex_wait, true}};
  return all;
}

std::string trimmed(std::string const& text) {
  const std::size_t from = text.find_first_not_of(' ');
  return from == std::string::npos ? std::string() : text.substr(from, text.find_last_not_of(' ') - from + 1);
}

void read_source(std::filesystem::path const& path, std::string const& file, std::vector<two_sided_site>& all,
                 std::vector<std::string>& complaints) {
  std::ifstream in(path);
  unsigned line = 0;
  for (std::string text; std::getline(in, text);) {
    ++line;
    const std::string code = text.substr(0, text.find("//"));
    std::map<sim::op_kind, int> calls;
    for (question const& q : questions()) {
      const auto found = std::distance(std::sregex_iterator(code.begin(), code.end(), q.call), std::sregex_iterator());
      if (found == 0) continue;
      if (calls[q.kind] == 0) all.push_back({file, line, trimmed(text), q.kind, q.has_deadline, {}});
      calls[q.kind] += static_cast<int>(found);
    }
    for (auto const& [kind, n] : calls) {
      if (n <= 1) continue;
      complaints.push_back(file + ":" + std::to_string(line) + ": " + std::to_string(n) +
                           " operations of one kind on one line are one site");
    }
  }
}

bool names(excuse const& e, two_sided_site const& s) { return e.file == s.file && e.text == s.text; }

bool has_word(std::string const& words, std::string const& word) {
  return (" " + words + " ").find(" " + word + " ") != std::string::npos;
}

}  // namespace

std::vector<two_sided_site> sites_of_sources(std::filesystem::path const& root, std::vector<std::string> const& floors,
                                             std::vector<std::string>& complaints) {
  std::vector<two_sided_site> all;
  for (auto const& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::filesystem::path below = entry.path().lexically_relative(root);
    if (std::find(floors.begin(), floors.end(), below.begin()->string()) != floors.end()) continue;
    if (below.extension() == ".hpp" || below.extension() == ".cpp")
      read_source(entry.path(), below.string(), all, complaints);
  }
  std::sort(all.begin(), all.end(),
            [](auto const& a, auto const& b) { return std::pair(a.file, a.line) < std::pair(b.file, b.line); });
  return all;
}

void add_counters(std::vector<two_sided_site>& sites, sim::site_table const& reached, std::filesystem::path const& root,
                  std::vector<std::string>& complaints) {
  for (std::uint32_t i = 0; i < reached.size(); ++i) {
    sim::site_record const& r = reached[static_cast<std::uint16_t>(i)];
    if (r.reached == 0 || sim::sides_of(r.kind).empty()) continue;
    // A name that is not absolute is seen from the folder above `root` (-ffile-prefix-map).
    const std::string file = (root.parent_path() / r.file).lexically_normal().lexically_relative(root).string();
    if (file.empty() || file.starts_with("..")) continue;
    const auto same = std::find_if(sites.begin(), sites.end(), [&](two_sided_site const& s) {
      return s.file == file && s.line == r.line && s.kind == r.kind;
    });
    if (same == sites.end()) {
      const std::string stray =
          file + ":" + std::to_string(r.line) + " was reached and is not among the sites of the sources";
      if (std::find(complaints.begin(), complaints.end(), stray) == complaints.end()) complaints.push_back(stray);
      continue;
    }
    for (std::size_t o = 0; o < same->seen.size(); ++o) same->seen[o] += r.outcomes[o];
  }
}

std::vector<std::string> missing_answers(two_sided_site const& site) {
  std::vector<std::string> missing;
  for (std::size_t o = 0; o < sim::sides_needed(site.kind, site.has_deadline); ++o) {
    if (site.seen[o] == 0) missing.emplace_back(sim::sides_of(site.kind)[o]);
  }
  return missing;
}

std::vector<excuse> read_excuses(std::filesystem::path const& file, std::vector<std::string>& complaints) {
  std::vector<excuse> all;
  std::ifstream in(file);
  if (!in) complaints.push_back(file.string() + " cannot be read");
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    // The text may hold " | " itself: it is what stands between the first bar and the last but one.
    const std::size_t text = line.find(" | ");
    const std::size_t reason = line.rfind(" | ");
    const std::size_t answers = reason == text || reason == std::string::npos ? reason : line.rfind(" | ", reason - 1);
    if (answers == text || trimmed(line.substr(reason + 3)).empty()) {
      complaints.push_back("not `file | text | answers | reason`: " + line);
      continue;
    }
    all.push_back({line.substr(0, text), line.substr(text + 3, answers - text - 3),
                   line.substr(answers + 3, reason - answers - 3), line.substr(reason + 3)});
  }
  return all;
}

std::vector<excuse> excuses_of(two_sided_site const& site, std::vector<excuse> const& excuses) {
  std::vector<excuse> own;
  std::copy_if(excuses.begin(), excuses.end(), std::back_inserter(own),
               [&](excuse const& e) { return names(e, site); });
  return own;
}

std::vector<std::string> judge(std::vector<two_sided_site> const& sites, std::vector<excuse> const& excuses) {
  std::vector<std::string> complaints;
  for (two_sided_site const& s : sites) {
    std::vector<std::string> missing = missing_answers(s);
    const bool never = *std::max_element(s.seen.begin(), s.seen.end()) == 0;
    for (excuse const& e : excuses_of(s, excuses)) {
      if (has_word(e.answers, "never")) {
        if (!never)
          complaints.push_back(s.where() + " is excused as never reached, and was: " + s.text);
        else
          missing.clear();
      }
      for (std::size_t o = 0; o < sim::sides_of(s.kind).size(); ++o) {
        std::string const answer(sim::sides_of(s.kind)[o]);
        if (!has_word(e.answers, answer)) continue;
        if (s.seen[o] != 0)
          complaints.push_back(s.where() + " is excused from `" + answer + "`, and saw it: " + s.text);
        std::erase(missing, answer);
      }
    }
    if (missing.empty()) continue;
    if (never) {
      complaints.push_back(s.where() + " was never reached: " + s.text);
      continue;
    }
    for (std::string const& answer : missing)
      complaints.push_back(s.where() + " never saw `" + answer + "`: " + s.text);
  }
  for (excuse const& e : excuses) {
    const auto n = std::count_if(sites.begin(), sites.end(), [&](two_sided_site const& s) { return names(e, s); });
    if (n != 1)
      complaints.push_back("an excuse names " + std::to_string(n) + " sites instead of one: " + e.file + " | " +
                           e.text);
  }
  return complaints;
}

}  // namespace retake::tests
