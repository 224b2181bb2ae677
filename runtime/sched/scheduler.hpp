// scheduler.hpp: the one object that all state of a running program hangs off, and the steps that
// its threads take.
//
// Problem.   Distribute ready goroutines over threads so that every P that could run one does,
//            while threads come and go in system calls.
// Recipe.    G, M, P as in ../README.md. The protocols in ../protocol decide each race between two
//            parties; this folder composes them:
//            schedule.cpp   what an M with a P does: find a goroutine, run it, take what it left
//            machines.cpp   Ms start, sleep, wake, end; what becomes of a P whose M is gone
//                           (hand-off)
//            sysmon.cpp     the monitor: takes Ps out of system calls, asks hogs to yield, polls
//                           when nobody does
//            stop.cpp       stop and start of the world, a function on every P
//            freeze.cpp     the world stands still for a report of a fatal error
//            resize.cpp     more or fewer Ps while the program runs
//            goroutines.cpp where goroutines come from and go to; park and ready
//            deadlock.cpp   nobody can run any more: say so
//            run.cpp        begin and end
// Locks.     Ranks, lowest first: a channel's or mutex's lock < `lock` < a P's timers' lock. Who
//            holds one takes only higher ones.
// Fields.    Under `lock` unless the comment says otherwise; `hint` means read by anybody.
#pragma once

#include <cstdint>

#include "poll/poller.hpp"
#include "protocol/global_queue.hpp"
#include "protocol/idle_set.hpp"
#include "protocol/poll_wake.hpp"
#include "protocol/spin_lock.hpp"
#include "protocol/stop_world.hpp"
#include "protocol/sysmon_gate.hpp"
#include "protocol/wake_gate.hpp"
#include "retake/policy.hpp"
#include "retake/run.hpp"
#include "sched/counters.hpp"
#include "sched/goroutine.hpp"
#include "sched/machine.hpp"
#include "sched/outliving.hpp"
#include "sched/processor_table.hpp"
#include "thread/lock_sites.hpp"
#include "world/fault.hpp"
#include "world/ghost.hpp"
#include "world/memory.hpp"
#include "world/report.hpp"
#include "world/require.hpp"
#include "world/signal.hpp"
#include "world/thread.hpp"

namespace retake {

// The park's last step, on the M's own stack, behind the parked goroutine. True: somebody else may
// ready it from now on; false: it goes on.
using park_commit = bool (*)(goroutine& g, void* argument) noexcept;

// A part of a higher room that hangs off the scheduler once somebody has asked for it.
struct scheduler_service {
  void (*end)(scheduler_service* me) noexcept;  // when every thread has gone home; gives its memory back
};

// The template thread's desk. Under the scheduler's lock, but for `made`.
struct template_desk {
  template_desk() noexcept : made(0), here(0), asleep(0), wanted(nullptr) {}
  world::atomic<std::uint32_t> made;   // 1: somebody has begun to make it
  world::plain<std::uint32_t> here;    // takes orders
  world::plain<std::uint32_t> asleep;  // on `more`
  world::plain<machine*> wanted;       // Ms to start, by their idle_link
  note more;
};

struct scheduler {
  explicit scheduler(options const& chosen, std::int64_t now_ns) noexcept;
  ~scheduler();
  scheduler(scheduler const&) = delete;
  scheduler& operator=(scheduler const&) = delete;

  policy const rules;

  spin_lock lock;
  global_queue<goroutine> global;
  idle_set<processor, machine, world::limits::processors_max> idle;
  wake_gate gate;          // its own rules
  stop_world stop;         // its own rules
  sysmon_gate monitor;     // its own rules
  poll_wake polling;       // its own rules
  poller network;          // its own rules
  outliving_list objects;  // its own rules

  processor_table processors;  // its own rules

  world::atomic<std::uint32_t> limit_followed;  // what affinity and quota allowed when sysmon last looked; 0: the
                                                // program has said how many Ps there are

  world::plain<machine*> machines;            // all that have not ended
  world::plain<machine*> ended_machines;      // their threads may still be leaving
  world::plain<std::uint32_t> machine_count;  // started and not ended, sysmon's among them
  world::plain<std::int32_t>
      machines_idle_locked;  // of them waiting for their locked goroutine; pre-paid by who is about to start one (M12)
  world::plain<std::uint32_t> machines_system;  // of them never running goroutines (sysmon, wedged main)
  world::plain<std::uint32_t> next_machine_id;
  template_desk clones;
  world::plain<std::uint32_t> machines_max;  // more are fatal
  lock_sites ended_locked;                   // goroutines that ended locked
  world::plain<std::uint32_t>
      gates;  // ways in for threads that the runtime did not create: one of them may wake somebody
  world::plain<std::uint64_t> ended_foreign_calls;  // made by Ms that have ended
  machine* main_machine = nullptr;                  // set once, before any other thread

  world::plain<goroutine*> goroutines;      // all that were ever made
  batch<goroutine> free_goroutines;         // shared by the Ps
  batch<goroutine> trimmed_goroutines;      // likewise; their stacks hold no memory
  std::uint32_t free_goroutines_least = 0;  // of free_goroutines, in this period (stack_trim.cpp)
  world::stack_source stacks;
  world::atomic<std::uint64_t> goroutines_created;  // anybody
  world::atomic<std::uint64_t> goroutines_ended;    // anybody

  world::atomic<goroutine*>
      trace_reader;                      // a parked reader that has something to read (hint in hand-off; taken by swap)
  world::atomic<goroutine*> background;  // parked background work that wants a P (likewise)

  world::atomic<scheduler_service*> signal_service;  // nullptr until somebody asks for signals

  void (*safe_point_fn)(processor&) noexcept = nullptr;  // set while the stopper holds world_stopper
  world::plain<std::uint32_t> safe_points_missing;
  note safe_points_done;
  processor* stopper_processor = nullptr;  // the stopper: its own, with which it goes on
  std::uint32_t processors_wanted = 0;     // the stopper: how many Ps there shall be when the world starts again
  spin_lock stopper_lock;                  // guards stopper and its waiters: one stopper of the world at a time
  world::plain<goroutine*> stopper;
  batch<goroutine> stoppers_waiting;

  world::signal_mask const signals;     // what run()'s caller had blocked: every thread of the runtime begins with it
  world::atomic<std::uint32_t> ending;  // hint: the main goroutine has ended, every thread goes home
  note all_ended;                       // run() sleeps here; woken by the last thread under `lock`
  world::plain<std::uint32_t> waiting_for_end;  // run() waits for machine_count to fall to 1

  path_counters paths;
  // For reports: nanotime() as somebody last read it. sysmon reads it each round, an M after each
  // sleep, a P every 64 schedules: late by 10 ms at most unless a goroutine computes while sysmon
  // sleeps.
  world::report_only<std::int64_t> clock_ns;
  world::report_only<std::int64_t> block_profile_ns;  // one wait is sampled in so many nanoseconds of waiting; 0: none
  world::report_only<std::uint32_t> mutex_profile_one_in;  // one contention is sampled in so many; 0: none
  void* watcher = nullptr;  // what the room observe keeps for this scheduler; set once, before any other thread
  [[no_unique_address]] world::ghost<std::uint32_t>
      phase;  // 0 being built, 1 running, 2 every thread has gone home: all counts must be even
};

// The thread that calls it, as M; nullptr on a thread that the runtime did not make.
[[nodiscard]] inline machine* this_machine() noexcept { return static_cast<machine*>(world::this_thread()); }

// The same for a call that needs one. Fatal: "M2: this call needs a goroutine, and the thread has
// none".
[[nodiscard]] inline machine& machine_here() noexcept {
  machine* const m = this_machine();
  if (m == nullptr) [[unlikely]]
    world::fatal("M2: this call needs a goroutine, and the thread has none");
  return *m;
}

// The same with a P. Fatal also: "M2: this call needs a goroutine that runs, and this one is in a
// system call or in foreign code".
[[nodiscard]] inline machine& running_machine() noexcept {
  machine& m = machine_here();
  if (m.p.get() == nullptr) [[unlikely]] {
    world::fatal("M2: this call needs a goroutine that runs, and this one is in a system call or in foreign code");
  }
  return m;
}

// The goroutine that calls it. Fatal elsewhere.
[[nodiscard]] goroutine& this_goroutine() noexcept;

namespace sched {

// schedule.cpp. The M, on its own stack, with a P: runs goroutines until the process ends or the
// thread has to.
void machine_loop(machine& m) noexcept;
// A thread that the runtime did not create, as M for one runnable goroutine that is locked to it:
// returns when that has ended, or the process ends.
void visit_loop(machine& m, goroutine& g) noexcept;
// The running goroutine: leaves its stack for the M's, where `after` runs.
void leave(after_leaving after, void* argument) noexcept;
// The M's own stack: takes `g` off the M.
void drop(machine& m, goroutine& g) noexcept;
// Whoever has put a P on the idle list, and has told the gate: looks once more at every queue
// (wake_gate). A P when there was something, in hand.
[[nodiscard]] processor* look_again(scheduler& s) noexcept;
// Goroutines from the poller, each Waiting: makes them runnable. Anybody.
void inject(scheduler& s, machine* m, batch<goroutine> found) noexcept;

// goroutines.cpp
[[nodiscard]] goroutine* new_goroutine(scheduler& s, machine* m) noexcept;
// On an M with a P: back to the dead ones, before it was started.
void unmake_goroutine(machine& m, goroutine& g) noexcept;
// Room for a closure of `bytes` on the goroutine's own stack; at most closure_bytes_max.
[[nodiscard]] void* closure_memory(goroutine& g, std::size_t bytes) noexcept;
inline constexpr std::size_t closure_bytes_max = 4096;
// Makes it runnable, in the caller's hands.
void start_goroutine(goroutine& g) noexcept;
void park(park_commit commit, void* argument, wait_reason reason) noexcept;
// On a goroutine. Makes `g`, which waits, runnable on this P, next in turn; wakes a P for it.
void ready(goroutine& g) noexcept;
// On an M with a P: the same without a goroutine of its own.
void ready_on(machine& m, goroutine& g) noexcept;
// On an M with a P: puts `g`, which is runnable and in the caller's hands, at the end of the global
// queue; wakes a P for it if one is idle.
void put_last(scheduler& s, goroutine& g) noexcept;
void yield() noexcept;
// At every call of the runtime: gives the P up if somebody asked for it.
void preempt_point() noexcept;

// panic.cpp. A goroutine's function and exit hooks; exceptions pass.
void run_to_end(void* g);
void drop_exit_hooks(goroutine& g) noexcept;
// What is said of an exception that leaves a goroutine; returns on a thread without one.
void report_panic(char const* what) noexcept;

// machines.cpp
// Work was submitted: starts an M for it when a P is idle and nobody looks for work.
void wake(scheduler& s) noexcept;
// Under the scheduler's lock: an idle P, owned by the caller from here on, or nullptr. Every P that
// leaves the idle list to run goroutines leaves it here, because sysmon sleeps only while every P
// is idle.
[[nodiscard]] processor* take_idle_processor(scheduler& s) noexcept;
// A goroutine begins a time slice on `p`, which the caller's M owns.
inline void begin_slice(processor& p) noexcept {
  const std::uint32_t tick = p.schedule_tick.load_relaxed();
  p.schedule_tick.store_relaxed(tick + 1);
  p.was_idle = false;
}
// Work was submitted and no P is idle: a monitor that dozes beside a P in a system call has to look
// soon. Without the lock.
void work_waits(scheduler& s) noexcept;
// Anybody: a hint whether a goroutine is in any queue.
[[nodiscard]] bool anything_waits(scheduler& s) noexcept;
void start_machine(scheduler& s, processor* p, bool spinning) noexcept;
// Without a P: sleeps until there is one. False: the thread has to end.
[[nodiscard]] bool stop_machine(machine& m) noexcept;
// The calling thread is `m`'s from now on.
void take_seat(machine& m) noexcept;
// The same for an M that never runs goroutines.
void take_system_seat(machine& m) noexcept;

// sysmon: once in each period of stack_trim_period. How many dead goroutines nobody wanted in it.
[[nodiscard]] std::uint32_t end_trim_period(scheduler& s) noexcept;
// sysmon: gives the memory of some stacks back. How many fewer of `wanted` there are left to trim:
// all when they are in use again.
[[nodiscard]] std::uint32_t trim_stacks(scheduler& s, std::uint32_t wanted) noexcept;

// Without a P, locked: sleeps until its goroutine is runnable and there is a P for it. False: as
// above.
[[nodiscard]] bool stop_locked_machine(machine& m) noexcept;
// Whoever has `g`, locked to another M, and a P in hand: hands both over. False: the process ends;
// the P stays in hand.
[[nodiscard]] bool start_locked_machine(machine& m, goroutine& g, processor& p) noexcept;
// The main goroutine has ended: every thread goes home.
void end_program(scheduler& s) noexcept;
// Finds an M, a list or a stop for a P that no M has: the cases of handoff_case.hpp. The caller
// owns the P and holds no lock.
void handoff(scheduler& s, processor& p) noexcept;
void count_idle_locked(scheduler& s, std::int32_t change) noexcept;
void start_thread(scheduler& s, machine& m, void (*entry)(void*)) noexcept;
// What a thread of an M runs.
void machine_main(void* m) noexcept;
// The thread of an M that has left its loop: its last steps.
void leave_machine(machine& m) noexcept;
// Under the lock: fatal when there are more threads than allowed (M8).
void check_thread_limit(scheduler& s, std::uint32_t count) noexcept;
// Under the lock: a number and a place in the count for an M that is about to be made.
[[nodiscard]] std::uint32_t reserve_machine(scheduler& s) noexcept;
[[nodiscard]] machine* make_machine(scheduler& s, std::uint32_t id) noexcept;
// An M whose goroutine ended locked: gives its P away; the thread ends when it comes round.
void end_machine(machine& m) noexcept;
// At the end of the program: drops what the M has.
void give_up_processor(machine& m) noexcept;
void wire(machine& m, processor& p) noexcept;
[[nodiscard]] processor& unwire(machine& m) noexcept;
// A timer due at `when_ns` was published: the poller or an M has to learn of it.
void announce_timer(scheduler& s, std::int64_t when_ns) noexcept;

// thread/lock_os_thread.cpp. A lock of the runtime's own on the running goroutine, which
// unlock_os_thread() does not undo.
void lock_for_runtime(machine& m, goroutine& g) noexcept;
void unlock_for_runtime(machine& m, goroutine& g) noexcept;
// The running goroutine: when its thread is tainted and it is not locked to it any more, goes on on
// another, and the thread ends.
void leave_tainted_thread() noexcept;
// thread/template_thread.cpp
void need_template_thread(scheduler& s) noexcept;
[[nodiscard]] bool may_be_cloned(machine const* m) noexcept;
// False: the program ends, and the caller starts the thread itself.
[[nodiscard]] bool let_template_start(scheduler& s, machine& m) noexcept;
void wake_template(scheduler& s) noexcept;  // under `lock`
// thread/faults.cpp. What is said of a fault that nobody contains; on the alternate stack of its
// thread.
[[nodiscard]] char const* report_fault(world::fault const& what) noexcept;

// sysmon.cpp
void monitor_loop(void* m) noexcept;

// freeze.cpp
// Any thread, whatever it holds: from soon on no goroutine runs that comes to a call of the
// runtime, and none returns from a system call. There is no way
// back: the process is about to end. Takes some milliseconds. Source: freezetheworld in Go's
// proc.go.
void freeze_the_world(scheduler& s) noexcept;

// resize.cpp
// GOMAXPROCS. Returns the number before. `followed`: the limit that the number comes from; 0: the
// program has said it. By a goroutine; stops the world.
std::uint32_t set_processors(std::uint32_t wanted, std::uint32_t followed) noexcept;
// What affinity and quota allow now, within the world's limit.
[[nodiscard]] std::uint32_t processors_allowed() noexcept;
// sysmon, every limit_recheck: when affinity or quota allow another number of Ps than before,
// starts a goroutine that changes it.
void follow_limit(scheduler& s) noexcept;
// Who starts the world, under the lock, before any P runs.
void resize(scheduler& s) noexcept;

// stop.cpp
// Every P's goroutine is asked to yield. False when the program ends meanwhile: the others go home.
bool ask_everybody(scheduler& s) noexcept;
void stop_the_world() noexcept;
void start_the_world() noexcept;
void for_each_processor(void (*fn)(processor&) noexcept) noexcept;
// The M, with a P, at a scheduling point while the world stops: gives the P up and sleeps. False:
// the thread has to end.
[[nodiscard]] bool stop_here(machine& m) noexcept;
void run_safe_point(scheduler& s, processor& p) noexcept;
void run_safe_point_locked(scheduler& s, processor& p) noexcept;

// deadlock.cpp. Under `lock`: fatal when no goroutine can ever run again (V5).
void check_deadlock(scheduler& s) noexcept;

}  // namespace sched

}  // namespace retake
