// inspector.hpp: the friend of the protocols in the os world. One for all that look: the
// scheduler's trace, the hammers' checks of quiescence, and the tests. The simulator's is
// models/sim/checkers/inspector.hpp; a program has one of the two.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sched/scheduler.hpp"
#include "world/peek.hpp"

namespace retake {

struct inspector {
  using idle_lists = idle_set<processor, machine, world::limits::processors_max>;

  // Without the scheduler's lock, for what has no published copy: by peek, as nothing is decided
  // here.
  static std::uint32_t timers(timer_heap const& h) noexcept { return world::peek_word<std::uint32_t>(&h.count_, 0); }
  static bool spinner_wanted(wake_gate const& g) noexcept { return g.wanted_.load_relaxed() != 0; }

  // Under the scheduler's lock.
  static processor* first_processor(idle_lists const& s) noexcept { return s.first_processor_.get(); }
  static machine* first_machine(idle_lists const& s) noexcept { return s.first_machine_.get(); }
  static std::uint64_t mask_word(idle_lists const& s, std::size_t i) noexcept { return s.mask_[i].load_relaxed(); }
  static constexpr std::size_t mask_words = (world::limits::processors_max + 63) / 64;
  static goroutine* first_global(global_queue<goroutine> const& q) noexcept { return q.first_.get(); }

  static std::uint32_t waiting(poller const& p) noexcept { return p.waiting_.load_relaxed(); }

  // For canaries, which break what is looked at.
  static world::atomic<std::uint32_t>& waiting_word(poller& p) noexcept { return p.waiting_; }
  static void flip_mask_bit(idle_lists& s, std::uint32_t id) noexcept {
    s.mask_[id / 64].store_relaxed(s.mask_[id / 64].load_relaxed() ^ std::uint64_t{1} << id % 64);
  }
};

}  // namespace retake
