// Where goroutines are: in at most one queue, exactly when they are runnable, and none is lost.
#include "sim/checkers/inspector.hpp"
#include "sim/checkers/table.hpp"

namespace retake::checkers {

namespace {

std::uint32_t places_in_global(scheduler const& s, goroutine const& g) noexcept {
  std::uint32_t places = 0;
  std::uint32_t length = 0;
  for (goroutine const* at = inspector::first_global(s.global); at != nullptr; at = at->link.peek()) {
    if (++length > inspector::global_size(s.global)) return places;  // Q2
    places += at == &g ? 1 : 0;
  }
  return places;
}

std::uint32_t places_of(scheduler const& s, goroutine const& g) noexcept {
  std::uint32_t places = places_in_global(s, g);
  for (processor const& p : inspector::made(s.processors)) {
    auto const& q = p.queue;
    for (std::uint32_t at = inspector::ring_head(q); at != inspector::ring_tail(q); ++at)
      places += inspector::ring_slot(q, at) == &g ? 1 : 0;
    places += inspector::ring_next(q) == &g ? 1 : 0;
  }
  return places;
}

// Its M was handed a P for it, and is held up by the kernel (the fault slow_syscall) on its way
// there.
bool handed_to_its_m(goroutine const& g) noexcept {
  machine const* const m = g.locked_m.peek();
  return m != nullptr && m->started_locked.peek() != 0;
}

}  // namespace

// While the world stands still no goroutine is in a hand but a locked one. At rest one may have
// been left there by the end of the program.
void check_g2(look const& at) noexcept {
  for (goroutine const* g = at.s.goroutines.peek(); g != nullptr; g = g->all_link.peek()) {
    const bool runnable = g->state.peek() == goroutine_state::runnable;
    const std::uint32_t places = places_of(at.s, *g);
    if (places > 1) sim::fail("G2: a goroutine is in two queues");
    if (places == 1 && !runnable) sim::fail("G2: a goroutine that is not runnable is in a queue");
    if (places == 0 && runnable && at.when == at_stillness && !handed_to_its_m(*g))
      sim::fail("G2: a runnable goroutine is in no queue");
  }
}

void check_g9(look const& at) noexcept {
  std::uint64_t live = 0;
  for (goroutine const* g = at.s.goroutines.peek(); g != nullptr; g = g->all_link.peek())
    live += g->state.peek() != goroutine_state::dead ? 1 : 0;
  if (at.s.goroutines_created.peek() != at.s.goroutines_ended.peek() + live)
    sim::fail("G9: goroutines created are not ended and live ones together");
  if (at.what.everything_ends && live != 0) sim::fail("G9: a goroutine is lost");
}

void check_q2(look const& at) noexcept {
  std::uint32_t length = 0;
  for (goroutine const* g = inspector::first_global(at.s.global); g != nullptr; g = g->link.peek()) {
    if (++length > inspector::global_size(at.s.global)) sim::fail("Q2: the global queue is longer than its size");
  }
  if (length != inspector::global_size(at.s.global)) sim::fail("Q2: the global queue is shorter than its size");
}

}  // namespace retake::checkers
