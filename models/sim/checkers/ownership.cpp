// Who owns a P: status, links and lists agree with the ghost. table.hpp says what may be in motion
// at a step.
#include "sim/checkers/inspector.hpp"
#include "sim/checkers/table.hpp"

namespace retake::checkers {

namespace {

// The Ps that this look judges: at a commit the one that changed, else all.
template <class Judge>
void each(look const& at, Judge judge) noexcept {
  if (at.when == at_commit) {
    if (at.changed != nullptr) judge(*at.changed);
    return;
  }
  for (processor const& p : inspector::made(at.s.processors)) judge(p);
}

std::uint32_t machines_with(scheduler const& s, processor const& p) noexcept {
  std::uint32_t n = 0;
  for (machine const* m = s.machines.peek(); m != nullptr; m = m->all_link.peek()) n += m->p.peek() == &p ? 1 : 0;
  return n;
}

std::uint32_t machines_handed(scheduler const& s, processor const& p) noexcept {
  std::uint32_t n = 0;
  for (machine const* m = s.machines.peek(); m != nullptr; m = m->all_link.peek()) n += m->next.peek() == &p ? 1 : 0;
  return n;
}

// Whether the idle list may be judged: at a commit when it is a P on the list that changed, at a
// step while the lock is free.
bool idle_list_rests(look const& at) noexcept {
  if (at.when == at_commit) return at.changed != nullptr && at.changed->holder.peek() == processor_holder::idle_list;
  return at.when != at_step || !inspector::held(at.s.lock);
}

}  // namespace

void check_p3(look const& at) noexcept {
  each(at, [&at](processor const& p) {
    const bool running = p.status.peek() == processor_state::running;
    if ((p.holder.peek() == processor_holder::machine) != running)
      sim::fail("P3: a P belongs to an M and is not Running, or the reverse");
    if (running && at.when != at_step && machines_with(at.s, p) == 0) sim::fail("P3: a Running P is no M's");
  });
  if (at.when == at_commit && at.changed == nullptr) return;
  for (processor const& p : inspector::made(at.s.processors)) {
    if (machines_with(at.s, p) > 1) sim::fail("P3: two Ms have the same P");
  }
}

void check_p4(look const& at) noexcept {
  if (!idle_list_rests(at)) return;
  std::uint32_t length = 0;
  for (processor const* p = inspector::first_idle(at.s.idle); p != nullptr; p = p->idle_link.peek()) {
    if (++length > inspector::count(at.s.processors)) return;  // a cycle: P5
    if (!inspector::ring_empty(p->queue)) sim::fail("P4: a P on the idle list has work in its queue");
  }
}

void check_p5(look const& at) noexcept {
  if (!idle_list_rests(at)) return;
  std::uint32_t length = 0;
  std::uint64_t seen = 0;
  for (processor const* p = inspector::first_idle(at.s.idle); p != nullptr; p = p->idle_link.peek()) {
    if (++length > inspector::count(at.s.processors)) sim::fail("P5: the idle list has a cycle");
    seen |= std::uint64_t{1} << p->id;
  }
  if (length != inspector::idle_count(at.s.idle)) sim::fail("P5: the idle list's length is not its count");
  for (processor const& any : inspector::made(at.s.processors)) {
    if (inspector::idle_bit(at.s.idle, any.id) != ((seen >> any.id & 1) != 0))
      sim::fail("P5: the idle mask disagrees with the idle list");
  }
}

void check_p8(look const& at) noexcept {
  each(at, [](processor const& p) {
    const processor_state status = p.status.peek();
    const processor_holder holder = p.holder.peek();
    const bool at_rest_now = status == processor_state::gc_stop || status == processor_state::dead;
    if (holder == processor_holder::stopped && !at_rest_now) sim::fail("P8: a stopped P is neither GcStop nor Dead");
    const bool on_its_way = holder == processor_holder::hand && status == processor_state::gc_stop;
    if (at_rest_now && holder != processor_holder::stopped && !on_its_way)
      sim::fail("P8: a P is GcStop or Dead and belongs to the running world");
  });
  if (at.when != at_step || inspector::held(at.s.lock) || !inspector::stopped(at.s.stop)) return;
  for (processor const& p : inspector::made(at.s.processors)) {
    if (p.holder.peek() != processor_holder::stopped) sim::fail("P8: the world is stopped and a P is not");
  }
}

// Exactly one owner: an M's link, an M's hand-off and the idle list exclude each other, and the
// ghost names the owner.
void check_p9(look const& at) noexcept {
  each(at, [&at](processor const& p) {
    const std::uint32_t linked = machines_with(at.s, p);
    const std::uint32_t handed = machines_handed(at.s, p);
    if (handed > 1) sim::fail("P9: two Ms are handed the same P");
    const processor_holder holder = p.holder.peek();
    if (handed != 0 && holder != processor_holder::hand)
      sim::fail("P9: a P is handed to an M and belongs to another owner");
    if (linked != 0 && holder == processor_holder::idle_list) sim::fail("P9: a P on the idle list is linked to an M");
    if (linked != 0 && holder == processor_holder::stopped) sim::fail("P9: a stopped P is linked to an M");
    const bool wiring = at.when == at_step && handed == 0;
    if (linked != 0 && holder == processor_holder::hand && !wiring) sim::fail("P9: a P in a hand is linked to an M");
  });
  if (!idle_list_rests(at)) return;
  std::uint32_t listed = 0;
  for (processor const* p = inspector::first_idle(at.s.idle); p != nullptr; p = p->idle_link.peek()) {
    if (++listed > inspector::count(at.s.processors)) return;  // a cycle: P5
    if (p->holder.peek() != processor_holder::idle_list) sim::fail("P9: a P on the idle list belongs to another owner");
  }
  std::uint32_t owned = 0;
  for (processor const& p : inspector::made(at.s.processors))
    owned += p.holder.peek() == processor_holder::idle_list ? 1 : 0;
  if (owned != listed) sim::fail("P9: a P belongs to the idle list and is not on it");
}

void check_p11(look const& at) noexcept {
  each(at, [&at](processor const& p) {
    const bool in_call = p.status.peek() == processor_state::syscall;
    if ((p.holder.peek() == processor_holder::call) != in_call)
      sim::fail("P11: a P belongs to a system call and is not Syscall, or the reverse");
    if (in_call && (machines_with(at.s, p) != 0 || p.machine.peek() != nullptr))
      sim::fail("P11: a P in a system call is linked to an M");
  });
}

void check_p12(look const& at) noexcept {
  each(at, [](processor const& p) {
    const bool listed = p.holder.peek() == processor_holder::idle_list;
    if (listed && p.status.peek() != processor_state::idle) sim::fail("P12: a P on the idle list is not Idle");
  });
}

// sysmon falls asleep and is woken under the lock under which Ps reach and leave the idle list.
void check_m13(look const& at) noexcept {
  if (!inspector::monitor_sleeps(at.s.monitor) || inspector::stopping(at.s.stop)) return;
  each(at, [](processor const& p) {
    const processor_holder holder = p.holder.peek();
    if (holder == processor_holder::machine || holder == processor_holder::call)
      sim::fail("M13: sysmon sleeps and a P is not idle");
  });
}

}  // namespace retake::checkers
