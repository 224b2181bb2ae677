// thread_lock.hpp: a goroutine and a thread that belong to each other until the goroutine says
// otherwise.
//
// Problem.   Some libraries keep state in the thread: the goroutine must run on this M and no other
//            goroutine on it. But the P must not wait with them: when the goroutine blocks, its M
//            gives the P away and sleeps, and whoever finds the goroutine runnable holds a P, on
//            the wrong thread.
// Rejected.  Moving the thread's state: not ours. Keeping the P while the goroutine blocks: a P
//            idles beside work (patch t54). A queue per locked M: a second place where a runnable
//            goroutine may be, invisible to work stealing and to deadlock detection.
// Recipe.    the locked M                                whoever has the goroutine and a P
//            its goroutine stops running: give the P     it is locked to another M: do not run it:
//              away
//            sleep on the park note                      hand that M the P, wake its note [NT2],
//                                                          look for another P
//            woken with a P: run the goroutine
//
// States.    count 0: no pair. count > 0: m.locked_g == g and g.locked_m == m.
// Fields.    locked_g, lock_count: the M. locked_m: written by the goroutine while it runs, read by
//            whoever has it in hand (the queue that handed it over carries the order). The park
//            note: cleared by the M before its goroutine can be found again.
// Invariants L1 L2 L3 L5, M6.
// Orders     None of its own: the note's and the queues'.
// Checked by models/relacy/thread_lock_model.cpp, properties/thread_lock_properties.cpp, scenarios
//            locked_call_fast, locked_call_slow, lock_nest_exit_locked, stress/hammer_locked.cpp,
//            patches t32, t54.
// Not promised: that the locked goroutine runs soon; it needs a P like any other and then one
// thread switch more.
#pragma once

#include <cstdint>

#include "protocol/note.hpp"
#include "protocol/processor_status.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

// The M's part. `park` serves every sleep of the M, locked or idle.
template <class G>
struct machine_pair {
  machine_pair() noexcept : locked_g(nullptr), lock_count(0) {}
  world::plain<G*> locked_g;
  world::plain<std::uint32_t> lock_count;
  note park;
};

// The goroutine's part.
template <class M>
struct goroutine_pair {
  goroutine_pair() noexcept : locked_m(nullptr) {}
  world::plain<M*> locked_m;
};

enum class lock_outcome : std::uint32_t { done, overflow, not_locked };

namespace thread_lock {

inline constexpr std::uint32_t count_max = 0xffffffffu;

// The goroutine g, running on m. Nests.
template <class M, class G>
[[nodiscard]] lock_outcome lock(M& m, G& g) noexcept {
  const std::uint32_t count = m.lock_count.get();
  if (count == count_max) return lock_outcome::overflow;
  m.lock_count.set(count + 1);
  m.locked_g.set(&g);
  g.locked_m.set(&m);
  return lock_outcome::done;
}

// The goroutine g, running on m. The pair ends with the last of as many calls as lock() had.
template <class M, class G>
[[nodiscard]] lock_outcome unlock(M& m, G& g) noexcept {
  const std::uint32_t count = m.lock_count.get();
  if (count == 0) return lock_outcome::not_locked;
  world::require(m.locked_g.get() == &g && g.locked_m.get() == &m,
                 "L1: a locked thread and goroutine do not name each other");
  m.lock_count.set(count - 1);
  if (count > 1) return lock_outcome::done;
  m.locked_g.set(nullptr);
  g.locked_m.set(nullptr);
  return lock_outcome::done;
}

// m's scheduler, when g has ended. True: it ended locked, and this thread must end too (L5).
template <class M, class G>
[[nodiscard]] bool end(M& m, G& g) noexcept {
  const bool was_locked = m.lock_count.get() != 0;
  m.lock_count.set(0);
  m.locked_g.set(nullptr);
  g.locked_m.set(nullptr);
  return was_locked;
}

// m's scheduler, before it runs g. A locked M runs its goroutine only, and a locked goroutine runs
// on its M only.
template <class M, class G>
void check_may_run(M& m, G& g) noexcept {
  G* const mine = m.locked_g.get();
  M* const home = g.locked_m.get();
  world::require(mine == nullptr || mine == &g, "L2: a locked thread runs another goroutine");
  world::require(home == nullptr || home == &m, "L2: a locked goroutine runs on another thread");
}

// A locked M without a P. Blocks the thread until start() hands it one; nullptr: woken because the
// process ends.
template <class M>
[[nodiscard]] processor_side* stop(M& m) noexcept {
  world::require(m.locked_g.get() != nullptr, "L3: an unlocked thread waits for its goroutine");
  world::require(m.p.get() == nullptr, "L3: a locked thread keeps its P while it waits");
  m.park.sleep();
  m.park.clear();
  return processor_status::take_handed(m);
}

// Whoever has g and p in hand, on another M. Hands both to g's M.
template <class M, class G>
void start(M& self, G& g, processor_side& p) noexcept {
  M* const home = g.locked_m.get();
  world::require(home != nullptr && home != &self, "L3: starting the locked thread that one is");
  world::require(home->locked_g.get() == &g, "L1: a locked goroutine names a thread that is not its own");
  processor_status::hand_over(*home, p);
  home->park.wake();
}

}  // namespace thread_lock

}  // namespace retake
