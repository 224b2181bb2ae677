// The stacks of dead goroutines give their memory back when nobody has wanted them for a while.
//
// Dead goroutines that no P keeps wait in free_goroutines. The fewest that have waited there during
// a period are what the program did without: the monitor takes so many, gives the pages of their
// stacks to the system, and puts them into trimmed_goroutines, from where they are used again when
// the others are gone. (Go frees the stacks of dead goroutines in each garbage collection:
// gFree.stack and gFree.noStack.)
#include <algorithm>

#include "sched/scheduler.hpp"
#include "world/memory.hpp"

namespace retake::sched {

namespace {

constexpr std::uint32_t most_at_once = 64;  // the monitor has other things to do

}  // namespace

std::uint32_t end_trim_period(scheduler& s) noexcept {
  const locked hold(s.lock);
  const std::uint32_t cold = s.free_goroutines_least;
  s.free_goroutines_least = s.free_goroutines.count;
  return cold;
}

std::uint32_t trim_stacks(scheduler& s, std::uint32_t wanted) noexcept {
  const std::uint32_t at_once = std::min(wanted, most_at_once);
  batch<goroutine> cold;
  {
    const locked hold(s.lock);
    while (cold.count < at_once) {
      goroutine* const g = s.free_goroutines.pop_front();
      if (g == nullptr) break;
      cold.push_back(g);
    }
    if (s.free_goroutines.count < s.free_goroutines_least) s.free_goroutines_least = s.free_goroutines.count;
  }
  if (cold.count == 0) return wanted;  // they are in use again
  batch<goroutine> trimmed;
  while (goroutine* const g = cold.pop_front()) {
    world::give_back_pages(g->stack.low,
                           static_cast<std::size_t>(reinterpret_cast<char*>(g) - static_cast<char*>(g->stack.low)));
    trimmed.push_back(g);
  }
  const locked hold(s.lock);
  while (goroutine* const g = trimmed.pop_front()) s.trimmed_goroutines.push_back(g);
  s.paths.stacks_trimmed.add();
  return at_once;
}

}  // namespace retake::sched
