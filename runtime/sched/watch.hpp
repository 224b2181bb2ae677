// watch.hpp: what the scheduler tells whoever watches it. The room observe/ listens; the simulator
// does not compile it, there nobody does.
//
// All of it is rare; nothing here may park, unless it says so, and nothing of the scheduler depends
// on what is done with it.
#pragma once

#include <cstdint>

#include "thread/lock_sites.hpp"

namespace retake {

struct goroutine;
struct machine;
struct processor;
struct scheduler;

namespace watch {

// The scheduler stands and no thread but the caller's runs yet; and at the end again.
void begin(scheduler& s) noexcept;
void end(scheduler& s) noexcept;

// The main goroutine, before what it was given to run and behind it; may park.
void main_begins(scheduler& s) noexcept;
void main_returned(scheduler& s) noexcept;

// sysmon, on its own thread: once; around each sleep, in which it holds nothing; after each round;
// behind its last.
void monitor_begins(scheduler& s) noexcept;
void monitor_sleeps(scheduler& s) noexcept;
void monitor_wakes(scheduler& s) noexcept;
void monitor_round(scheduler& s, std::int64_t now_ns) noexcept;
void monitor_ends(scheduler& s) noexcept;
// True: it must not sleep deeply, somebody wants its rounds.
[[nodiscard]] bool monitor_stays_awake(scheduler& s) noexcept;

// sysmon: the goroutine on `p` has run since `since_ns` and does not give way, while others wait.
void hogs(processor& p, std::int64_t since_ns, std::int64_t now_ns) noexcept;

// The world stands still: affinity or quota allow another number of Ps from now on.
void limit_changed(scheduler& s, std::uint32_t before, std::uint32_t now) noexcept;

// `m` is about to get a thread, for `charged`'s call or lock took a P from its thread; nullptr: for
// one that locked at `ended` and ended so; nowhere: for nobody's. And its thread ends. Without
// locks.
void thread_made(machine& m, goroutine* charged, lock_site ended) noexcept;
void thread_ended(machine& m) noexcept;
// A goroutine, behind a wait for other goroutines while such waits are profiled; and while those
// for a lock are, before it lets go goroutines that waited so long for it.
void waited(machine& m, std::int64_t wait_ns) noexcept;
void contended(machine& m, std::int64_t wait_ns) noexcept;

// The system refuses another thread for good: says which three calls made most of those that there
// are. Without locks.
void thread_refused(scheduler& s) noexcept;

}  // namespace watch

}  // namespace retake
