// wait_queue.hpp: goroutines that wait under somebody's lock, first come first served; one may wait
// in several places at once, and one of them wins.
//
// Problem.   A select waits in the queues of several channels and for a time-out; each has a lock
//            of its own, or none. Whoever comes first has the goroutine, alone; the others must
//            neither ready it again nor give it a value, and its memory, where the waiters lie,
//            ends when it goes on.
// Rejected.  A queue for senders and one for semaphores, as two protocols: the race is the same.
//            One lock for all channels. Taking the waiter out of the other queues by the winner: it
//            would take their locks against the order. Enqueueing in one after the other, each
//            under its lock alone: two selects that meet each other would have to win two races at
//            once.
// Recipe.    the goroutine                 who serves a queue          a time-out
//            lock all its queues, in the   lock; look at the first     win [relaxed CAS]; lost:
//              order of their ids                                        left() [WQ1]
//            nobody can serve it: link a   win (relaxed CAS): lost:
//              waiter in each, park;         unlink it, look at the
//              behind it start the           next
//              time-out, unlock all
//            on again: lock each queue,    won: unlink, serve,
//              unlink its waiter             unlock, ready
//            the time-out cannot be
//              stopped any more: wait
//              until it has left [WQ2]
//
//            Whoever holds a queue's lock may touch the waiters in it: their goroutine takes each
//            out under that lock before its memory ends. A time-out holds no lock, so it says when
//            it touches the race no more; the goroutine waits for that, parked.
//
// States.    open: nobody has the goroutine. Won by i: it is the one's who won to serve and ready,
//            once.
//            leaving: nobody; left: the time-out touches nothing more; waits: the goroutine is
//            parked, and the time-out's to ready.
// Fields.    next, previous, in: under the queue's lock. served: by who wins, before it readies.
//            element, index, wanted: fixed while linked.
// Invariants G6 exactly one ready per park; no waiter is left in a queue.
// Orders     [WQ1] [WQ2], below. The race itself is relaxed: what a winner reads of the waiter was
//            published with the queue's lock (or the timer's heap's), and what it hands over goes
//            with the ready.
// Checked by models/relacy/wait_queue_model.cpp, scenarios select_of_many, select_against_time_out,
// two_selects_meet, patches sy1, sy2.
// Not promised: that a goroutine which was passed over, because another place had won it, is still
// parked.
#pragma once

#include <cstdint>

#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

class wait_race {
 public:
  wait_race() noexcept : winner_(open), leaving_(nobody) {}

  // Who would serve the goroutine, by its number. True: it is the caller's to ready, once.
  [[nodiscard]] bool win(std::uint32_t index) noexcept { return winner_.compare_exchange_relaxed(open, index).won; }

  // The goroutine, when it goes on.
  [[nodiscard]] std::uint32_t winner() const noexcept { return winner_.load_relaxed(); }

  // Anybody who holds the lock of a queue that it waits in.
  [[nodiscard]] bool decided() const noexcept { return winner_.load_relaxed() != open; }

  // A contestant without a lock, which has lost: its last touch. True: the goroutine waits for
  // this, parked; the caller readies it.
  [[nodiscard]] bool left() noexcept {
    // [WQ1] acq_rel: every touch of the contestant's comes before the goroutine goes on, and the
    // goroutine found is complete. Pairs with [WQ2]. Killed by: model wait_queue.
    const std::uint32_t before = leaving_.exchange_acq_rel(gone);
    return before == waits;
  }

  // Behind the parked goroutine, which has to outlive that contestant. False: it has left, the
  // goroutine goes on.
  [[nodiscard]] bool wait_until_left() noexcept {
    // [WQ2] acq_rel: the parked goroutine is complete before it is found, and its memory ends after
    // the contestant's last touch. Pairs with [WQ1]. Killed by: model wait_queue.
    const std::uint32_t before = leaving_.exchange_acq_rel(waits);
    return before == nobody;
  }

 private:
  static constexpr std::uint32_t open = ~0u;
  static constexpr std::uint32_t nobody = 0;
  static constexpr std::uint32_t gone = 1;
  static constexpr std::uint32_t waits = 2;

  world::atomic<std::uint32_t> winner_;
  world::atomic<std::uint32_t> leaving_;
};

template <class G>
class wait_queue;

template <class G>
struct queue_waiter {
  explicit queue_waiter(G& who, void* payload = nullptr, std::uint32_t amount = 1) noexcept
      : g(who),
        element(payload),
        wanted(amount),
        race(nullptr),
        index(0),
        next(nullptr),
        previous(nullptr),
        in(nullptr),
        served(0) {}
  queue_waiter(G& who, void* payload, wait_race& shared, std::uint32_t number, std::uint32_t amount = 1) noexcept
      : g(who),
        element(payload),
        wanted(amount),
        race(&shared),
        index(number),
        next(nullptr),
        previous(nullptr),
        in(nullptr),
        served(0) {}

  G& g;
  void* const element;         // where a value goes to or comes from
  std::uint32_t const wanted;  // of a semaphore
  wait_race* race;             // nullptr: it waits here alone
  std::uint32_t index;
  world::plain<queue_waiter*> next;
  world::plain<queue_waiter*> previous;
  world::plain<wait_queue<G>*> in;     // nullptr: in none
  world::plain<std::uint32_t> served;  // 1: it got what it waited for; 0: it was sent away
};

// Everything under the lock of whoever owns it.
template <class G>
class wait_queue {
 public:
  using waiter = queue_waiter<G>;

  wait_queue() noexcept : first_(nullptr), last_(nullptr) {}

  void push_back(waiter& w) noexcept {
    waiter* const last = last_.get();
    w.previous.set(last);
    w.in.set(this);
    if (last == nullptr) {
      first_.set(&w);
    } else {
      last->next.set(&w);
    }
    last_.set(&w);
  }

  // A goroutine that goes on, or who serves it. False: somebody has taken it out.
  bool remove(waiter& w) noexcept {
    if (!world::recheck(w.in.get() != nullptr)) return false;
    waiter* const next = w.next.get();
    waiter* const previous = w.previous.get();
    if (previous == nullptr) {
      first_.set(next);
    } else {
      previous->next.set(next);
    }
    if (next == nullptr) {
      last_.set(previous);
    } else {
      next->previous.set(previous);
    }
    w.in.set(nullptr);
    return true;
  }

  // Takes `w` out. It, when its goroutine is the caller's from now on; nullptr: another place has
  // won that.
  [[nodiscard]] waiter* pop_winner_of(waiter& w) noexcept {
    static_cast<void>(remove(w));
    return w.race == nullptr || w.race->win(w.index) ? &w : nullptr;
  }

  // The first whose goroutine is the caller's from now on; nullptr: none. Those that other places
  // have won go.
  [[nodiscard]] waiter* pop_winner() noexcept {
    while (waiter* const w = first_.get()) {
      if (pop_winner_of(*w) != nullptr) return w;
    }
    return nullptr;
  }

  // The first, won or not.
  [[nodiscard]] waiter* first() const noexcept { return first_.get(); }
  [[nodiscard]] bool empty() const noexcept { return first_.get() == nullptr; }

 private:
  world::plain<waiter*> first_;
  world::plain<waiter*> last_;
};

}  // namespace retake
