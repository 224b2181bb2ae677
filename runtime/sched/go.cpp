// The public face of goroutines: start, yield, sleep.
#include "retake/go.hpp"

#include "sched/scheduler.hpp"
#include "sched/trace.hpp"
#include "world/clock.hpp"
#include "world/require.hpp"

namespace retake {

namespace detail {

// A name for the goroutine that the public header may know.
struct pending_goroutine {};

[[gnu::noinline]] pending_goroutine* begin_go(std::size_t closure_bytes, void*& closure) noexcept {
  static_assert(closure_inline_bytes <= sched::closure_bytes_max);
  machine& m = running_machine();
  goroutine* const g = sched::new_goroutine(m.home, &m);
  if (g == nullptr) world::fatal("runtime: cannot allocate a goroutine's stack");
  g->made_at.set(reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)));
  goroutine* const maker = m.current.get();  // nullptr: a timer's function
  g->made_by.set(maker != nullptr ? maker->id : 0);
  closure = sched::closure_memory(*g, closure_bytes);
  return reinterpret_cast<pending_goroutine*>(g);
}

void end_go(pending_goroutine* pending, void (*invoke)(void*)) noexcept {
  goroutine& g = *reinterpret_cast<goroutine*>(pending);
  g.invoke = invoke;
  sched::start_goroutine(g);
  machine& m = running_machine();
  trace::add(m, trace_kind::ready, g.id);
  scheduler& s = m.home;
  const batch<goroutine> overflow = m.processor_here().queue.put_next(&g);
  if (overflow.count != 0) {
    const locked hold(s.lock);
    s.global.put(overflow);
  }
  sched::wake(s);
  sched::preempt_point();
}

void give_up_go(pending_goroutine* pending) noexcept {
  machine& m = running_machine();
  sched::unmake_goroutine(m, *reinterpret_cast<goroutine*>(pending));
}

namespace {

struct sleeper : runtime_timer {
  explicit sleeper(goroutine& who, std::int64_t until_ns) noexcept
      : runtime_timer([](runtime_timer& t, std::int64_t) noexcept { sched::ready(static_cast<sleeper&>(t).g); }),
        g(who),
        due_ns(until_ns) {}
  goroutine& g;
  std::int64_t const due_ns;
};

bool start_behind(goroutine&, void* argument) noexcept {
  auto& self = *static_cast<sleeper*>(argument);
  self.start(self.due_ns);
  return true;
}

}  // namespace

void sleep(std::int64_t duration_ns) noexcept {
  if (duration_ns <= 0) {
    retake::yield();
    return;
  }
  sleeper self(this_goroutine(), due_after_ns(duration_ns));
  sched::park(start_behind, &self, wait_reason::sleep);
}

}  // namespace detail

void yield() noexcept {
  static_cast<void>(running_machine());
  sched::yield();
}
void preempt_point() noexcept { sched::preempt_point(); }
void stop_the_world() noexcept { sched::stop_the_world(); }
void start_the_world() noexcept { sched::start_the_world(); }

std::uint64_t goroutine_count() noexcept {
  scheduler& s = machine_here().home;
  const std::uint64_t ended = s.goroutines_ended.load_relaxed();
  return s.goroutines_created.load_relaxed() - ended;
}

}  // namespace retake
