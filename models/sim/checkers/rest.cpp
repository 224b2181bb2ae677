// Every thread has gone home: nothing is in flight, so everything must add up.
#include "sim/checkers/inspector.hpp"
#include "sim/checkers/watch.hpp"

namespace retake::checkers {

namespace {

bool in_global(scheduler const& s, goroutine const& g) noexcept {
  std::uint32_t length = 0;
  bool found = false;
  for (goroutine const* at = inspector::first_global(s.global); at != nullptr; at = at->link.peek()) {
    if (++length > inspector::global_size(s.global)) sim::fail("Q2: the global queue is longer than its size");
    found = found || at == &g;
  }
  if (length != inspector::global_size(s.global)) sim::fail("Q2: the global queue is shorter than its size");
  return found;
}

std::uint32_t places_of(scheduler const& s, goroutine const& g) noexcept {
  std::uint32_t places = in_global(s, g) ? 1 : 0;
  for (processor const& p : inspector::made(s.processors)) {
    auto const& q = p.queue;
    for (std::uint32_t at = inspector::ring_head(q); at != inspector::ring_tail(q); ++at) places += inspector::ring_slot(q, at) == &g ? 1 : 0;
    places += inspector::ring_next(q) == &g ? 1 : 0;
  }
  return places;
}

}  // namespace

void check_rest(scheduler const& s, expectations const& what) noexcept {
  std::uint64_t live = 0;
  for (goroutine const* g = s.goroutines.peek(); g != nullptr; g = g->all_link.peek()) {
    const goroutine_state state = g->state.peek();
    if (state != goroutine_state::dead) ++live;
    if (state == goroutine_state::running) sim::fail("G3: a goroutine runs and every thread has gone home");
    const std::uint32_t places = places_of(s, *g);
    if (places > 1) sim::fail("G2: a goroutine is in two queues");
    if (places == 1 && state != goroutine_state::runnable) sim::fail("G2: a goroutine that is not runnable is in a queue");
  }
  const std::uint64_t created = s.goroutines_created.peek();
  const std::uint64_t ended = s.goroutines_ended.peek();
  if (created != ended + live) sim::fail("G9: goroutines created are not ended and live ones together");
  if (what.everything_ends && live != 0) sim::fail("G9: a goroutine is lost");
  if (inspector::spinning(s.gate) != 0) sim::fail("M5: Ms count as spinning and every thread has gone home");
  if (inspector::blocked_in_poller(s.polling) != 0) sim::fail("N6: the poller is claimed and every thread has gone home");
  if (what.everything_ends && inspector::waiting(s.network) != 0) sim::fail("N5: goroutines count as waiting for descriptors and there are none");
}

}  // namespace retake::checkers
