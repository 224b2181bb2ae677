// calls.hpp: what the world's headers call. The thin waist between templates that every runtime
// file compiles and the engine.
//
// Values cross as 64 bits, objects as (address, number): see world/atomic.hpp. Nothing here is
// inline, so that a runtime compiled without optimisation still runs an engine compiled with it.
// Runtime code does not include this; checkers and the simulated kernel use the second half.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/faults.hpp"
#include "sim/operations.hpp"
#include "world/site.hpp"

namespace retake::sim {

using world::site;

// ---- for world/*.hpp ----
std::uint32_t make_atomic(void const* object, std::uint64_t initial, value_traits traits, site const& where) noexcept;
void end_atomic(void const* object, std::uint32_t number) noexcept;
std::uint64_t peek_atomic(void const* object, std::uint32_t number) noexcept;
std::uint64_t load(void const* object, std::uint32_t number, order o, site const& where) noexcept;
void store(void const* object, std::uint32_t number, std::uint64_t value, order o, site const& where) noexcept;
std::uint64_t modify(void const* object, std::uint32_t number, rmw what, std::uint64_t value, order o,
                     site const& where) noexcept;
struct compared {
  bool won;
  std::uint64_t seen;
};
compared compare_exchange(void const* object, std::uint32_t number, std::uint64_t expected, std::uint64_t desired,
                          order o, bool weak, site const& where) noexcept;
std::uint32_t make_plain(void const* object, site const& where) noexcept;
void end_plain(void const* object, std::uint32_t number) noexcept;
void plain_read(void const* object, std::uint32_t number, site const& where) noexcept;
void plain_write(void const* object, std::uint32_t number, site const& where) noexcept;
void fence(order o, site const& where) noexcept;
void asymmetric_light(site const& where) noexcept;
void asymmetric_heavy(site const& where) noexcept;

inline constexpr std::int64_t no_deadline = INT64_MAX;
enum class wait_result : std::uint8_t { woken, changed, timed_out };  // in the order of world::waited
wait_result futex_wait(void const* object, std::uint32_t number, std::uint32_t expected, std::int64_t deadline_ns,
                       site const& where) noexcept;
void futex_wake(void const* object, std::uint32_t number, std::uint32_t count, site const& where) noexcept;
void futex_rouse(void const* object, std::uint32_t number) noexcept;
void pause(site const& where) noexcept;

[[noreturn]] void fatal(char const* text, site const& where) noexcept;
void count_recheck(bool condition, site const& where) noexcept;
void commit(void const* ghost, char const* tag, site const& where) noexcept;

void* this_thread() noexcept;
void set_this_thread(void* value) noexcept;

// Faults of the processor: fault_boundary() contains those that its function raises on this thread.
// False: it raised one.
struct processor_fault {
  int signal = 0;
  std::uintptr_t address = 0;
};
[[nodiscard]] bool fault_boundary(void (*fn)(void*), void* argument, processor_fault& what) noexcept;
void* exchange_fault_boundary(void* boundary) noexcept;
[[noreturn]] void raise_fault(processor_fault what) noexcept;
int thread_start(void (*entry)(void*), void* argument, site const& where) noexcept;
std::uint64_t thread_id() noexcept;

std::int64_t nanotime(site const& where) noexcept;
std::int64_t walltime(site const& where) noexcept;  // the fault clock_step: the date is set an hour forward or back
// By scenario bodies: somebody sets the date. No choice point.
void step_wall_clock(std::int64_t by_ns) noexcept;
void sleep_until(std::int64_t deadline_ns, site const& where) noexcept;
std::uint32_t random_below(std::uint32_t n, site const& where) noexcept;
std::uint32_t choose(char const* kind, std::uint32_t n, site const& where) noexcept;

void* allocate(std::size_t bytes, std::size_t alignment, site const& where) noexcept;
void deallocate(void* memory, std::size_t bytes, site const& where) noexcept;
// What allocate() has given in this execution and deallocate() has not taken back.
std::uint32_t live_allocations() noexcept;
void* get_stack(std::size_t bytes, site const& where) noexcept;
void put_stack(void* low, std::size_t bytes) noexcept;
void reuse_stack(void* low, std::size_t bytes) noexcept;
void give_back(void* low, std::size_t bytes, site const& where) noexcept;
void print(char const* text, std::size_t n) noexcept;

// ---- for the simulated kernel, checkers and scenarios ----

// True while an execution runs on this OS thread.
bool running() noexcept;

// A choice point: another thread may run before this returns. What follows until the next one is
// atomic. `object_id` names the thing operated on by a number of the caller's that does not depend
// on addresses; it enters the trace's hash, as does outcome().
void op(op_kind kind, std::uint32_t object_id, site const& where = site::current()) noexcept;
// What the operation announced last by this thread came to; part of the trace (never give it an
// address).
void outcome(std::uint64_t value) noexcept;

// Virtual time, without a choice point.
std::int64_t now_ns() noexcept;
// Whether this fault strikes here: a choice, if the fault is switched on, its budget is not used up
// and the world is not healing.
bool fault(fault_kind kind, site const& where = site::current()) noexcept;
// How many faults have struck in this execution.
std::uint32_t faults_struck() noexcept;
// Heal phase: no faults, fair scheduling, newest values.
bool healing() noexcept;

// Threads that wait for something. In arena or static memory of the owner; all zero is empty.
// Waiters leave in the order they came.
struct wait_list {
  std::uint8_t slot[16] = {};
  std::uint8_t count = 0;
};
// Blocks the running thread until notified or until the deadline. Call it directly after op(): the
// look and the sleep are one step.
wait_result wait(wait_list& list, std::int64_t deadline_ns, op_kind kind, std::uint32_t object_id,
                 site const& where = site::current()) noexcept;
// Make waiters able to run. No choice point. Return how many.
std::uint32_t notify_one(wait_list& list) noexcept;
std::uint32_t notify_all(wait_list& list) noexcept;
// By who simulates signals. `deliver` runs what waits for the running thread, and says whether a
// handler ran: it is called before a thread sleeps in a futex or until a time, and when its sleep
// was interrupted. For this execution.
void on_interruption(bool (*deliver)()) noexcept;
// Ends the sleep of a thread in a futex or until a time (thread_id()). No choice point. False: it
// does not sleep there.
bool interrupt_sleeper(std::uint64_t thread) noexcept;
// At the virtual time `deadline_ns` (or later) calls hook(context), on the stack of whoever runs;
// it must not block or operate on
// atomics: it notifies. A pending alarm counts as a deadline for the clock. False: more than the
// named bound are pending.
using hook = void (*)(void* context);
bool alarm(std::int64_t deadline_ns, hook call, void* context) noexcept;
void cancel_alarms(void* context) noexcept;

// Fails the execution, as require does. `from`: the line of the harness that objects.
[[noreturn]] void fail(char const* tag_and_claim, site const& where = site::current(),
                       site const& from = site::current()) noexcept;
// By thread 0: waits until every other thread ended, and everything they did has happened before
// its return (as joining them all).
void join_others(site const& where = site::current()) noexcept;
// Ends the execution without a finding, whatever other threads do (exit(0) of the simulated
// process). Quiescence hooks run.
[[noreturn]] void end_execution(site const& where = site::current()) noexcept;

// Called at each ghost commit (with --check=step: at each step, then ghost and tag are nullptr).
// One; nullptr takes it away. It reads the world by peek() and fails by fail(). Registered within
// an execution, forgotten at its end.
using commit_hook = void (*)(void* context, void const* ghost, char const* tag);
void on_commit(commit_hook call, void* context) noexcept;
// Called whenever nobody can run and the clock is about to jump to `until_ns`: what waits now,
// waits that long. One; as on_commit.
using still_hook = void (*)(void* context, std::int64_t until_ns);
void on_stillness(still_hook call, void* context) noexcept;
// Called by quiescence(), and at the end of an execution that ended by itself. remove takes all of
// this context away.
void at_quiescence(hook call, void* context) noexcept;
void remove_quiescence(void* context) noexcept;
// The scenario says: nothing is in flight now, look at everything.
void quiescence() noexcept;

// Per-process slots for what belongs to an engine's execution. They start as nullptr in each
// execution.
enum class user_slot : std::uint8_t { kernel, checkers, scenario, spare, count };
void*& slot(user_slot which) noexcept;

// Text on a lane of the timeline and the Chrome trace. kind: 'M', 'P', 'G' or any letter. The text
// is copied only while recording.
bool recording() noexcept;
void note_lane(char kind, std::uint32_t id, char const* text) noexcept;

}  // namespace retake::sim
