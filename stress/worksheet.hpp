// worksheet.hpp: what the exercises share: a table of what the seed expects beside what was
// measured, checks, questions with answers, and a broken twin.
//
// Problem.   An exercise that only prints figures teaches whoever reads them and fails for nobody.
//            One that asserts absolute figures fails on the next machine.
// Recipe.    Each fills a worksheet: rows (the seed's figure in its own words beside the measured
//            one), checks (a count or a ratio of this very run against a bound with a wide margin),
//            answers to the seed's questions (sentences made of the measured figures).
//            run_exercise() shows it and turns it into an exit code: 0 all checks hold, 1 one does
//            not, 2 bad usage, 3 the machine lacks something (named), 4 the machine was too noisy
//            to tell. One turn in which every check holds is enough. Otherwise the exercise is run
//            again, up to five turns: a check is refuted when it fails beyond the noise of the
//            turns (noise.hpp). --broken runs the twin once, which does wrong what the exercise is
//            about: it has to end with 1, or the checks prove nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "place.hpp"
#include "quantile.hpp"

namespace retake::stress {

class worksheet {
 public:
  explicit worksheet(bool broken) noexcept : broken_(broken) {}

  // The twin is asked for.
  [[nodiscard]] bool broken() const noexcept { return broken_; }

  // A line of the table, and a named figure of the JSON line. `seed`: what the exercise expects, ""
  // where it says nothing.
  void row(std::string key, std::string what, std::string seed, double measured, std::string unit);
  // The same of what the program chose, and did not measure: it is shown as that.
  void given(std::string key, std::string what, std::string seed, double value, std::string unit);
  // What must hold. Every check is shown.
  void at_least(std::string what, double seen, double bound);
  void at_most(std::string what, double seen, double bound);
  void holds(std::string what, bool so);
  // A question of the seed, and what this run says to it. `explanation`: what does not follow from
  // the run.
  void answer(std::string asked, std::string said, std::string explanation = "");
  // A line as it is, between table and checks.
  void text(std::string line);
  // The run as Chrome's trace events, for --trace.
  void trace(std::string chrome_json);
  // What this machine does not allow: exit code 3 unless a check fails. What could be shown is
  // shown.
  void lacks(std::string what);
  // Another turn can say no more: no check fails.
  [[nodiscard]] bool is_done() const noexcept;

 private:
  friend struct presenter;
  struct figure {
    std::string key, what, seed, unit;
    double measured;
    bool given;
  };
  struct check {
    std::string what, relation;  // "": a plain yes or no
    double seen, bound;
    bool so;
    [[nodiscard]] double reached() const noexcept;  // of what it must reach: 1 holds
  };
  struct question {
    std::string asked, said, explanation;
  };

  bool const broken_;
  std::vector<figure> figures_;
  std::vector<check> checks_;
  std::vector<question> questions_;
  std::vector<std::string> texts_, missing_;
  std::string trace_;
};

struct exercise {
  std::uint32_t number;
  char const* name;  // of the file
  char const* goal;
  char const* twin;  // what the broken one does otherwise
  void (*run)(worksheet& out);
  int (*child)(std::string const& what) = nullptr;  // --child WHAT: what the exercise starts as a process of its own
  std::vector<place> explained = {};
  bool traces = false;  // --trace FILE: writes what it gives to worksheet::trace()
};

// main() of an exercise.
[[nodiscard]] int run_exercise(exercise const& what, int argc, char** argv);

}  // namespace retake::stress
