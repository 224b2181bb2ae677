// two_sided.hpp: the sites of the sources that ask a question with several answers, and the answers
// that they have to see.
//
// Problem.   A guard that always answers the same is a guard that nothing tests, and a site that no
//            execution reaches says nothing at all: what was reached cannot tell what is missing.
// Rejected.  The engine's table of sites alone: it holds what was reached. Keys of file and text
//            without the line: the second of two equal lines hides behind the first.
// Recipe.    The sources are read: each call of compare_exchange_*, world::recheck and
//            world::futex_wait* outside of comments is a site, by file, line and kind. The counters
//            of the simulator are added to it by the same key. judge() says what is missing.
//
// Answers    compare-exchange   won, lost
//            recheck            true, false
//            futex_wait         woken, changed (the word differed before the sleep)
//            futex_wait_until   the same, and timed_out; a wait that only timed out has seen one
//
// An excuse is a line `file | text of the line | answers | reason`: the answers, `never` for all of
// them, that the site cannot have. The text names exactly one site, as line numbers move. An excuse
// for an answer that was seen is refused, so is one without a site or without a reason.
// Not promised: two calls of one kind on one line. They cannot be told apart and are refused.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sim/sites.hpp"

namespace retake::tests {

struct two_sided_site {
  std::string file;  // below the folder that was read: sched/resize.cpp
  unsigned line = 0;
  std::string text;  // of the line, without the blanks before it
  sim::op_kind kind = sim::op_kind::none;
  bool has_deadline = false;
  std::array<std::uint64_t, sim::site_record::outcomes_max> seen{};

  std::string where() const { return file + ":" + std::to_string(line); }
};

struct excuse {
  std::string file, text, answers, reason;
};

// Every two-sided site of the sources below `root` but in the folders of `floors`. A line with two
// calls of one kind is added to `complaints`.
std::vector<two_sided_site> sites_of_sources(std::filesystem::path const& root, std::vector<std::string> const& floors,
                                             std::vector<std::string>& complaints);

// Adds the counters of an execution's sites below `root`. A site that the sources do not have is
// added to `complaints`: the reading of the sources is then at fault.
void add_counters(std::vector<two_sided_site>& sites, sim::site_table const& reached, std::filesystem::path const& root,
                  std::vector<std::string>& complaints);

// The answers that the site has not seen, in the words of an excuse.
std::vector<std::string> missing_answers(two_sided_site const& site);

// Lines of the file; one that is not an excuse is added to `complaints`.
std::vector<excuse> read_excuses(std::filesystem::path const& file, std::vector<std::string>& complaints);

// The excuses whose file and text are the site's.
std::vector<excuse> excuses_of(two_sided_site const& site, std::vector<excuse> const& excuses);

// What is missing and not excused, and every excuse that is not needed: lines for people.
std::vector<std::string> judge(std::vector<two_sided_site> const& sites, std::vector<excuse> const& excuses);

}  // namespace retake::tests
