// task07_foreign_overhead.cpp: a foreign call costs tens of nanoseconds more than a plain one,
// which matters for work of nanoseconds and for nothing else
//
// Seed.      Exercise 7, "Measure Cgo Overhead": 80 to 150 ns a call against 1 ns: about 100 times.
//            Acceptable when the work is much longer than 1 us; batch in tight loops.
// Method.    A function that does nothing, through a pointer that the compiler cannot follow, plain
//            and as a foreign call; then with 1 and 20 us of work; then a thousand calls as one.
// Twin.      The batch is of one.
#include <fmt/format.h>

#include <algorithm>

#include "measured.hpp"
#include "retake/foreign_call.hpp"
#include "retake/run.hpp"
#include "worksheet.hpp"

namespace {

using namespace retake;
using stress::worksheet;

constexpr std::uint64_t calls = 20'000;
constexpr std::uint64_t batch = 1'000;

void (*volatile noop)() = [] {};

// Work that takes about that long and that no clock interrupts.
std::uint64_t turns_for_ns(double ns) {
  std::uint64_t state = 1;
  const double each =
      stress::cost_ns(10'000, [&] { stress::keep(state = state * 6364136223846793005u + 1442695040888963407u); });
  return static_cast<std::uint64_t>(ns / each) + 1;
}
void work(std::uint64_t turns) {
  std::uint64_t state = turns;
  for (std::uint64_t i = 0; i < turns; ++i) stress::keep(state = state * 6364136223846793005u + 1442695040888963407u);
}

struct with_work {
  double plain_ns, foreign_ns;
  [[nodiscard]] double overhead() const {
    return std::max(0.0, foreign_ns / plain_ns - 1);
  }  // below 0: less than can be measured
};
with_work measure(double work_ns) {
  const std::uint64_t turns = turns_for_ns(work_ns);
  with_work seen{1e18, 1e18};
  for (int i = 0; i < 4'000;
       ++i) {  // one at a time, in turn, and the least of each: some run between two interruptions
    seen.plain_ns = std::min(seen.plain_ns, stress::once_ns(1, [&] { work(turns); }));
    seen.foreign_ns = std::min(seen.foreign_ns, stress::once_ns(1, [&] { foreign_call([&] { work(turns); }); }));
  }
  return seen;
}

void quantify(worksheet& out) {
  options chosen;
  chosen.processors = 1;
  run(chosen, [&] {
    const double plain = stress::cost_ns(calls, [] { noop(); });
    const std::uint64_t at_once = out.broken() ? 1 : batch;
    const auto each_of_batch = [&] {
      return stress::once_ns(calls / at_once,
                             [&] {
                               foreign_call([&] {
                                 for (std::uint64_t i = 0; i < at_once; ++i) noop();
                               });
                             }) /
             static_cast<double>(at_once);
    };
    const stress::pair_of_costs both = stress::in_turn(
        25, [] { return stress::once_ns(calls, [] { foreign_call([] { noop(); }); }); }, each_of_batch);
    const double foreign = both.before, batched = both.after;
    const with_work small = measure(1'000), large = measure(20'000);
    out.row("plain", "a plain call", "about 1 ns", plain, "ns");
    out.row("foreign", "a foreign call of nothing", "80 to 150 ns", foreign, "ns");
    out.row("ratio", "the one against the other", "about 100", foreign / plain, "x");
    out.row("batched", fmt::format("each of {} calls in one foreign call", at_once), "", batched, "ns");
    out.row("share_1us", "overhead on 1 us of work", "", small.overhead() * 100, "%");
    out.row("share_20us", "overhead on 20 us of work", "", large.overhead() * 100, "%");
    out.at_least("a foreign call against a plain one", foreign / plain, 5);
    out.at_least("a call on its own against one of a batch", both.ratio, 5);
    out.at_most("overhead on 20 us of work, in percent", large.overhead() * 100, 10);
    out.answer("When is the overhead acceptable?",
               fmt::format("A call of nothing cost {:.0f} ns more than a plain one: {:.0f} % of 1 us of work, {:.1f} % "
                           "of 20 us. Above {:.1f} us it is less than 1 %.",
                           foreign - plain, small.overhead() * 100, large.overhead() * 100, (foreign - plain) / 10));
    out.answer("When should you batch?",
               fmt::format("In batches of {} each call cost {:.1f} ns instead of {:.0f}, {:.0f} times less.", at_once,
                           batched, foreign, foreign / batched),
               "In tight loops, where nothing waits for the result of one call.");
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_exercise({7,
                               "task07_foreign_overhead",
                               "what a foreign call costs, and what a batch of them",
                               "the batch is of one",
                               quantify,
                               nullptr,
                               {{"runtime/syscall/foreign.cpp", "enter_foreign",
                                 "a foreign call is a system call to the scheduler"},
                                {"runtime/syscall/foreign.cpp", "leave_foreign", "the way back"}}},
                              argc, argv);
}
