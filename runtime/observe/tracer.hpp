// tracer.hpp: the rings of all threads, and what becomes of them.
#pragma once

#include <memory>
#include <vector>

#include "protocol/spin_lock.hpp"
#include "sched/scheduler.hpp"
#include "sched/trace_ring.hpp"

namespace retake::observe {

class tracer {
 public:
  // By a goroutine, with the world stopped. False: it runs already.
  [[nodiscard]] bool start(scheduler& s);

  struct recorded {
    std::uint32_t machine = 0;
    std::uint64_t lost = 0;
    std::vector<trace_ring::event> events;  // oldest first
  };
  struct recording {
    bool ran = false;
    double ns_per_tick = 0;
    std::uint64_t began_ticks = 0, ended_ticks = 0;
    std::vector<recorded> machines;
  };
  // Likewise.
  [[nodiscard]] recording stop(scheduler& s);

  // A thread is about to be made for `m`: it is traced from its first step. And it ends: its ring
  // stays for who reads.
  void attach(machine& m);
  void detach(machine& m) noexcept;

 private:
  struct lane {
    std::unique_ptr<trace_ring> ring;
    machine const* owner = nullptr;  // nullptr: its thread has ended
    std::uint32_t id = 0;            // the owner's
    std::uint64_t first = 0;         // events before are of an earlier trace
  };

  // A ring lasts as long as this object: a thread may be in the middle of an event when a trace
  // stops.
  void attach_locked(machine& m);

  spin_lock lock_;
  bool running_ = false;
  std::uint64_t began_ticks_ = 0;
  std::int64_t began_ns_ = 0;
  std::vector<lane> lanes_;
};

}  // namespace retake::observe
