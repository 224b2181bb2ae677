// Begin and end.
#include "retake/run.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>

#include "sched/scheduler.hpp"
#include "sched/watch.hpp"
#include "world/clock.hpp"
#include "world/kernel.hpp"
#include "world/panic.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake {

options options_from_environment() noexcept {
  options chosen;
  if (char const* const text = std::getenv("GOMAXPROCS")) {
    std::uint32_t n = 0;
    const auto [end, failed] = std::from_chars(text, text + std::strlen(text), n);
    if (failed == std::errc() && *end == 0) chosen.processors = n;
  }
  return chosen;
}

namespace {

// A year is longer than any program is patient, and no sum of a few of them overflows.
policy rules_of(options const& chosen) noexcept {
  constexpr std::int64_t year_ns = 31'557'600'000'000'000;
  policy rules = chosen.rules != nullptr ? *chosen.rules : policy{};
  for (auto* const length : {&rules.sysmon_period, &rules.sysmon_period_max, &rules.sysmon_period_busy,
                             &rules.sysmon_doze, &rules.sysmon_deep_sleep, &rules.retake_grace, &rules.time_slice,
                             &rules.hog_report, &rules.poll_overdue, &rules.stop_again, &rules.steal_back_off,
                             &rules.limit_recheck, &rules.stack_trim_period, &rules.thread_start_pause}) {
    using duration = std::remove_reference_t<decltype(*length)>;
    *length = std::clamp(*length, duration(0), duration(year_ns));
  }
  if (chosen.machines_max != 0) rules.machines_max = chosen.machines_max;
  return rules;
}

struct main_closure {
  void (*init)();
  void (*main)(void*);
  void* argument;
};

void run_main(void* closure) {
  const main_closure what = *static_cast<main_closure*>(closure);
  watch::main_begins(this_machine()->home);
  if (what.init != nullptr) {  // on the main thread: nobody else runs yet
    machine& m = *this_machine();
    sched::need_template_thread(m.home);
    struct thread_of_init {
      machine& m;
      explicit thread_of_init(machine& mine) noexcept : m(mine) { sched::lock_for_runtime(m, *m.current.get()); }
      ~thread_of_init() { sched::unlock_for_runtime(m, *m.current.get()); }
    } const during{m};
    what.init();
  }
  what.main(what.argument);
  watch::main_returned(this_machine()->home);
  sched::end_program(this_machine()->home);
}

}  // namespace

scheduler::scheduler(options const& chosen, std::int64_t now_ns) noexcept
    : rules(rules_of(chosen)),
      polling(now_ns),
      limit_followed(chosen.processors == 0 ? sched::processors_allowed() : 0),
      machines(nullptr),
      ended_machines(nullptr),
      machine_count(0),
      machines_idle_locked(0),
      machines_system(0),
      next_machine_id(0),
      machines_max(rules.machines_max),
      gates(0),
      ended_foreign_calls(0),
      goroutines(nullptr),
      stacks(chosen.stack_bytes != 0 ? chosen.stack_bytes : world::limits::goroutine_stack_bytes),
      goroutines_created(0),
      goroutines_ended(0),
      trace_reader(nullptr),
      background(nullptr),
      signal_service(nullptr),
      safe_points_missing(0),
      stopper(nullptr),
      signals(world::block_signals()),
      ending(0),
      waiting_for_end(0),
      clock_ns(now_ns),
      block_profile_ns(0),
      mutex_profile_one_in(0),
      phase(0) {
  world::restore_signals(signals);
  static_cast<void>(world::handle_broken_pipes());
  const int failed = network.open();
  if (failed != 0) world::fatal("runtime: cannot make the poller");
  const std::uint32_t count = chosen.processors == 0 ? limit_followed.load_relaxed()
                                                     : std::min(chosen.processors, world::limits::processors_max);
  processors.make(count);
  processors.set_count(count);
}

// First the kernel lets go of what abandoned goroutines have on their stacks, then the queues of
// them, then what outlives the program of the scheduler. From there on functions of the program's
// own may be destroyed, and with them any of its objects.
scheduler::~scheduler() {
  network.close();
  const auto each_abandoned = [this](auto&& what) {
    for (goroutine* g = goroutines.get(); g != nullptr; g = g->all_link.get()) {
      if (g->state.load_relaxed() != goroutine_state::dead) what(*g);
    }
  };
  each_abandoned([](goroutine& g) {
    for (abandoned_wait* w = g.waits; w != nullptr; w = w->older) w->forget(*w);
  });
  objects.end();
  for (processor& p : processors.made()) p.timers.end();
  each_abandoned([](goroutine& g) {
    sched::drop_exit_hooks(g);
    floor::retire_context(g.context);
  });
}

namespace {

void wait_for_threads(scheduler& s) noexcept {
  bool others = false;
  {
    const locked hold(s.lock);
    others = s.machine_count.get() > 1;
    s.waiting_for_end.set(others ? 1 : 0);
  }
  if (others) s.all_ended.sleep();
  for (machine* at = s.ended_machines.get(); at != nullptr;) {
    machine* const next = at->all_link.get();
    while (at->ended.load_acquire() == 0) world::futex_wait(at->ended, 0);
    at->~machine();
    world::deallocate(at, sizeof(machine));
    at = next;
  }
}

// The main thread, back from its loop: takes everything down.
void finish(scheduler& s, machine& m) noexcept {
  sched::give_up_processor(m);
  wait_for_threads(s);
  if (scheduler_service* const service = s.signal_service.load_relaxed())
    service->end(service);  // before watch::end: it gives back the action of SIGQUIT
  watch::end(s);
  s.phase.set(2, "every thread has gone home");
  world::set_this_thread(nullptr);
  m.~machine();
  world::deallocate(&m, sizeof(machine));
  s.~scheduler();
  world::deallocate(&s, sizeof(scheduler));
}

}  // namespace

namespace detail {

void run(options const& chosen, void (*main)(void*), void* argument) {
  if (world::this_thread() != nullptr) world::fatal("M10: run() is called on a thread of a runtime");
  if (world::kernel::hold_standard_descriptors() != 0)
    world::fatal("runtime: a standard descriptor is closed and /dev/null cannot be opened");
  void* const memory = world::allocate(sizeof(scheduler), alignof(scheduler));
  if (memory == nullptr) world::fatal("runtime: cannot allocate memory for the scheduler");
  scheduler& s = *new (memory) scheduler(chosen, world::nanotime());

  std::uint32_t main_id = 0;
  std::uint32_t monitor_id = 0;
  {
    const locked hold(s.lock);
    main_id = sched::reserve_machine(s);
    monitor_id = sched::reserve_machine(s);
    for (std::uint32_t i = s.processors.count(); i-- > 1;) s.idle.put_processor(&s.processors[i], true);
  }
  machine& m = *sched::make_machine(s, main_id);
  m.main = true;
  const world::fault_stack faults;
  world::watch_faults(sched::report_fault);
  world::watch_panics(sched::report_panic);
  s.main_machine = &m;
  sched::take_seat(m);
  floor::adopt_thread_context(m.own);
  watch::begin(s);
  s.phase.set(1, "the runtime runs");
  sched::wire(m, s.processors[0]);
  sched::start_thread(s, *sched::make_machine(s, monitor_id), [](void* arg) { sched::monitor_loop(arg); });

  goroutine* const g = sched::new_goroutine(s, &m);
  if (g == nullptr) world::fatal("runtime: cannot allocate memory for the main goroutine");
  new (sched::closure_memory(*g, sizeof(main_closure))) main_closure{chosen.init, main, argument};
  g->invoke = run_main;
  sched::start_goroutine(*g);
  static_cast<void>(m.processor_here().queue.put(g));
  sched::machine_loop(m);
  finish(s, m);
}

}  // namespace detail

}  // namespace retake
