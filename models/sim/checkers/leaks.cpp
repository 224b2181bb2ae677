// V9: what is left when every thread has exited. Its memory: run_watched() of the scenarios.
#include "sim/checkers/inspector.hpp"
#include "sim/checkers/table.hpp"

namespace retake::checkers {

namespace {

std::uint32_t records_of(scheduler const& s) noexcept {
  std::uint32_t n = 0;
  for (goroutine const* g = s.goroutines.peek(); g != nullptr; g = g->all_link.peek()) ++n;
  return n;
}

std::uint32_t free_records_of(scheduler const& s) noexcept {
  std::uint32_t n = s.free_goroutines.count + s.trimmed_goroutines.count;
  for (processor const& p : inspector::made(s.processors)) n += p.free_goroutines.count;
  return n;
}

}  // namespace

void remember_records(scheduler const& s, memory& remembered) noexcept {
  const std::uint32_t used = records_of(s) - free_records_of(s);
  if (used > remembered.most_records) remembered.most_records = used;
}

// A P may keep so many dead goroutines to itself while another maker finds none; beyond that a
// record is made only when all are in use. The last look misses none: the record that makes the
// most is made before its goroutine starts.
void check_v9(look const& at) noexcept {
  const std::uint32_t kept = inspector::made_count(at.s.processors) * at.s.rules.free_goroutines_per_processor;
  if (records_of(at.s) > at.remembered.most_records + kept)
    sim::fail("V9: a goroutine's record was made while others were free");
  if (at.s.machine_count.peek() != 1 || at.s.machines.peek() != at.s.main_machine)
    sim::fail("V9: an M is left when every thread has exited");
  if (!at.what.everything_ends) return;
  for (processor const& p : inspector::made(at.s.processors)) {
    if (inspector::timer_count(p.timers) != 0) sim::fail("V9: a timer waits and its program has ended");
  }
  if (inspector::descriptors_in_use(at.s.network) != 0)
    sim::fail("V9: a descriptor is registered and its program has ended");
  if (at.s.gates.peek() != 0) sim::fail("V9: a gate is open and its program has ended");
}

}  // namespace retake::checkers
