// Foreign code on the thread's own stack, and callbacks out of it.
//
// The M's scheduler is suspended on that stack while a goroutine runs; foreign code begins
// `scheduler_room_bytes` below it. A callback stays where the foreign code called it, so its
// goroutine, when it blocks, is suspended there: the scheduler then runs in that room above it and
// must find it untouched. So the goroutine is locked to the thread until the callback returns, and
// a foreign call inside a callback goes on downwards instead of beginning anew at the top.
// Rejected: running callbacks on the goroutine's stack, above the suspended call (Go): the same
// lock is needed for the foreign frames, and exceptions would have to be carried twice.
#include "retake/foreign_call.hpp"

#include <charconv>
#include <string>

#include "retake/panic.hpp"
#include "retake/syscall.hpp"
#include "sched/scheduler.hpp"
#include "switch/sanitizer.hpp"
#include "world/fault.hpp"
#include "world/require.hpp"

namespace retake {

namespace {

constexpr std::size_t scheduler_room_bytes = 48 * 1024;

// Of the M alone, read by reports.
template <class T>
void add(world::atomic<T>& count, T change) noexcept {
  const T now = count.load_relaxed();
  count.store_relaxed(now + change);
}

void enter_foreign(machine& m) noexcept {
  m.in_foreign = 1;
  m.inside_foreign.store_relaxed(1);
}

void leave_foreign(machine& m) noexcept {
  m.in_foreign = 0;
  m.inside_foreign.store_relaxed(0);
}

std::exception_ptr as_fault(std::string const& what) noexcept {
  return std::make_exception_ptr(foreign_fault(what.c_str()));
}

char* foreign_stack(machine& m) noexcept {
  return reinterpret_cast<char*>(floor::suspended_stack_pointer(m.own) & ~std::uintptr_t{63}) - scheduler_room_bytes -
         world::limits::foreign_stack_bytes;
}

void call_on_own_stack(machine& m, void (*fn)(void*), void* argument) noexcept {
  if (m.callbacks != 0) {
    fn(argument);
  } else {
    floor::call_on_stack(foreign_stack(m), world::limits::foreign_stack_bytes, fn, argument);
  }
}

// Back from foreign code. A damaged thread may not fall to another goroutine on the way: its own
// keeps it until it has a P, and then leaves it.
void return_from_foreign() noexcept {
  machine& m = *this_machine();
  leave_foreign(m);
  if (!m.tainted) {
    detail::exit_syscall();
    return;
  }
  goroutine& g = *m.current.get();
  sched::lock_for_runtime(m, g);
  detail::exit_syscall();
  sched::unlock_for_runtime(m, g);
  sched::leave_tainted_thread();
}

struct contained_call {
  void (*fn)(void*);
  void* argument;
  bool returned;
  world::fault what;
};

void run_contained(void* raw) noexcept {
  auto& call = *static_cast<contained_call*>(raw);
  call.returned = world::fault_boundary(call.fn, call.argument, call.what);
}

char const* name_of(int signal) noexcept {
  switch (signal) {
    case 11: return "SIGSEGV";
    case 7: return "SIGBUS";
    case 8: return "SIGFPE";
    default: return "signal";
  }
}

std::string text_of(int signal, std::uintptr_t address) {
  char digits[2 * sizeof(address) + 1];
  char* const end = std::to_chars(digits, digits + sizeof(digits), address, 16).ptr;
  return std::string("foreign code faulted: ") + name_of(signal) + " at 0x" + std::string(digits, end);
}

}  // namespace

foreign_fault::foreign_fault(int signal, std::uintptr_t address)
    : std::runtime_error(text_of(signal, address)), signal_(signal), address_(address) {}

namespace detail {

void refuse_nothing() noexcept { world::fatal("foreign_call nil"); }

void foreign_call(void (*fn)(void*), void* argument) noexcept {
  sched::need_template_thread(machine_here().home);
  enter_syscall();
  machine& m = *this_machine();
  add(m.foreign_calls, std::uint64_t{1});
  enter_foreign(m);
  call_on_own_stack(m, fn, argument);
  return_from_foreign();
}

void foreign_call_contained(void (*fn)(void*), void* argument) {
  contained_call call{fn, argument, false, {}};
  sched::need_template_thread(machine_here().home);
  enter_syscall();
  machine& m = *this_machine();
  add(m.foreign_calls, std::uint64_t{1});
  enter_foreign(m);
  call_on_own_stack(m, run_contained, &call);
  if (!call.returned) {
    floor::unpoison_stack(foreign_stack(m), world::limits::foreign_stack_bytes);
    m.tainted = true;
  }
  return_from_foreign();
  if (!call.returned) throw foreign_fault(call.what.signal, call.what.address);
}

std::exception_ptr foreign_failure() noexcept {
  try {
    throw;
  } catch (goroutine_exit const&) { return std::current_exception(); } catch (std::exception const& thrown) {
    return as_fault(std::string("foreign code threw: ") + thrown.what());
  } catch (...) { return as_fault("foreign code threw"); }
}

callback_scope::callback_scope() noexcept : boundary_(world::suspend_fault_boundary()) {
  machine* const m = this_machine();
  if (m == nullptr) world::fatal("callback: the thread is in no foreign call");
  if (m->in_foreign == 0) world::fatal("callback: the goroutine is in no foreign call");
  leave_foreign(*m);
  sched::lock_for_runtime(*m, *m->current.get());
  ++m->callbacks;
  exit_syscall();
}

callback_scope::~callback_scope() {
  enter_syscall();
  machine& m = *this_machine();
  --m.callbacks;
  sched::unlock_for_runtime(m, *m.current.get());
  enter_foreign(m);
  world::resume_fault_boundary(boundary_);
}

}  // namespace detail

foreign_call_count count_foreign_calls() noexcept {
  scheduler& s = machine_here().home;
  const locked hold(s.lock);
  foreign_call_count all{s.ended_foreign_calls.get(), 0};
  for (machine* m = s.machines.get(); m != nullptr; m = m->all_link.get()) {
    all.made += m->foreign_calls.load_relaxed();
    all.inside += m->inside_foreign.load_relaxed();
  }
  return all;
}

}  // namespace retake
