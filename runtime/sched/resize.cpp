// More or fewer Ps while the program runs: between a stop of the world and its start.
#include <algorithm>

#include "sched/scheduler.hpp"
#include "sched/watch.hpp"
#include "world/kernel.hpp"

namespace retake {

namespace sched {

namespace {

// What its owner kept close goes to where others find it: no M will ever look for work here.
void retire(scheduler& s, processor& p) noexcept {
  while (goroutine* const g = p.queue.get().item) s.global.put(g);
  p.timers.move_all_to(s.processors[0].timers);
  while (goroutine* const g = p.free_goroutines.pop_front()) s.free_goroutines.push_back(g);
  processor_status::retire_stopped(p);
}

// The goroutine that sysmon starts. Who has said how many Ps there shall be meanwhile has said it
// before this world stops, or says it behind.
void take_limit(void*) {
  scheduler& s = machine_here().home;
  stop_the_world();
  const std::uint32_t wanted = s.limit_followed.load_relaxed();
  if (wanted != 0) watch::limit_changed(s, s.processors.count(), wanted);
  s.processors_wanted = wanted;
  start_the_world();
}

}  // namespace

std::uint32_t processors_allowed() noexcept {
  return std::min(static_cast<std::uint32_t>(world::kernel::cpu_limit()), world::limits::processors_max);
}

void follow_limit(scheduler& s) noexcept {
  const std::uint32_t before = s.limit_followed.load_relaxed();
  if (before == 0) return;
  const std::uint32_t allowed = processors_allowed();
  if (allowed == before || !s.limit_followed.compare_exchange_relaxed(before, allowed).won) return;
  goroutine* const g = new_goroutine(s, nullptr);
  if (g == nullptr) {
    static_cast<void>(s.limit_followed.compare_exchange_relaxed(allowed, before));  // at the next look
    return;
  }
  g->invoke = take_limit;
  static_cast<void>(closure_memory(*g, 0));
  start_goroutine(*g);
  count_idle_locked(s, -1);  // one more that runs, until an M can have found the goroutine
  {
    const locked hold(s.lock);
    s.global.put(g);
  }
  wake(s);
  count_idle_locked(s, +1);
}

void resize(scheduler& s) noexcept {
  const std::uint32_t before = s.processors.count();
  const std::uint32_t wanted = s.processors_wanted;
  s.processors_wanted = 0;
  if (wanted == 0 || wanted == before) return;
  for (std::uint32_t i = wanted; i < before; ++i) retire(s, s.processors[i]);
  const std::uint32_t known = s.processors.made_count();
  s.processors.make(wanted);
  for (std::uint32_t i = before; i < wanted; ++i) {
    processor& p = s.processors[i];
    if (i < known) {
      processor_status::revive_stopped(p);
    } else {
      processor_status::stop_in_hand(p);
    }
  }
  s.processors.set_count(wanted);
}

// Both change in one stopped world: of two calls the last to stop it has said both.
std::uint32_t set_processors(std::uint32_t wanted, std::uint32_t followed) noexcept {
  scheduler& s = machine_here().home;
  if (wanted > world::limits::processors_max) wanted = world::limits::processors_max;
  stop_the_world();
  const std::uint32_t before = s.processors.count();
  s.limit_followed.store_relaxed(followed);  // the stop of the world brings it to who would follow the limit
  s.processors_wanted = wanted;
  start_the_world();
  return before;
}

}  // namespace sched

std::uint32_t processors() noexcept { return machine_here().home.processors.count(); }

std::uint32_t set_processors(std::uint32_t wanted) noexcept {
  const std::uint32_t now = processors();
  if (wanted == 0) return now;
  const bool is_so = wanted == now && machine_here().home.limit_followed.load_relaxed() == 0;
  return is_so ? now : sched::set_processors(wanted, 0);
}

std::uint32_t follow_processor_limit() noexcept {
  const std::uint32_t allowed = sched::processors_allowed();
  return sched::set_processors(allowed, allowed);
}

}  // namespace retake
