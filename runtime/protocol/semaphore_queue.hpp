// semaphore_queue.hpp: so many permits, and those who wait for some, first come first served. A
// mutex is one permit; a reader takes one of many, a writer all.
//
// Problem.   The common case is that nobody waits: then taking and giving back should cost one
//            compare-exchange each. When somebody waits, nobody may overtake it, or one that wants
//            much starves behind those who want little; and whoever gives back must not miss who is
//            about to wait.
// Rejected.  A lock around everything: four locked operations for a mutex instead of two. Letting
//            newcomers in before those that wait, as Go's mutex does until somebody has waited for
//            a millisecond: more throughput under contention, and two modes to prove. A word for
//            each kind of lock: three proofs.
// Recipe.    take n                                      give n back
//            nobody queues and n are there: CAS them     nobody queues: CAS them in [SQ3]
//              out [SQ1]
//            else lock; set `queued` [SQ2]; are there n  else lock; is it still queued? no: add
//              and                                         them [SQ4]
//            nobody before me: store the rest [SQ5],     as long as the first in the queue can have
//              unlock                                      what it wants: take it out
//            else join the queue, park, unlock behind    store the rest, without `queued` when the
//                                                          queue is empty [SQ5]
//                                                        unlock, ready those who were taken
//                                                        out
//
//            While `queued` is set both short ways are closed: only who holds the lock writes the
//            word. It is set and cleared under the lock, and is set exactly while the queue is not
//            empty (but for the moment in which somebody is about to join).
//
// States.    word: permits * 2 + queued.
// Fields.    word_: anybody by CAS while it is not queued, else who holds the lock. queue: under
//            the lock.
// Invariants G6 each that waits is let go once; permits given out and left are as many as there
// were; nobody overtakes who waits.
// Orders     [SQ1]-[SQ5], below: what was written before permits were given back is read by who
//            takes them, on whichever way. A waiter that is let go learns by the ready.
// Checked by models/relacy/semaphore_queue_model.cpp, scenarios mutex_is_exclusive,
// semaphore_serves_in_turn, writers_exclude_readers, patch sy4.
// Not promised: that permits are given back by the goroutine that took them.
#pragma once

#include <cstdint>

#include "protocol/spin_lock.hpp"
#include "protocol/wait_queue.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

template <class G>
class semaphore_queue {
 public:
  using waiter = queue_waiter<G>;
  static constexpr std::uint32_t permits_max = (1u << 30) - 1;

  // All `permits` are there.
  explicit semaphore_queue(std::uint32_t permits) noexcept : permits_(permits), word_(permits * 2) {}

  // Those that are left, and those that are given out.
  [[nodiscard]] std::uint32_t permits() const noexcept { return permits_; }

  // A goroutine that has taken permits finds it false, unless it has taken the last one.
  [[nodiscard]] bool none_left() const noexcept { return word_.load_relaxed() / 2 == 0; }

  // The owner, when no call is under way any more: a goroutine that is in the queue waits for ever.
  [[nodiscard]] bool waited_on() noexcept {
    const locked hold(lock);
    return !queue_.empty();
  }

  // Anybody. False: they are not there, or somebody waits for some.
  [[nodiscard]] bool try_take(std::uint32_t n) noexcept {
    std::uint32_t now = word_.load_relaxed();
    while ((now & queued) == 0 && now / 2 >= n) {
      // [SQ1] acquire: what was written before they were given back is read next. Pairs with [SQ3],
      // [SQ4], [SQ5]. Killed by: model semaphore_queue.
      const world::exchanged<std::uint32_t> taken = word_.compare_exchange_acquire(now, now - n * 2);
      if (taken.won) return true;
      now = taken.seen;
    }
    return false;
  }

  // The goroutine that wants `w.wanted`. True: it has them. False: `w` is in the queue and the lock
  // is held: the caller parks and drops it behind itself. The slow way; inlined, GCC 12 takes the
  // waiter's place in the queue for a dangling pointer.
  [[nodiscard, gnu::noinline]] bool take_or_queue(waiter& w) noexcept {
    lock.lock();
    // [SQ2] acquire: as [SQ1], for who gave back on the short way. Pairs with [SQ3]. Killed by:
    // model semaphore_queue.
    const std::uint32_t now = word_.fetch_or_acquire(queued);
    if (world::recheck((now & queued) == 0 && now / 2 >= w.wanted)) {
      leave(now / 2 - w.wanted);
      lock.unlock();
      return true;
    }
    queue_.push_back(w);
    return false;
  }

  // Whoever has them. `let_go(G&)` is called for each that has got what it wanted and is the
  // caller's to ready when this has returned. False: there would be more permits than there are.
  template <class LetGo>
  [[nodiscard]] bool give(std::uint32_t n, LetGo let_go) noexcept {
    std::uint32_t now = word_.load_relaxed();
    while ((now & queued) == 0) {
      if (now / 2 + n > permits_) return false;
      // [SQ3] release: what was written under them is read by who takes them. Pairs with [SQ1],
      // [SQ2]. Killed by: model semaphore_queue.
      const world::exchanged<std::uint32_t> given = word_.compare_exchange_release(now, now + n * 2);
      if (given.won) return true;
      now = given.seen;
    }
    return give_slowly(n, let_go);
  }

  // The goroutine of `w`, on again because something else has won it: those behind it may be let go
  // now.
  template <class LetGo>
  void withdraw(waiter& w, LetGo let_go) noexcept {
    const locked hold(lock);
    static_cast<void>(queue_.remove(w));
    static_cast<void>(serve(0, let_go));
  }

  // When no call is under way any more: the goroutine of `w` is abandoned, as is each in the queue.
  void forget(waiter& w) noexcept {
    const locked hold(lock);
    if (queue_.remove(w)) leave(word_.load_relaxed() / 2);
  }

  spin_lock lock;

 private:
  static constexpr std::uint32_t queued = 1;

  template <class LetGo>
  [[nodiscard, gnu::noinline]] bool give_slowly(std::uint32_t n, LetGo& let_go) noexcept {
    const locked hold(lock);
    return serve(n, let_go);
  }

  template <class LetGo>
  [[nodiscard]] bool serve(std::uint32_t n, LetGo& let_go) noexcept {
    const std::uint32_t now = word_.load_relaxed();
    if (world::recheck((now & queued) == 0)) {
      // [SQ4] release: as [SQ3]; nobody waits any more, so others may be on the short way. Pairs
      // with [SQ1]. Killed by: model semaphore_queue.
      const std::uint32_t before = word_.fetch_add_release(n * 2);
      return before / 2 + n <= permits_;
    }
    std::uint32_t left = now / 2 + n;
    if (left > permits_) return false;  // before a waiter can have what was never given out
    while (waiter* const first = queue_.first()) {
      if (first->wanted > left) break;
      waiter* const w = queue_.pop_winner_of(*first);
      if (w == nullptr) continue;  // something else has won it
      left -= w->wanted;
      w->served.set(1);
      let_go(w->g);
    }
    leave(left);
    return true;
  }

  // Under the lock, which is the only way to the word now.
  void leave(std::uint32_t permits) noexcept {
    // [SQ5] release: as [SQ3], also for those who gave back before and whom this thread has read
    // of. Pairs with [SQ1]. Killed by: model semaphore_queue.
    word_.store_release(permits * 2 + (queue_.empty() ? 0 : queued));
  }

  std::uint32_t const permits_;
  world::atomic<std::uint32_t> word_;
  wait_queue<G> queue_;
};

}  // namespace retake
