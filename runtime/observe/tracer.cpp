#include "observe/tracer.hpp"

#include <algorithm>

#include "world/clock.hpp"

namespace retake::observe {

void tracer::attach_locked(machine& m) {
  lane* free = nullptr;
  for (lane& one : lanes_) {
    if (one.owner == &m) {
      one.first = one.ring->written();
      m.ring.set(one.ring.get());
      return;
    }
    if (one.owner == nullptr && one.first == one.ring->written()) free = &one;
  }
  if (free == nullptr) {
    free = &lanes_.emplace_back();
    free->ring = std::make_unique<trace_ring>(m.home.clock_ns);
  }
  free->owner = &m;
  free->id = m.id;
  m.ring.set(free->ring.get());
}

void tracer::attach(machine& m) {
  const locked hold(lock_);
  if (running_) attach_locked(m);
}

void tracer::detach(machine& m) noexcept {
  const locked hold(lock_);
  for (lane& one : lanes_) {
    if (one.owner == &m) one.owner = nullptr;
  }
  m.ring.set(nullptr);
}

bool tracer::start(scheduler& s) {
  const locked machines(s.lock);
  const locked hold(lock_);
  if (running_) return false;
  for (lane& one : lanes_) one.first = one.ring->written();
  running_ = true;
  began_ns_ = world::nanotime();
  began_ticks_ = world::report_ticks();
  for (machine* m = s.machines.get(); m != nullptr; m = m->all_link.get()) attach_locked(*m);
  return true;
}

tracer::recording tracer::stop(scheduler& s) {
  recording all;
  const locked machines(s.lock);
  const locked hold(lock_);
  if (!running_) return all;
  running_ = false;
  for (machine* m = s.machines.get(); m != nullptr; m = m->all_link.get()) m->ring.set(nullptr);
  all.ran = true;
  all.began_ticks = began_ticks_;
  all.ended_ticks = world::report_ticks();
  all.ns_per_tick =
      static_cast<double>(world::nanotime() - began_ns_) / static_cast<double>(all.ended_ticks - began_ticks_);
  for (lane& one : lanes_) {
    trace_ring const& ring = *one.ring;
    if (ring.written() == one.first) continue;
    recorded& its = all.machines.emplace_back();
    its.machine = one.id;
    std::uint64_t from = one.first;
    const std::uint64_t until = ring.written();
    if (until - from > trace_ring::capacity) from = until - trace_ring::capacity;
    for (std::uint64_t i = from; i < until; ++i) its.events.push_back(ring.at(i));
    // What was overwritten while it was copied is not an event; one more may be half written.
    const std::uint64_t now = ring.written() + 1;
    const std::uint64_t oldest = now > trace_ring::capacity ? now - trace_ring::capacity : 0;
    if (oldest > from)
      its.events.erase(its.events.begin(),
                       its.events.begin() + static_cast<std::ptrdiff_t>(std::min(oldest, until) - from));
    its.lost = until - one.first - its.events.size();
    one.first = ring.written();
  }
  return all;
}

}  // namespace retake::observe
