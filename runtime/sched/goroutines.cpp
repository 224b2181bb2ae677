// Where goroutines come from and go to; park and ready.
#include <new>

#include "sched/scheduler.hpp"
#include "sched/trace.hpp"
#include "sched/watch.hpp"
#include "world/panic.hpp"
#include "world/report.hpp"
#include "world/require.hpp"

namespace retake::sched {

namespace {

void put_overflow(scheduler& s, batch<goroutine> overflow) noexcept {
  if (overflow.count == 0) return;
  const locked hold(s.lock);
  s.global.put(overflow);
}

goroutine* make_goroutine(scheduler& s) noexcept {
  world::stack stack{};
  {
    const locked hold(s.lock);
    if (s.stacks.get(stack) != 0) return nullptr;
  }
  char* const top = static_cast<char*>(stack.low) + stack.bytes;
  const std::uintptr_t at = (reinterpret_cast<std::uintptr_t>(top) - sizeof(goroutine)) & ~std::uintptr_t{63};
  goroutine* const g = new (reinterpret_cast<void*>(at)) goroutine(stack);
  const locked hold(s.lock);
  g->all_link.set(s.goroutines.get());
  s.goroutines.set(g);
  return g;
}

// Under the lock: a dead goroutine of the shared lists, one whose stack holds memory first.
goroutine* take_shared(scheduler& s) noexcept {
  goroutine* const g = s.free_goroutines.pop_front();
  if (s.free_goroutines.count < s.free_goroutines_least) s.free_goroutines_least = s.free_goroutines.count;
  return g != nullptr ? g : s.trimmed_goroutines.pop_front();
}

goroutine* take_close(scheduler& s, processor& p) noexcept {
  if (p.free_goroutines.count == 0) {
    const locked hold(s.lock);
    while (p.free_goroutines.count < s.rules.free_goroutines_per_processor / 2) {
      goroutine* const g = take_shared(s);
      if (g == nullptr) break;
      p.free_goroutines.push_back(g);
    }
  }
  return p.free_goroutines.pop_front();
}

// A maker without a P (a foreign thread, sysmon) has the shared lists alone; its goroutine returns
// there, not to the P on which it ends: else each P would collect records that their makers never
// find.
goroutine* take_without_processor(scheduler& s) noexcept {
  const locked hold(s.lock);
  goroutine* const g = take_shared(s);
  if (g != nullptr) g->shared = true;
  return g;
}

goroutine* reuse_goroutine(scheduler& s, machine* m) noexcept {
  goroutine* const g = m != nullptr ? take_close(s, m->processor_here()) : take_without_processor(s);
  if (g == nullptr) return nullptr;
  world::require(g->state.load_relaxed() == goroutine_state::dead, "G4: a goroutine that lives is used again");
  return g;
}

// V9: every record that ends is found by the next maker of its kind.
void put_free(scheduler& s, processor& p, goroutine& g) noexcept {
  if (g.shared) {
    g.shared = false;
    const locked hold(s.lock);
    s.free_goroutines.push_back(&g);
    return;
  }
  p.free_goroutines.push_back(&g);
  if (p.free_goroutines.count < s.rules.free_goroutines_per_processor) return;
  const locked hold(s.lock);
  while (p.free_goroutines.count > s.rules.free_goroutines_per_processor / 2)
    s.free_goroutines.push_back(p.free_goroutines.pop_front());
}

// The M's own stack, behind a goroutine that has ended.
bool after_end(machine& m, goroutine& g, void*) noexcept {
  scheduler& s = m.home;
  world::require(m.locks == 0, "G8: a goroutine ends while it holds a lock of the runtime");
  change(g, goroutine_state::running, goroutine_state::dead, "G1: a goroutine ends that does not run");
  drop(m, g);
  floor::retire_context(g.context);
  s.goroutines_ended.fetch_add_relaxed(1);
  const bool was_locked = thread_lock::end(m, g);
  processor& p = m.processor_here();
  put_free(s, p, g);
  if (!was_locked) return false;
  if (m.runtime_locks == 0) {
    const locked hold(s.lock);
    s.ended_locked.count(m.locked_at);
    p.charged.set(nullptr);  // the thread that takes this one's place
    p.charged_end = m.locked_at;
  }
  end_machine(m);
  return false;
}

void goroutine_main(void* argument) {
  world::call_to_end(run_to_end, argument, report_panic);
  leave(after_end, nullptr);
}

struct parking {
  park_commit commit;
  void* argument;
};

bool after_park(machine& m, goroutine& g, void* argument) noexcept {
  const parking how =
      *static_cast<parking*>(argument);  // it lies on the goroutine's stack, which is somebody else's after the commit
  drop(m, g);
  if (how.commit(g, how.argument)) return false;
  change(g, goroutine_state::waiting, goroutine_state::runnable, "G1: a park that was called off");
  return true;
}

bool after_yield(machine& m, goroutine& g, void*) noexcept {
  scheduler& s = m.home;
  change(g, goroutine_state::running, goroutine_state::runnable, "G1: a goroutine yields that does not run");
  drop(m, g);
  put_last(s, g);
  return false;
}

}  // namespace

goroutine* new_goroutine(scheduler& s, machine* m) noexcept {
  goroutine* g = reuse_goroutine(s, m);
  if (g == nullptr) {
    g = make_goroutine(s);
    if (g == nullptr) return nullptr;
    g->shared = m == nullptr;
  }
  g->id = s.goroutines_created.fetch_add_relaxed(1) + 1;
  return g;
}

void unmake_goroutine(machine& m, goroutine& g) noexcept {
  m.home.goroutines_ended.fetch_add_relaxed(1);
  put_free(m.home, m.processor_here(), g);
}

void* closure_memory(goroutine& g, std::size_t bytes) noexcept {
  world::require(bytes <= closure_bytes_max, "G4: a closure that does not fit its stack");
  g.closure = reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(&g) - bytes) & ~std::uintptr_t{63});
  return g.closure;
}

void start_goroutine(goroutine& g) noexcept {
  char* const low = static_cast<char*>(g.stack.low);
  const std::size_t bytes = static_cast<std::size_t>(static_cast<char*>(g.closure) - low) & ~std::size_t{63};
  floor::make_context(g.context, low, bytes, goroutine_main, &g);
  change(g, goroutine_state::dead, goroutine_state::runnable, "G1: a goroutine starts that lives");
}

void park(park_commit commit, void* argument, wait_reason reason) noexcept {
  goroutine* const self = running_machine().current.get();
  if (self == nullptr) [[unlikely]]
    world::fatal("G3: this call needs a goroutine, and the M runs none");
  goroutine& g = *self;
  parking how{commit, argument};
  g.reason.store_relaxed(reason);
  scheduler& s = g.m.get()->home;
  const bool profiled =
      is_for_goroutines(reason) && (s.block_profile_ns.get() != 0 || s.mutex_profile_one_in.get() != 0);
  const std::int64_t since_ns = profiled ? world::report_time_ns() : s.clock_ns.get();
  g.since_ns.set(since_ns);
  change(g, goroutine_state::running, goroutine_state::waiting, "G1: a goroutine parks that does not run");
  leave(after_park, &how);
  if (profiled) [[unlikely]]
    watch::waited(*g.m.get(), world::report_time_ns() - since_ns);
}

void put_last(scheduler& s, goroutine& g) noexcept {
  bool somebody_idle = false;
  {
    const locked hold(s.lock);
    s.global.put(&g);
    somebody_idle =
        s.idle.processors_hint() != 0;  // exact: whoever puts a P down looks at the global queue under this lock
  }
  if (somebody_idle) wake(s);
}

void ready_on(machine& m, goroutine& g) noexcept {
  change(g, goroutine_state::waiting, goroutine_state::runnable, "G1: a goroutine is readied that does not wait");
  trace::add(m, trace_kind::ready, g.id);
  put_overflow(m.home, m.processor_here().queue.put_next(&g));
  wake(m.home);
}

void ready(goroutine& g) noexcept { ready_on(running_machine(), g); }

void yield() noexcept { leave(after_yield, nullptr); }

void preempt_point() noexcept {
  machine& m = running_machine();
  if (m.locks != 0) return;
  if (m.processor_here().preempt.load_relaxed() != 0) yield();  // the question is cleared by find_runnable
}

}  // namespace retake::sched
