// Threads that the runtime did not create: each is an M while a goroutine of its own runs for it.
//
// The thread brings an M's record and a goroutine locked to it, looks for a P as a returning system
// call does, and is an M like any other, on its own stack, until that goroutine has ended, as if
// the thread had to end then; only that it returns to its caller instead.
#include <new>
#include <optional>
#include <system_error>

#include "retake/foreign_call.hpp"
#include "retake/panic.hpp"
#include "sched/scheduler.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::detail {

// Everything but home under the scheduler's lock.
class gate_core : public outliving {
 public:
  explicit gate_core(scheduler& s) noexcept : outliving(s.objects, end_program), home(&s), inside(0), closer(nullptr) {}

  // A thread that the runtime did not create may come at any time: it is counted under this lock,
  // which ranks below the scheduler's, or finds that the program has ended.
  spin_lock coming;
  scheduler* home;  // under it; nullptr: the program has ended
  world::plain<std::uint32_t> inside;
  world::plain<goroutine*> closer;  // waits until nobody is

 private:
  static void end_program(outliving& self) noexcept {
    auto& me = static_cast<gate_core&>(self);
    const locked hold(me.coming);
    me.home = nullptr;
  }
};

namespace {

struct visit {
  void (*fn)(void*) noexcept;
  void* argument;
  bool done;
};

// A goroutine that runs for this thread alone, and the M that the thread is meanwhile.
goroutine& receive_thread(scheduler& s, machine& m, visit& what) noexcept {
  sched::take_seat(m);
  floor::adopt_thread_context(m.own);
  goroutine* const g = sched::new_goroutine(s, nullptr);
  if (g == nullptr) world::fatal("runtime: cannot allocate a goroutine's stack");
  new (sched::closure_memory(*g, sizeof(visit*))) visit*(&what);
  g->invoke = [](void* closure) {
    visit& v = **static_cast<visit**>(closure);
    v.fn(v.argument);
    v.done = true;
  };
  sched::start_goroutine(*g);
  sched::lock_for_runtime(m, *g);
  return *g;
}

// The last one wakes who wants to close; the gate is gone then.
void leave_gate(scheduler& s, gate_core& gate) noexcept {
  batch<goroutine> ready;
  {
    const locked hold(s.lock);
    const std::uint32_t left = gate.inside.get() - 1;
    gate.inside.set(left);
    if (left != 0 || gate.closer.get() == nullptr) return;
    ready.push_back(gate.closer.get());
  }
  sched::inject(s, nullptr, ready);
}

bool wait_until_left(goroutine& g, void* gate) noexcept {
  auto& core = *static_cast<gate_core*>(gate);
  core.closer.set(&g);
  core.home->lock.unlock();
  return true;
}

}  // namespace

gate_core* open_gate() {
  scheduler& s = machine_here().home;
  void* const memory = world::allocate(sizeof(gate_core), alignof(gate_core));
  if (memory == nullptr) throw std::bad_alloc();
  sched::need_template_thread(s);
  const locked hold(s.lock);
  s.gates.set(s.gates.get() + 1);
  return new (memory) gate_core(s);
}

void close_gate(gate_core& gate) noexcept {
  if (!gate.program_has_ended()) {
    scheduler& s = *gate.home;
    s.lock.lock();
    if (gate.inside.get() != 0) {
      sched::park(wait_until_left, &gate, wait_reason::callback_gate);
      s.lock.lock();
    }
    s.gates.set(s.gates.get() - 1);
    s.lock.unlock();
  }
  gate.~gate_core();
  world::deallocate(&gate, sizeof(gate_core));
}

namespace {

// A foreign thread's way into its program, and a number for the M that it will be. nullptr: the
// program ends, or has ended.
scheduler* come_in(gate_core& gate, std::uint32_t& machine_id) noexcept {
  const locked hold(gate.coming);
  if (gate.home == nullptr) return nullptr;
  scheduler& s = *gate.home;
  const locked hold_all(s.lock);
  if (s.ending.load_relaxed() != 0) return nullptr;
  gate.inside.set(gate.inside.get() + 1);
  machine_id = sched::reserve_machine(s);
  return &s;
}

}  // namespace

bool call_through(gate_core& gate, void (*fn)(void*) noexcept, void* argument) {
  if (machine const* const mine = this_machine()) {
    std::optional<callback_scope> scope;
    if (mine->in_foreign != 0) scope.emplace();
    fn(argument);
    return true;
  }
  std::uint32_t id = 0;
  scheduler* const s = come_in(gate, id);
  if (s == nullptr) return false;
  machine& m = *sched::make_machine(*s, id);
  visit what{fn, argument, false};
  const world::fault_stack faults;
  sched::visit_loop(m, receive_thread(*s, m, what));
  leave_gate(*s, gate);
  sched::leave_machine(m);
  world::announce_end(m.ended);
  return what.done;
}

std::exception_ptr gate_failure() noexcept {
  try {
    throw;
  } catch (goroutine_exit const&) {
    return std::make_exception_ptr(std::system_error(std::make_error_code(std::errc::operation_canceled),
                                                     "callback_gate: the goroutine has ended"));
  } catch (...) { return std::current_exception(); }
}

void throw_gate_closed() {
  throw std::system_error(std::make_error_code(std::errc::operation_canceled), "callback_gate: the program has ended");
}

}  // namespace retake::detail
