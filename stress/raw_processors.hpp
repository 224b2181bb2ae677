// raw_processors.hpp: the protocol of processor_status alone, on bare threads: Ms that enter and
// exit, thieves that take.
//
// Problem.   In the whole runtime a monitor makes some thousand attempts a second; the window in
//            which its CAS loses is nanoseconds wide.
// Recipe.    One or two Ms in a loop: enter, a pause of some loads, exit; lost: another P from the
//            pool. One or two thieves: a P whose status reads Syscall is taken by CAS and goes to
//            the pool, now and then by way of the stopped world. Each P carries plain data that
//            only its owner of the moment touches: two owners are seen by its mark, by its sum, and
//            by a sanitizer as a race.
// `Take` is the thief's way to take: processor_status::take, or in the canary a store that does not
// ask.
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "hammer.hpp"
#include "protocol/processor_status.hpp"
#include "protocol/spin_lock.hpp"
#include "world/futex.hpp"

namespace retake::stress {

struct raw_events {
  std::size_t exit_won, exit_aba, exit_lost, take_won, take_lost, stopped;
};

struct raw_processor : processor_side {
  explicit raw_processor(std::uint32_t processor_id) noexcept : processor_side(processor_id) {}
  // The owner of the moment alone.
  std::uint64_t owner = 0;
  std::uint64_t touches = 0;
};

struct raw_shape {
  std::uint32_t machines, processors, thieves;
};

template <class Take>
class raw_processors {
 public:
  raw_processors(pass const& p, raw_events const& events, raw_shape shape, double seconds, Take take)
      : pass_(p),
        events_(events),
        shape_(shape),
        until_ns_(now_ns() + static_cast<std::int64_t>(seconds * 1e9)),
        take_(take) {
    for (std::uint32_t i = 0; i < shape.processors; ++i) {
      processors_.push_back(new raw_processor(i));
      pool_.push_back(processors_.back());
    }
  }
  ~raw_processors() {
    for (raw_processor* p : processors_) delete p;
  }
  raw_processors(raw_processors const&) = delete;
  raw_processors& operator=(raw_processors const&) = delete;

  void run() {
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < shape_.machines; ++i) threads.emplace_back([this, i] { call(i + 1); });
    for (std::uint32_t i = 0; i < shape_.thieves; ++i)
      threads.emplace_back([this, i] { steal(shape_.machines + i + 1); });
    for (std::thread& t : threads) t.join();
    std::uint64_t touches = 0;
    for (raw_processor* p : processors_) touches += p->touches;
    if (touches != touches_.load()) pass_.out.found("P9: two threads owned one P at once: one's write to it is gone");
    if (pool_.size() != processors_.size()) pass_.out.found("P9: a P is lost, or in the pool twice");
  }

 private:
  // On a busy machine a yield costs milliseconds: few of them, for when all of these threads share
  // one core.
  static constexpr std::uint32_t yield_one_in = 2048;
  static constexpr std::uint64_t looks_before_yield = 2048;

  bool over() noexcept { return stop_.load(std::memory_order_relaxed) || pass_.out.has_finding(); }

  // Whoever has the P in hand or wired.
  void touch(raw_processor& p, std::uint64_t self) noexcept {
    if (p.owner != 0) pass_.out.found("P9: two threads own one P");
    p.owner = self;
    ++p.touches;
    if (p.owner != self) pass_.out.found("P9: two threads own one P");
    p.owner = 0;
  }

  void put(raw_processor& p) {
    const locked hold(lock_);
    pool_.push_back(&p);
  }
  raw_processor* get() {
    const locked hold(lock_);
    if (pool_.empty()) return nullptr;
    raw_processor* const p =
        pool_.front();  // the oldest: so that a P wanders, and comes back to a call that still names it
    pool_.erase(pool_.begin());
    return p;
  }

  void call(std::uint32_t self) {
    machine_side m(self);
    dice d(pass_.seed + self);
    std::uint64_t touches = 0, told = 0, won = 0, aba = 0, lost = 0, fruitless = 0;
    for (std::uint32_t n = 0; !over(); ++n) {
      if (n % 64 == 0) {
        pass_.out.round(touches - told);
        told = touches;
        if (now_ns() >= until_ns_ || pass_.out.rounds() - began_rounds_ >= pass_.rounds_left)
          stop_.store(true, std::memory_order_relaxed);
      }
      if (m.p.get() == nullptr) {
        raw_processor* const p = get();
        if (p == nullptr) {
          if (++fruitless % looks_before_yield == 0) std::this_thread::yield();
          continue;
        }
        fruitless = 0;
        processor_status::wire(m, *p);
      }
      touch(static_cast<raw_processor&>(*m.p.get()), self);
      ++touches;
      for (std::uint32_t spin = d.below(16); spin > 0; --spin) world::pause();
      processor_status::enter(m);
      // Now and then a long call: time for others to have the P, and to be in a call with it when
      // this M comes back.
      if (d.below(yield_one_in) == 0) std::this_thread::yield();
      for (std::uint32_t spin = d.below(d.below(64) == 0 ? 1'024 : 24); spin > 0; --spin) world::pause();
      switch (processor_status::exit_fast(m)) {
        case exit_outcome::reacquired: ++won; break;
        case exit_outcome::reacquired_aba: ++aba; break;
        case exit_outcome::lost: ++lost; break;
      }
    }
    if (m.p.get() != nullptr) put(static_cast<raw_processor&>(processor_status::unwire(m)));
    pass_.out.count(events_.exit_won, won);
    pass_.out.count(events_.exit_aba, aba);
    pass_.out.count(events_.exit_lost, lost);
    touches_.fetch_add(touches);
  }

  void steal(std::uint32_t self) {
    dice d(pass_.seed + self);
    std::uint64_t touches = 0, won = 0, lost = 0, stopped = 0, fruitless = 0;
    while (!over()) {
      raw_processor& p = *processors_[d.below(shape_.processors)];
      if (p.status.load_relaxed() != processor_state::syscall) {
        if (++fruitless % looks_before_yield == 0) std::this_thread::yield();
        continue;
      }
      fruitless = 0;
      // Between the look and the CAS the M may come back: that is the race.
      if (d.below(yield_one_in) == 0) std::this_thread::yield();
      for (std::uint32_t spin = d.below(24); spin > 0; --spin) world::pause();
      const bool to_stop = d.below(8) == 0;
      if (!take_(p, to_stop ? processor_state::gc_stop : processor_state::idle)) {
        ++lost;
        continue;
      }
      ++won;
      if (to_stop) {
        ++stopped;
        processor_status::restart_in_hand(p);
      }
      touch(p, self);
      ++touches;
      put(p);
      for (std::uint32_t spin = d.below(12); spin > 0; --spin) world::pause();
    }
    pass_.out.count(events_.take_won, won);
    pass_.out.count(events_.take_lost, lost);
    pass_.out.count(events_.stopped, stopped);
    touches_.fetch_add(touches);
  }

  pass const& pass_;
  raw_events const events_;
  raw_shape const shape_;
  std::int64_t const until_ns_;
  Take take_;
  std::uint64_t const began_rounds_ = pass_.out.rounds();
  std::vector<raw_processor*> processors_;
  spin_lock lock_;
  std::vector<raw_processor*> pool_;  // under lock_
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> touches_{0};
};

// Every shape in turn. On two cores a third thread is what gets the others preempted in the middle.
template <class Take>
void hammer_raw_processors(pass const& p, raw_events const& events, double seconds, Take take) {
  static constexpr raw_shape shapes[] = {{1, 1, 1}, {2, 2, 1}, {2, 1, 1}, {1, 2, 2}, {2, 3, 2}};
  for (raw_shape const shape : shapes) {
    if (p.out.has_finding()) return;
    raw_processors<Take>(p, events, shape, seconds / std::size(shapes), take).run();
  }
}

}  // namespace retake::stress
