// A fatal error is about to be reported: what the report shows shall not change meanwhile.
#include "sched/scheduler.hpp"
#include "world/clock.hpp"

namespace retake::sched {

namespace {

// Whoever has the lock may be the caller itself, at the place where it found the error. Then nobody
// else gets far either.
constexpr int lock_tries = 50;
constexpr std::int64_t lock_pause_ns = 20'000;
// Who runs has this long to come to a call of the runtime; who does not is shown as running (Go: 5
// times 1 ms).
constexpr int asks = 5;
constexpr std::int64_t ask_pause_ns = 1'000'000;

bool lock_if_free(scheduler& s) noexcept {
  for (int tries = 0; tries < lock_tries; ++tries) {
    if (s.lock.try_lock()) return true;
    world::sleep_until(world::nanotime() + lock_pause_ns);
  }
  return false;
}

// Ps of system calls and idle ones: who returns from a call finds its old P gone, and no other.
void take_all(scheduler& s) noexcept {
  s.stop.freeze(s.processors.count());
  for (processor& p : s.processors.all()) {
    if (s.stop.take_from_call(p)) s.stop.one_stopped();
  }
  while (processor* const p = s.idle.take_processor()) {
    processor_status::stop_in_hand(*p);
    s.stop.one_stopped();
  }
}

}  // namespace

void freeze_the_world(scheduler& s) noexcept {
  if (lock_if_free(s)) {
    if (!s.stop.frozen()) take_all(s);
    s.lock.unlock();
  }
  for (int i = 0; i < asks; ++i) {
    for (processor& p : s.processors.made()) p.ask_to_yield();
    world::sleep_until(world::nanotime() + ask_pause_ns);
  }
}

}  // namespace retake::sched
