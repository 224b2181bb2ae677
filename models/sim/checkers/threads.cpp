// What Ms and goroutines say of each other, and what Ms are woken for.
#include "sim/checkers/inspector.hpp"
#include "sim/checkers/table.hpp"

namespace retake::checkers {

namespace {

template <class Judge>
void each(scheduler const& s, Judge judge) noexcept {
  for (machine const* m = s.machines.peek(); m != nullptr; m = m->all_link.peek()) judge(*m);
}

}  // namespace

// A spinner's flag and its unit of the count are set one after the other, and a unit may travel to
// an M that is being started: the two numbers are equal while the world stands still.
void check_m5(look const& at) noexcept {
  std::uint32_t machines = 0;
  std::uint32_t flags = 0;
  each(at.s, [&](machine const& m) {
    ++machines;
    flags += m.spinning.peek() != 0 ? 1 : 0;
  });
  const std::uint32_t count = inspector::spinning(at.s.gate);
  if (count > machines) sim::fail("M5: more spinning Ms than Ms");
  if (at.when == at_stillness && count != flags)
    sim::fail("M5: the count of spinning Ms is not the number of Ms that spin");
  if (at.when == at_rest && count != 0) sim::fail("M5: Ms count as spinning and every thread has exited");
}

void check_m6(look const& at) noexcept {
  if (at.s.ending.peek() != 0) return;  // the order to retire
  each(at.s, [](machine const& m) {
    if (inspector::woken(m.park) && m.next.peek() == nullptr) sim::fail("M6: an M is woken and was handed no P");
  });
}

// Taking an M off the idle list is the right to wake it, once.
void check_m7(look const& at) noexcept {
  for (machine const* m = inspector::first_idle_machine(at.s.idle); m != nullptr; m = m->idle_link.peek()) {
    if (inspector::woken(m->park)) sim::fail("M7: an M is woken and still on the idle list: it will be woken twice");
  }
}

void check_m12(look const& at) noexcept {
  scheduler const& s = at.s;
  if (s.ending.peek() != 0 || (at.when == at_step && inspector::held(s.lock))) return;
  const std::int64_t asleep =
      std::int64_t{inspector::idle_machines(s.idle)} + s.machines_idle_locked.peek() + s.machines_system.peek();
  if (std::int64_t{s.machine_count.peek()} - asleep < 0) sim::fail("M12: more threads sleep than there are");
}

void check_g3(look const& at) noexcept {
  each(at.s, [](machine const& m) {
    goroutine* const g = m.current.peek();
    if (g != nullptr && g->m.peek() != &m) sim::fail("G3: an M runs a goroutine that is another's");
  });
  if (at.when != at_rest) return;
  for (goroutine const* g = at.s.goroutines.peek(); g != nullptr; g = g->all_link.peek()) {
    if (g->state.peek() == goroutine_state::running) sim::fail("G3: a goroutine runs and every thread has exited");
  }
}

void check_l1(look const& at) noexcept {
  each(at.s, [](machine const& m) {
    goroutine* const mine = m.locked_g.peek();
    if ((mine != nullptr) != (m.lock_count.peek() != 0))
      sim::fail("L1: the count of locks and the locked goroutine disagree");
    if (mine != nullptr && mine->locked_m.peek() != &m)
      sim::fail("L1: a locked thread's goroutine names another thread");
  });
}

void check_l2(look const& at) noexcept {
  each(at.s, [](machine const& m) {
    goroutine* const g = m.current.peek();
    goroutine* const mine = m.locked_g.peek();
    if (mine != nullptr && g != nullptr && g != mine) sim::fail("L2: a locked thread runs another goroutine");
    if (g != nullptr && g->locked_m.peek() != nullptr && g->locked_m.peek() != &m)
      sim::fail("L2: a locked goroutine runs on another thread");
  });
}

}  // namespace retake::checkers
