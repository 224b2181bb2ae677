// More or fewer Ps while the program runs: between a stop of the world and its start.
#include "sched/scheduler.hpp"

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

}  // namespace

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

std::uint32_t set_processors(std::uint32_t wanted) noexcept {
  scheduler& s = this_machine()->home;
  if (wanted > world::limits::processors_max) wanted = world::limits::processors_max;
  stop_the_world();
  const std::uint32_t before = s.processors.count();
  s.processors_wanted = wanted;
  start_the_world();
  return before;
}

}  // namespace sched

std::uint32_t processors() noexcept { return this_machine()->home.processors.count(); }

std::uint32_t set_processors(std::uint32_t wanted) noexcept {
  const std::uint32_t now = processors();
  return wanted == 0 || wanted == now ? now : sched::set_processors(wanted);
}

}  // namespace retake
