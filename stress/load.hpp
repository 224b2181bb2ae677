// load.hpp: what the goroutines of one runtime under a hammer share: when to end, and data that
// belongs to whoever owns a P.
//
// Each P has a plain counter that only a goroutine which runs on that P touches, wherever it came
// from. If two ever own one P, a sanitizer sees a race and the sum at the end is too small: an
// increment is gone.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "hammer.hpp"
#include "sched/scheduler.hpp"

namespace retake::stress {

inline constexpr std::uint32_t load_processors_max = 8;

class load {
 public:
  load(pass const& p, double seconds) noexcept
      : out(p.out),
        pass_(p),
        until_ns_(now_ns() + static_cast<std::int64_t>(seconds * 1e9)),
        began_rounds_(p.out.rounds()) {}
  load(load const&) = delete;
  load& operator=(load const&) = delete;

  report& out;

  // Any goroutine, between its rounds.
  [[nodiscard]] bool over() noexcept {
    if (stop_.load(std::memory_order_relaxed)) return true;
    const bool now = now_ns() >= until_ns_ || out.rounds() - began_rounds_ >= pass_.rounds_left || out.has_finding();
    if (now) stop_.store(true, std::memory_order_relaxed);
    return now;
  }

  // A running goroutine. Nothing in here lets go of the P.
  void touch() noexcept {
    ++per_processor_[this_machine()->processor_here().id].times;
    touches_.fetch_add(1, std::memory_order_relaxed);
  }
  // The stopper of the world: every P is its own.
  void touch_all() noexcept {
    for (mark& m : per_processor_) ++m.times;
    touches_.fetch_add(per_processor_.size(), std::memory_order_relaxed);
  }

  // When the runtime has ended.
  void check_touches() noexcept {
    std::uint64_t sum = 0;
    for (mark const& m : per_processor_) sum += m.times;
    if (sum != touches_.load(std::memory_order_relaxed))
      out.found("P9: two goroutines ran on one P at once: one's write is gone");
  }

 private:
  struct alignas(64) mark {
    std::uint64_t times = 0;
  };

  pass const& pass_;
  std::int64_t const until_ns_;
  std::uint64_t const began_rounds_;
  std::array<mark, load_processors_max> per_processor_{};
  std::atomic<std::uint64_t> touches_{0};
  std::atomic<bool> stop_{false};
};

}  // namespace retake::stress
