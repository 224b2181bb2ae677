// ledger.hpp: where the costs are entered: a figure beside the seed's; a way of doing something
// beside a better one; and what it all comes to.
//
// Recipe.    Two ways are measured in turn, round by round, and the median of the rounds' ratios
//            counts (measured.hpp). Each row claims the least ratio that it must show, far below
//            what is usually seen, and noise.hpp says whether the rounds hold it, refute it or
//            cannot tell. --broken swaps the two ways in every row: no claim may hold then.
#pragma once

#include <string>
#include <utility>

#include "measured.hpp"
#include "noise.hpp"

namespace retake::costs {

using stress::pair_of_costs;

// A claim: `after` costs at least `least` times less than `before`. 0: none is made, the figures
// are shown.
struct claim {
  char const* name;
  char const* before;
  char const* after;
  char const* unit;
  double least;
  char const* caveat;  // when not to apply it; of an anti-optimisation: what to do instead
};

// A figure of the seed's table, in the row's unit, and why it may be another one here.
struct expectation {
  char const* text;
  double low, high;
  char const* why_less;
  char const* why_more;
};

class ledger {
 public:
  ledger(bool as_json, bool broken, std::string only) : as_json_(as_json), broken_(broken), only_(std::move(only)) {}

  [[nodiscard]] bool broken() const noexcept { return broken_; }
  // --only: a part of the name.
  [[nodiscard]] bool wanted(std::string const& name) const { return name.find(only_) != std::string::npos; }

  // Of the rows that follow; shown when there are any.
  void heading(char const* text) { heading_ = text; }
  // A row of the cost table. The seed's figures are orders of magnitude: within half of one the row
  // says that it holds, else why it does not hold here. It claims nothing.
  void cost(char const* name, char const* what, expectation const& seed, double value, char const* unit);
  void enter(claim const& what, pair_of_costs const& seen);
  template <class Before, class After>
  void compare(claim const& what, int rounds, Before&& before, After&& after) {
    enter(what, broken_ ? stress::in_turn(rounds, after, before) : stress::in_turn(rounds, before, after, what.least));
  }
  // A figure that has to stay at or below a bound.
  void at_most(char const* name, std::string const& what, double value, double bound, char const* unit);
  // Between the rows; standard error with --json.
  void text(std::string const& line) const;

  [[nodiscard]] int rows() const noexcept { return rows_; }
  [[nodiscard]] int failed() const noexcept { return failed_; }
  [[nodiscard]] int noisy() const noexcept { return noisy_; }

 private:
  void begin_row();

  bool const as_json_, broken_;
  std::string const only_;
  char const* heading_ = nullptr;
  int rows_ = 0, failed_ = 0, noisy_ = 0;
};

// Each: one group of rows.
void cost_table(ledger& into);     // cost_table.cpp
void fewer_calls(ledger& into);    // fewer_calls.cpp: larger reads, buffers, writev, sendfile, batches
void fewer_threads(ledger& into);  // fewer_threads.cpp: bounds, the size of a pool, pinning, the monitor's share
void better_waits(ledger& into);   // better_waits.cpp: connections kept, pipes, channels, the clock
void call_by_steps(
    ledger& into);  // call_by_steps.cpp: a foreign call taken apart, a woken thread, the monitor's rate, dates
void right_pools(ledger& into);  // right_pools.cpp: so many calls and connections at a time, and what a lock of every
                                 // thread leads to
void round_trips(ledger& into);  // round_trips.cpp: a database, buffers before sockets, messages
void false_economies(ledger& into);  // false_economies.cpp: seven that lose

}  // namespace retake::costs
