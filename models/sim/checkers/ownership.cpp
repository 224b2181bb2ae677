// Who owns a P: the status, the links and the lists say the same as the ghost, at each commit.
#include "sim/checkers/inspector.hpp"
#include "sim/checkers/watch.hpp"

namespace retake::checkers {

namespace {

std::uint32_t machines_with(scheduler const& s, processor const& p) noexcept {
  std::uint32_t n = 0;
  for (machine const* m = s.machines.peek(); m != nullptr; m = m->all_link.peek()) n += m->p.peek() == &p ? 1 : 0;
  return n;
}

void check_idle_list(scheduler const& s) noexcept {
  std::uint32_t length = 0;
  std::uint64_t seen = 0;
  for (processor const* p = inspector::first_idle(s.idle); p != nullptr; p = p->idle_link.peek()) {
    if (++length > inspector::count(s.processors)) sim::fail("P5: the idle list has a cycle");
    seen |= std::uint64_t{1} << p->id;
    if (p->holder.peek() != processor_holder::idle_list) sim::fail("P5: a P on the idle list belongs to somebody else");
    if (!inspector::ring_empty(p->queue)) sim::fail("P4: a P on the idle list has work in its queue");
  }
  if (length != inspector::idle_count(s.idle)) sim::fail("P5: the idle list's length is not its count");
  for (processor const& any : inspector::made(s.processors)) {
    if (inspector::idle_bit(s.idle, any.id) != ((seen >> any.id & 1) != 0)) sim::fail("P5: the idle mask disagrees with the idle list");
  }
}

void check_owner(scheduler const& s, processor const& p) noexcept {
  const processor_state status = p.status.peek();
  const bool used = p.holder.peek() == processor_holder::machine || p.holder.peek() == processor_holder::call;
  if (used && inspector::monitor_sleeps(s.monitor) && !inspector::stopping(s.stop)) sim::fail("M13: sysmon sleeps and a P is not idle");
  const std::uint32_t linked = machines_with(s, p);
  switch (p.holder.peek()) {
    case processor_holder::machine:
      if (status != processor_state::running) sim::fail("P3: a P belongs to an M and is not Running");
      if (linked != 1) sim::fail("P3: a Running P is not exactly one M's");
      break;
    case processor_holder::call:
      if (status != processor_state::syscall) sim::fail("P11: a P in a system call is not Syscall");
      if (linked != 0 || p.machine.peek() != nullptr) sim::fail("P11: a P in a system call is linked to an M");
      break;
    case processor_holder::idle_list:
      if (status != processor_state::idle) sim::fail("P12: a P on the idle list is not Idle");
      if (linked != 0) sim::fail("P9: a P on the idle list is linked to an M");
      break;
    case processor_holder::stopped:
      if (status != processor_state::gc_stop && status != processor_state::dead) sim::fail("P8: a stopped P is neither GcStop nor Dead");
      break;
    case processor_holder::hand:
      if (linked != 0) sim::fail("P9: a P in a hand is linked to an M");
      break;
  }
}

}  // namespace

void check_ownership(scheduler const& s, processor const* p) noexcept {
  if (p == nullptr) return;
  check_owner(s, *p);
  for (processor const& other : inspector::made(s.processors)) {
    if (machines_with(s, other) > 1) sim::fail("P3: two Ms have the same P");
  }
  if (p->holder.peek() == processor_holder::idle_list) check_idle_list(s);
}

}  // namespace retake::checkers
