// hammer.hpp: what the hammers share: command line, clock, events, and a parent that lives to tell
// what became of the hammer.
//
// Problem.   A broken invariant ends the process where it is found (world/require.hpp), a lost
//            wake-up ends nothing at all, and a sanitizer has an exit code of its own. Whoever
//            reads the result wants one line and one of five exit codes in each of these cases.
// Recipe.    The hammer runs in a child. What it counts lies in memory shared with its parent,
//            which reads the child's standard error, notices when no round has ended for a while,
//            and says what happened: exit 0 holds, 1 a finding, 2 bad usage, 3 no threads to be
//            had, 4 not exercised. A hammer is a number of passes, each with a runtime and a seed
//            of its own. It runs for --seconds or until --rounds, and past --seconds only while one
//            of its demands is not met, for a bounded time.
// Not promised: that the same seed meets the same interleaving: these are real threads.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "retake/policy.hpp"
#include "retake/run.hpp"

namespace retake::stress {

inline constexpr std::size_t events_max = 48;

// An event that the hammer counts. `at_least` 0: for information; else fewer of them mean that the
// hammer did not exercise what it hammers.
struct event {
  char const* name;
  std::uint64_t at_least;
};

// Shared with the parent. Any thread of the hammer.
class report {
 public:
  void count(std::size_t which, std::uint64_t n = 1) noexcept {
    events_[which].fetch_add(n, std::memory_order_relaxed);
  }
  void round(std::uint64_t n = 1) noexcept { rounds_.fetch_add(n, std::memory_order_relaxed); }
  // The first finding stays. `tag_and_claim` as of world::require: "P9: two threads own one P". The
  // hammer should end soon afterwards.
  void found(char const* tag_and_claim) noexcept;

  [[nodiscard]] bool has_finding() const noexcept { return finding_.load(std::memory_order_acquire) == 2; }
  [[nodiscard]] std::uint64_t rounds() const noexcept { return rounds_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t events(std::size_t which) const noexcept {
    return events_[which].load(std::memory_order_relaxed);
  }
  [[nodiscard]] char const* finding() const noexcept { return text_; }

 private:
  std::atomic<std::uint64_t> rounds_{0};
  std::atomic<std::uint64_t> events_[events_max]{};
  std::atomic<std::uint32_t> finding_{0};  // 1: being written, 2: written
  char text_[256] = {};
};

// What a pass may use.
struct pass {
  report& out;
  std::uint64_t seed;
  double seconds;             // its share
  std::uint64_t rounds_left;  // below this many rounds; ~0: no limit
  bool overtime = false;      // the time is over and a demand is not met: do what is missing and nothing else
};

struct subject {
  char const* name;
  char const* claim;
  std::vector<event> events;
  void (*run_pass)(pass const&);
  double pass_seconds = 1;
  double stalled_seconds = 15;  // without a round: nobody makes progress
  double extra_seconds = 20;    // past --seconds, while a demand is not met
};

// Whether one of events [from, to) is below its demand.
[[nodiscard]] bool missing(std::vector<event> const& events, report const& out, std::size_t from, std::size_t to);

// main() of a hammer.
[[nodiscard]] int run_hammer(subject const& what, int argc, char** argv);

// ---- for the bodies ----------------------------------------------------------------------------

// Fast, seeded, one per thread or goroutine.
class dice {
 public:
  explicit dice(std::uint64_t seed) noexcept : state_(seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du) {
    static_cast<void>(next());
  }
  std::uint64_t next() noexcept {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t z = (state_ ^ state_ >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  // In [0, n).
  std::uint32_t below(std::uint32_t n) noexcept { return static_cast<std::uint32_t>((next() >> 32) * n >> 32); }

 private:
  std::uint64_t state_;
};

[[nodiscard]] inline std::int64_t now_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Burns about that long.
void busy_ns(std::int64_t duration_ns) noexcept;
// Sleeps this thread.
void nap_ns(std::int64_t duration_ns) noexcept;

// One word of this thread, through functions that no compiler folds: a goroutine may be on another
// thread after each call of the runtime.
[[nodiscard]] std::uint64_t thread_word() noexcept;
void set_thread_word(std::uint64_t word) noexcept;
[[nodiscard]] std::uint64_t kernel_thread() noexcept;

// How much slower than plain the build may be: bounds of waiting are multiplied by it.
[[nodiscard]] int sanitizer_factor() noexcept;

}  // namespace retake::stress
