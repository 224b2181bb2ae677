// Goroutines that wait for descriptors: they are counted, each is named by one wait, and none is
// parked beside data.
#include "kernel/kernel.hpp"
#include "sim/checkers/inspector.hpp"
#include "sim/checkers/table.hpp"

namespace retake::checkers {

// N8, beyond what the kernel may hold up a poll that has the event already (the fault
// slow_syscall), twice.
constexpr std::int64_t lost_edge_ns = 45'000'000;

// A wait names its goroutine from the commit of its park to the one wake-up that is its due.
void check_g6(look const& at) noexcept {
  inspector::each_parked(at.s.network, [](goroutine const& g, poll_descriptor const&, bool) {
    if (g.state.peek() != goroutine_state::waiting)
      sim::fail("G6: a goroutine was readied and its wait still names it: it will be readied twice");
  });
}

// Raised before the goroutine can be found, lowered after it was: operations of rings count too, so
// the count may be higher.
void check_n5(look const& at) noexcept {
  std::uint32_t parked = 0;
  inspector::each_parked(at.s.network, [&parked](goroutine const&, poll_descriptor const&, bool) { ++parked; });
  if (parked > inspector::waiting(at.s.network)) sim::fail("N5: more goroutines wait for descriptors than are counted");
  if (at.when == at_rest && at.what.everything_ends && inspector::waiting(at.s.network) != 0) {
    sim::fail("N5: goroutines count as waiting for descriptors and there are none");
  }
}

void check_n6(look const& at) noexcept {
  const std::uint32_t blocked = inspector::blocked_in_poller(at.s.polling);
  if ((inspector::last_poll_ns(at.s.polling) == 0) != (blocked == 1))
    sim::fail("N6: the time of the last poll and the M that blocks in the poller disagree");
  if (at.when == at_rest && blocked != 0) sim::fail("N6: the poller is claimed and every thread has exited");
}

void check_n8(look const& at) noexcept {
  std::uint64_t lost = 0;
  inspector::each_parked(at.s.network, [&lost](goroutine const& g, poll_descriptor const& d, bool reads) {
    if (lost == 0 && reads && sim::kernel::readable_and_unannounced(d.fd)) lost = reinterpret_cast<std::uintptr_t>(&g);
  });
  if (at.remembered.reader.add(lost, at.until_ns - sim::now_ns()) > lost_edge_ns)
    sim::fail("N8: a reader is parked beside data, and no event will say so");
}

}  // namespace retake::checkers
