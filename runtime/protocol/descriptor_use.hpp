// descriptor_use.hpp: what is inside a descriptor's number, one goroutine in each direction and the
// others in turn, and which of them closes it.
//
// Problem.   A close has to end a descriptor now, not when the last variable that names it is gone:
//            the peer waits for the end, the next listener for the port. But a goroutine may stand
//            between its wait and its next read(2), and the kernel gives a closed number to the
//            next open: that read would take bytes of another descriptor. And what one goroutine
//            writes in several calls may not mix with what another writes.
// Rejected.  A number that lives as long as its object: the peer of a connection that is still held
//            waits as long. A look before each call and a close at once: the look is old when the
//            call is made. A lock around each call: a close would wait for a read that waits. A
//            mutex for each direction beside this word: a close would have to end the waits for two
//            mutexes, and each use would take two atomic operations more.
// Recipe.    a call                                    a close
//            closed? refused. Its direction is free:   closed, by one operation; it was closed
//            inside, its direction taken: CAS [DU1]     already: nothing to do
//            taken: lock; look again; queued and       lock, if any wait: take all out of both
//            counted in one CAS; join the queue,       queues, ready them
//            park, unlock after it                     ends the waits in the poller; the number is
//            on again: the direction is its own; or    still there, no other open can be given it
//            a close has sent it away, and it leaves   leaves, as a call does: it gives up the
//            its system calls                          opening's place
//            leaves: with its direction's queue marked: lock; the first in it has the direction,
//            which stays taken; else CAS [DU2]. The last of a closed number closes it
//
//            The direction is handed off, first come, first served: a newcomer finds it taken. A
//            goroutine in a queue is inside already, so that the number outlives its wait.
//
// States.    open: the opening itself is inside, and calls are. closed: nothing comes in any more,
//            and something is inside. over: nothing is inside: what left last has the number, and
//            the memory behind it, to itself.
// Fields.    word_: by the operations below; the marks of the queues under the lock. queues_: under
//            lock. The opening's place belongs to the first close.
// Invariants N1 a direction has one goroutine, the others are served in turn, and none is left in a
//            queue; N2 the number is closed once, by the last, and used by nothing afterwards.
// Orders     [DU1] [DU2] [DU3], below. What a goroutine in a queue has to know of the one before it
//            comes with the ready.
// Checked by models/relacy/descriptor_use_model.cpp, properties/descriptor_use_properties.cpp,
//            scenarios close_against_wait, close_against_uses, readers_take_turns,
//            whole_writes_do_not_mix, close_against_turns, patches cl1, cl2, rg7, tn1 to tn5.
// Not promised: that a close ends what is inside: it ends the waits, and a call that blocks in the
//            kernel goes on.
// Source: fdMutex in Go's internal/poll, where a newcomer may take the direction before the one
//            that is woken for it.
#pragma once

#include <cstdint>

#include "protocol/spin_lock.hpp"
#include "protocol/wait_queue.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

// What a call wants for itself.
enum class direction : std::uint32_t { none = 0, reading = 2, writing = 4 };

template <class G>
class descriptor_use {
 public:
  using waiter = queue_waiter<G>;

  descriptor_use() noexcept : word_(one) {}

  enum class begun : std::uint32_t { inside, closed, taken, queued };

  // By whatever reaches the object. inside: it must call end() with the same direction. Never
  // queued.
  [[nodiscard]] begun begin(direction way) noexcept {
    const auto mine = static_cast<std::uint32_t>(way);
    for (;;) {  // bound: each round another call came in or left
      const std::uint32_t now = word_.load_relaxed();
      if ((now & closed_bit) != 0) return begun::closed;
      if ((now & mine) != 0) return begun::taken;
      // [DU1] acquire: what had the direction before is through with it. Pairs with [DU2]. Killed
      // by: model descriptor_use.
      const bool inside = word_.compare_exchange_acquire(now, (now | mine) + one).won;
      if (inside) return begun::inside;
    }
  }

  // For the goroutine of `w`, after begin() has returned taken. queued: `w` is in the queue and the
  // lock is held: the caller parks and drops it after that. Readied, it has the direction if
  // `w.served` is 1, else the number was closed: in both cases it must call end(), in the second
  // for no direction.
  [[nodiscard, gnu::noinline]] begun begin_or_queue(direction way, waiter& w) noexcept {
    const auto mine = static_cast<std::uint32_t>(way);
    lock.lock();
    for (;;) {  // bound: as in begin()
      const std::uint32_t now = word_.load_relaxed();
      if ((now & closed_bit) != 0) {
        lock.unlock();
        return begun::closed;
      }
      if ((now & mine) == 0) {
        // [DU3] acquire: as [DU1]. Pairs with [DU2]. Killed by: model descriptor_use.
        const bool inside = word_.compare_exchange_acquire(now, (now | mine) + one).won;
        if (!inside) continue;
        lock.unlock();
        return begun::inside;
      }
      if (!word_.compare_exchange_relaxed(now, (now | mark_of(way)) + one).won) continue;
      queue_of(way).push_back(w);
      return begun::queued;
    }
  }

  // By what is inside. True: it was the last, and closes the number. `hand_on(G&)` is called for
  // the goroutine that has the direction now; the caller readies it when this has returned.
  template <class HandOn>
  [[nodiscard]] bool end(direction way, HandOn hand_on) noexcept {
    const std::uint32_t gone = static_cast<std::uint32_t>(way) + one;
    for (;;) {  // bound: as in begin(); a marked queue that is found empty was emptied by the close
      const std::uint32_t now = word_.load_relaxed();
      if ((now & mark_of(way)) != 0) {
        if (hand_on_first(way, hand_on)) return false;
        continue;
      }
      world::require(now >= one, "N2: more have left a number than were inside");
      // [DU2] release: what was done inside is over before the next takes the direction, or the
      // last closes the number; acquire: for that last. Pairs with [DU1], [DU2], [DU3]. Killed by:
      // model descriptor_use.
      const bool left = word_.compare_exchange_acq_rel(now, now - gone).won;
      if (left) return now - gone == closed_bit;
    }
  }
  // The same of a call without a direction, which hands nothing on.
  [[nodiscard]] bool end() noexcept {
    return end(direction::none, [](G&) {});
  }

  // By whatever reaches the object. True: it was the first, ends the waits, and must call
  // end(direction::none). `send_away(G&)` is called for each in the queues; the caller readies them
  // when this has returned.
  template <class SendAway>
  [[nodiscard]] bool close(SendAway send_away) noexcept {
    const std::uint32_t before = word_.fetch_or_relaxed(closed_bit);
    if ((before & closed_bit) != 0) return false;
    if ((before & marks) == 0) return true;  // and none joins any more: it looks at the same word
    const locked hold(lock);
    static_cast<void>(word_.fetch_and_relaxed(~marks));
    for (wait_queue<G>& queue : queues_) {
      while (waiter* const w = queue.pop_winner()) send_away(w->g);
    }
    return true;
  }

  // The program has ended, and what was inside is abandoned; it waits in no queue any more. True: a
  // close came before, and the caller closes the number.
  [[nodiscard]] bool abandon() noexcept {
    const std::uint32_t now = word_.load_relaxed();
    const bool was_closed = (now & closed_bit) != 0;
    word_.store_relaxed(was_closed ? closed_bit : one);
    return was_closed && now != closed_bit;
  }

  // A hint, once true for ever.
  [[nodiscard]] bool closed() const noexcept { return (word_.load_relaxed() & closed_bit) != 0; }

  spin_lock lock;  // of the queues

 private:
  static constexpr std::uint32_t closed_bit = 1;
  static constexpr std::uint32_t marks = 8 + 16;  // of a queue that is not empty, reading and writing
  static constexpr std::uint32_t one = 32;        // above: how many are inside

  [[nodiscard]] static constexpr std::uint32_t mark_of(direction way) noexcept {
    return static_cast<std::uint32_t>(way) * 4;
  }
  [[nodiscard]] wait_queue<G>& queue_of(direction way) noexcept { return queues_[way == direction::writing ? 1 : 0]; }

  // False: a close has sent all away.
  template <class HandOn>
  [[nodiscard, gnu::noinline]] bool hand_on_first(direction way, HandOn& hand_on) noexcept {
    const locked hold(lock);
    wait_queue<G>& queue = queue_of(way);
    waiter* const next = queue.pop_winner();
    if (next == nullptr) return false;
    // Relaxed: what was done inside is known to the next, by the ready, and that one leaves later.
    static_cast<void>(word_.fetch_sub_relaxed(one + (queue.empty() ? mark_of(way) : 0)));
    next->served.set(1);
    hand_on(next->g);
    return true;
  }

  world::atomic<std::uint32_t> word_;
  wait_queue<G> queues_[2];
};

}  // namespace retake
