// goroutine.hpp: G, a function on a stack of its own.
//
// It lives at the upper end of its stack, so that a parked goroutine touches one page; the closure
// it runs lies below it.
//
// States.    state     the goroutine is                       owned by
//            dead      not in use; it keeps its stack         a free list
//            runnable  ready to run                           exactly one queue, `next` slot or
//                                                               hand (G2)
//            running   on an M with a P                       that M (G3)
//            syscall   in a system call or foreign code, on   that M; its P may be taken
//                        an M
//            waiting   parked                                 whoever will ready it, exactly once
//                                                               (G5, G6)
//
// V9: a dead record is used again before another is made, but for those that a P keeps to itself
// (goroutines.cpp).
//
// Edges.     dead -> runnable (go), runnable -> running (run), running -> runnable (yield), running
//            -> waiting (park), waiting -> runnable (ready), running -> syscall (enter), syscall ->
//            running (exit with a P), syscall -> runnable (exit without), running -> dead.
#pragma once

#include <cstdint>

#include "protocol/thread_lock.hpp"
#include "switch/context.hpp"
#include "world/atomic.hpp"
#include "world/ghost.hpp"
#include "world/memory.hpp"
#include "world/report.hpp"
#include "world/require.hpp"

namespace retake {

struct machine;
namespace detail {
class context_node;
struct exit_hook;
}  // namespace detail

enum class goroutine_state : std::uint32_t { dead, runnable, running, syscall, waiting };

enum class wait_reason : std::uint32_t {
  none,
  chan_receive,
  chan_send,
  sleep,
  sync_wait_group,
  sync_mutex,
  sync_rw_mutex,
  sync_cond,
  semaphore,
  select,
  io_wait,
  stop_the_world,
  background,
  callback_gate
};

// As Go prints them.
[[nodiscard]] constexpr char const* name_of(wait_reason reason) noexcept {
  switch (reason) {
    case wait_reason::none: return "";
    case wait_reason::chan_receive: return "chan receive";
    case wait_reason::chan_send: return "chan send";
    case wait_reason::select: return "select";
    case wait_reason::sleep: return "sleep";
    case wait_reason::sync_wait_group: return "sync.WaitGroup.Wait";
    case wait_reason::sync_mutex: return "sync.Mutex.Lock";
    case wait_reason::sync_rw_mutex: return "sync.RWMutex.Lock";
    case wait_reason::sync_cond: return "sync.Cond.Wait";
    case wait_reason::semaphore: return "semacquire";
    case wait_reason::io_wait: return "IO wait";
    case wait_reason::stop_the_world: return "stopping the world";
    case wait_reason::callback_gate: return "callback gate";
    case wait_reason::background: return "background work (idle)";
  }
  return "unknown wait reason";
}

// Whether other goroutines end the wait: what profiles of blocking and of contention count. Source:
// Go's blockevent().
[[nodiscard]] constexpr bool is_for_goroutines(wait_reason reason) noexcept {
  switch (reason) {
    case wait_reason::chan_receive:
    case wait_reason::chan_send:
    case wait_reason::select:
    case wait_reason::sync_wait_group:
    case wait_reason::sync_mutex:
    case wait_reason::sync_rw_mutex:
    case wait_reason::sync_cond:
    case wait_reason::semaphore: return true;
    default: return false;
  }
}

// Lies on the stack of a goroutine that waits. A program's end abandons the goroutine, and the
// queue that this is in may outlive both: forget() takes it out, before the stack is given back.
struct abandoned_wait {
  abandoned_wait* older;
  void (*forget)(abandoned_wait& self) noexcept;
};

struct goroutine : goroutine_pair<machine> {
  explicit goroutine(world::stack where) noexcept
      : id(0),
        stack(where),
        state(goroutine_state::dead),
        link(nullptr),
        m(nullptr),
        all_link(nullptr),
        reason(wait_reason::none),
        wakeup(0),
        life(goroutine_state::dead),
        since_ns(0),
        made_at(0),
        made_by(0),
        call_pc(0),
        call_sp(0),
        call_fp(0),
        moves(0) {}

  std::uint64_t id;  // unique while the process lives; a recycled goroutine gets a new one
  world::stack const stack;
  floor::context context;

  world::atomic<goroutine_state> state;  // written by the owner; atomic for the reports that read it from elsewhere
  world::plain<goroutine*> link;         // whoever owns it
  world::plain<machine*> m;              // while running or in a system call
  world::plain<goroutine*> all_link;     // the list of all goroutines, under the scheduler's lock
  world::atomic<wait_reason> reason;     // for reports
  world::plain<std::uintptr_t> wakeup;   // left by who readies it for the goroutine itself

  [[no_unique_address]] world::ghost<goroutine_state> life;  // the same for the timeline: when it changed hands

  // For dumps and profiles. since_ns: when it parked or entered its call, on the scheduler's coarse
  // clock. made_at, made_by: the line that started it, and the goroutine that did. call_*: where it
  // left for its system call: the registers from which its stack is walked while its thread is
  // elsewhere.
  world::report_only<std::int64_t> since_ns;
  world::report_only<std::uintptr_t> made_at;
  world::report_only<std::uint64_t> made_by;
  world::report_only<std::uintptr_t> call_pc, call_sp, call_fp;
  world::report_only<std::uint32_t> moves;  // trace.hpp: how often it began or ceased to run

  std::uintptr_t call_frame = 0;            // the goroutine: the frame that its system call was entered by
  void (*invoke)(void* closure) = nullptr;  // runs and destroys the closure
  void* closure = nullptr;
  bool shared = false;  // made without a P: it returns to the shared list of dead goroutines
  detail::context_node** ending_contexts = nullptr;  // in the end of a context: those that end next
  detail::exit_hook* exit_hooks = nullptr;           // the goroutine; what it runs at its end
  abandoned_wait* waits = nullptr;  // the goroutine; the last program's end: what lies on its stack in queues
};

// G1: takes one legal edge. By the owner.
inline void change(goroutine& g, goroutine_state from, goroutine_state to, char const* tag) noexcept {
  world::require(g.state.load_relaxed() == from, tag);
  g.state.store_relaxed(to);
  g.life.move(from, to, tag);
}

}  // namespace retake
