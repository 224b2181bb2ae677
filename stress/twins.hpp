// twins.hpp: what the bug programs share: variants of one workload, each in a process of its own,
// watched from outside, and a verdict that is computed
//
// Problem.   A production bug is reproduced when its symptom shows in the buggy variant and not in
//            the repaired one, both on the same machine in the same minute. A process whose threads
//            are the symptom cannot count them fairly, and one that dies of the bug tells nobody.
// Recipe.    Each variant is a function that plays in a child. The parent reads the kernel's books
//            of the child every few milliseconds (threads; descriptors where they are drawn), and
//            hears figures, phases and points of time from it. A measure is a figure over another
//            one of the same run; the symptom shows where that is at least `from`, and the same
//            figure of the two variants must differ by `twins`. So load on the machine weighs on
//            both sides. The variants play in turn. One turn in which all is as documented is
//            enough; otherwise they play again, and noise.hpp says what the turns come to.
// Exit       both: 0 when every measure shows in its buggy variant and not in its fixed one;
//            --variant buggy: 0 when each shows; --variant fixed: 0 when none does; else 1. 2 bad
//            usage, 3 the machine lacks something (named), 4 a variant died or did not end, or has
//            no measure, or the machine was too noisy to tell. --swap plays the fixed variant under
//            the buggy one's name and the other way round: it must end with 1.
// --hold     plays one variant in this very process, in its symptomatic state, for so many seconds:
//            for those who look from outside.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "noise.hpp"
#include "place.hpp"

namespace retake::stress {

// What a variant has to tell. Any thread, any goroutine (each call is a short write into a pipe),
// also a process that beside() has made.
class stage {
 public:
  struct wires {
    int tell = -1;     // to the parent; -1: nobody listens
    int janitor = -1;  // removes directories when all of us are gone
  };
  stage(std::uint64_t seed, std::int64_t hold_until_ns, wires to) noexcept
      : seed_(seed), hold_until_ns_(hold_until_ns), to_(to) {}

  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  // --hold: no figures are wanted, only the symptomatic state, while holds().
  [[nodiscard]] bool held() const noexcept { return hold_until_ns_ != 0; }
  [[nodiscard]] bool holds() const noexcept;

  // From now on. What the parent sees before the first does not count, nor behind an empty one.
  void phase(std::string_view name);
  // The last value of a name stays.
  void figure(std::string_view name, double value, std::string_view unit);
  // A figure that the program chose, and did not measure: it is printed as that.
  void given(std::string_view name, double value, std::string_view unit);
  // The machine did not give this variant what its symptom needs, other load for example: this turn
  // refutes nothing.
  void disturbed(std::string_view why);
  void note(std::string_view name, std::string_view text);
  // For the picture: something that took `value`; or a state that lasts until the next.
  void point(std::string_view series, double value, std::string_view unit);
  void level(std::string_view series, double value, std::string_view unit);

  // Exit code 3: the machine forbids what this variant needs. Ends the process.
  [[noreturn]] void cannot(std::string_view what);
  // Before the runtime begins: `play` in another process, which ends with this one at the latest.
  // Clients of a server, for example.
  void beside(std::function<void()> const& play);
  // A directory (a cgroup too) that shall be gone when this program is, however it ends. The bug
  // says so with `leaves_directories`.
  void remove_later(std::string_view directory);

 private:
  void tell(std::string const& line);

  std::uint64_t const seed_;
  std::int64_t const hold_until_ns_;
  wires const to_;
};

// What calls took: percentiles, and points of the picture.
class latencies {
 public:
  explicit latencies(stage& teller, std::string_view series = "latency") : teller_(teller), series_(series) {}
  // Any thread, any goroutine.
  void add(std::int64_t took_ns);
  // 0 when there are none. Clears nothing.
  [[nodiscard]] double percentile_ms(double share) const;
  [[nodiscard]] std::size_t count() const;
  void clear();

 private:
  stage& teller_;
  std::string const series_;
  mutable std::mutex guard_;
  std::vector<std::int64_t> took_ns_;
};

// On a goroutine: the figure threads_charged, of threads that the profile threadcreate charges to
// lines of `file`; and the line that has most of them, as a note.
void tell_thread_sites(stage& teller, std::string_view file);
// On a goroutine: a metric of metrics.hpp by its name, summed over its labels; 0: there is none.
[[nodiscard]] double metric_now(std::string_view name);

struct variant {
  char const* name;  // the first is "buggy", the second "fixed"; others are compared by measures that name them
  char const* what;  // half a sentence
  void (*play)(stage&);
};

// The parent's own figures: threads_peak, threads_in_PHASE (median), context_switches, memory_peak,
// and 1 or 0 for each of the bug's last_words.
struct measure {
  char const* name;  // as stress/README.md has it
  char const* figure;
  char const* baseline = nullptr;  // a figure of the same run; null: the figure itself is the ratio
  double from = 0;                 // figure / baseline: from here on it is the symptom
  double twins = 0;                // figure of the buggy variant / of the fixed one: at least; 0: not compared
  char const* buggy = "buggy";
  char const* fixed = "fixed";
};

// What the seed says of a figure.
struct seed_figure {
  char const* figure;
  char const* says;
};

// A command that works as it stands, and what it shows: in words, and as a regular expression that
// its output matches. One that holds a variant in the background needs none. bug_commands_test.py
// runs them in one shell, in this order.
struct look {
  char const* command;
  char const* shows;
  char const* seen = "";
};

// A fatal text with which a variant may end, as a figure: 1 where it did. `variant`: that one
// alone; empty: any.
struct last_words {
  char const* figure;
  char const* text;
  std::string_view variant = {};
};

struct bug {
  int number;
  char const* name;
  char const* title;
  std::vector<variant> variants;
  std::vector<measure> measures;
  std::vector<look> looks;
  std::vector<seed_figure> seed = {};
  std::vector<place> explained = {};
  char const* pattern;         // of stress/README.md's ten, or "-"
  char const* scenario = "-";  // of the simulator, when it is a bug of order
  std::vector<char const*> pictures = {
      "threads"};  // series, in this order; "threads" and "descriptors" are the parent's own
  std::vector<last_words> may_end_with = {};
  bool leaves_directories = false;
  double seconds_max = 60;  // for each variant
};

// main() of a bug program.
[[nodiscard]] int run_bug(bug const& what, int argc, char** argv);

// ---- what is known of a run --------------------------------------------------------------------

struct series {
  struct point {
    double at_s, value;
  };
  std::string name, unit;
  bool lasts = false;  // a state, not an event
  std::vector<point> points;
};

struct record {
  struct figure {
    std::string name;
    double value;
    std::string unit;
    bool given = false;
  };
  struct mark {
    double at_s;
    std::string name;
  };
  std::string variant;
  std::uint32_t turn = 1;
  std::vector<figure> figures;
  std::vector<std::pair<std::string, std::string>> notes;
  std::vector<series> lines;
  std::vector<mark> phases;
  double seconds = 0;
  std::string lacking;    // what the machine does not give: exit code 3
  std::string trouble;    // it died, or did not end: exit code 4
  std::string disturbed;  // what kept the symptom away, or brought it, beside the variant

  // Null: there is none.
  [[nodiscard]] figure const* find(std::string_view name) const;
  void put(std::string_view name, double value, std::string_view unit, bool given = false);
  series& line(std::string_view name, std::string_view unit, bool lasts);
};

// ---- the verdict -------------------------------------------------------------------------------

struct outcome {
  measure const* of;
  double buggy, fixed, twins;  // of the middle turn; NaN: not measured
  finding verdict;
};

inline constexpr char const* both_variants = "both";
inline constexpr std::uint32_t turns_to_refute = 3, turns_max = 5;

// Of the measures that concern `variant`, or of all, what the turns say together.
[[nodiscard]] std::vector<outcome> judge(bug const& what, std::string_view variant, std::vector<record> const& runs);
// Whether the symptom shows in this run: in everything it is measured by.
[[nodiscard]] bool reproduced(bug const& what, record const& run);
// A record for each variant: of each figure the middle turn's, of the rest the first's.
[[nodiscard]] std::vector<record> middle_turns(std::vector<record> const& runs);

// In a child, to its end.
[[nodiscard]] record play_variant(bug const& what, variant const& which, char const* name, std::uint64_t seed,
                                  int janitor);
// Of a file of the lines that --json prints. std::invalid_argument says what is wrong with it, and
// where.
[[nodiscard]] std::vector<record> read_records(bug const& what, std::string const& path);
// The series `name` of all runs on one scale. Plain when `colours` is false, ASCII when `blocks`
// is.
[[nodiscard]] std::string picture(std::vector<record> const& runs, std::string_view name, std::size_t columns,
                                  bool colours, bool blocks);

}  // namespace retake::stress
