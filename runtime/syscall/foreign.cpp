// Foreign code on the thread's own stack, and callbacks out of it.
//
// The M's scheduler is suspended on that stack while a goroutine runs; foreign code begins `scheduler_room_bytes` below it. A callback stays where the foreign
// code called it, so its goroutine, when it blocks, is suspended there: the scheduler then runs in that room above it and must find it untouched. So the goroutine
// is locked to the thread until the callback returns, and a foreign call inside a callback goes on downwards instead of beginning anew at the top.
// Rejected: running callbacks on the goroutine's stack, above the suspended call (Go): the same lock is needed for the foreign frames, and exceptions would have to
// be carried twice.
#include "retake/foreign_call.hpp"

#include <string>

#include "retake/syscall.hpp"
#include "sched/scheduler.hpp"
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

std::exception_ptr as_fault(std::string const& what) noexcept { return std::make_exception_ptr(foreign_fault(what.c_str())); }

}  // namespace

namespace detail {

void foreign_call(void (*fn)(void*), void* argument) noexcept {
  enter_syscall();
  {
    machine& m = *this_machine();
    add(m.foreign_calls, std::uint64_t{1});
    enter_foreign(m);
    if (m.callbacks != 0) {
      fn(argument);
    } else {
      char* const top = reinterpret_cast<char*>(floor::suspended_stack_pointer(m.own) & ~std::uintptr_t{63}) - scheduler_room_bytes;
      floor::call_on_stack(top - world::limits::foreign_stack_bytes, world::limits::foreign_stack_bytes, fn, argument);
    }
    leave_foreign(m);
  }
  exit_syscall();
}

std::exception_ptr foreign_failure() noexcept {
  try {
    throw;
  } catch (std::exception const& thrown) {
    return as_fault(std::string("foreign code threw: ") + thrown.what());
  } catch (...) {
    return as_fault("foreign code threw");
  }
}

callback_scope::callback_scope() noexcept {
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
}

}  // namespace detail

foreign_call_count count_foreign_calls() noexcept {
  scheduler& s = this_machine()->home;
  const locked hold(s.lock);
  foreign_call_count all{s.ended_foreign_calls.get(), 0};
  for (machine* m = s.machines.get(); m != nullptr; m = m->all_link.get()) {
    all.made += m->foreign_calls.load_relaxed();
    all.inside += m->inside_foreign.load_relaxed();
  }
  return all;
}

}  // namespace retake
