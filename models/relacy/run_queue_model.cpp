// run_queue_model.cpp: each goroutine is taken once, as it was put; a ring is never called empty
// while it is not; nothing overflows.
#include "protocol/run_queue.hpp"

#include "model_main.hpp"

namespace retake {
namespace {

enum class place : std::uint32_t { nowhere, queued, taken };

struct goroutine {
  world::plain<goroutine*> link{nullptr};
  world::plain<std::uint32_t> frame{0};  // what only its holder may touch
  world::ghost<place> where{place::nowhere};
};

// The goroutines of a suite; thread 0 makes them.
template <std::uint32_t Count>
struct herd {
  goroutine all[Count];

  goroutine* make(std::uint32_t i) {
    all[i].frame.set(i + 1);
    all[i].where.move(place::nowhere, place::queued, "G2: made twice");
    return &all[i];
  }

  void take(goroutine* g) {
    if (g == nullptr) return;
    g->where.move(place::queued, place::taken, "G2: a goroutine is taken twice");
    const std::uint32_t frame = g->frame.get();
    world::require(frame == static_cast<std::uint32_t>(g - all) + 1, "G2: a goroutine is not as it was put");
    g->frame.set(frame + 100);
  }

  template <class Batch>
  void take_all(Batch batch) {
    for (goroutine* g = batch.pop_front(); g != nullptr; g = batch.pop_front()) take(g);
  }

  template <class Queue>
  void drain(Queue& queue) {
    for (std::uint32_t i = 0; i <= Count; ++i) take(queue.get().item);
  }

  void expect_all(std::uint32_t made = Count) {
    std::uint32_t taken = 0;
    for (goroutine& g : all) taken += g.where.peek() == place::taken ? 1u : 0u;
    world::require(taken == made, "G9: a goroutine is lost");
  }
};

// The owner fills and empties its ring while a thief takes half of it.
struct owner_and_thief : model::suite<owner_and_thief, 2> {
  static constexpr char const* name = "owner_and_thief";
  static constexpr char const* claim =
      "what the owner puts, it or the thief gets, once, with all that stands behind the pointer";

  run_queue<goroutine, 2> mine, stolen;
  herd<2> gs;

  void thread(unsigned index) {
    if (index == 0) {
      for (std::uint32_t i = 0; i < 2; ++i) gs.take_all(mine.put(gs.make(i)));
      gs.take(mine.get().item);
    } else {
      gs.take(stolen.steal(mine, false));
    }
  }
  void after() {
    gs.drain(mine);
    gs.drain(stolen);
    gs.expect_all();
  }
};

// One overflow, and one thief that may have made room for it.
struct overflow_once : model::suite<overflow_once, 2> {
  static constexpr char const* name = "overflow_once";
  static constexpr char const* claim = "a full ring and a thief: the batch and the stolen goroutine are different ones";

  run_queue<goroutine, 2> mine, stolen;
  herd<3> gs;

  void before() {
    gs.take_all(mine.put(gs.make(0)));
    gs.take_all(mine.put(gs.make(1)));
  }
  void thread(unsigned index) {
    if (index == 0) {
      batch<goroutine> over = mine.put(gs.make(2));
      world::require(over.count == 0 || over.count == 2, "Q1: overflow is half of the ring and one");
      gs.take_all(over);
    } else {
      gs.take(stolen.steal(mine, false));
    }
  }
  void after() {
    gs.drain(mine);
    gs.drain(stolen);
    gs.expect_all();
  }
};

// The same many times, while a thief makes room.
struct overflow_against_thief : model::suite<overflow_against_thief, 2> {
  static constexpr char const* name = "overflow_against_thief";
  static constexpr char const* claim = "the batch that a full ring gives away and the thief's half do not overlap";
  static constexpr bool ends = false;

  run_queue<goroutine, 2> mine, stolen;
  herd<4> gs;

  void thread(unsigned index) {
    if (index == 0) {
      for (std::uint32_t i = 0; i < 4; ++i) {
        batch<goroutine> over = mine.put(gs.make(i));
        world::require(over.count == 0 || over.count == 2, "Q1: overflow is half of the ring and one");
        gs.take_all(over);
      }
    } else {
      gs.take(stolen.steal(mine, false));
      gs.take(stolen.steal(mine, false));
    }
  }
  void after() {
    gs.drain(mine);
    gs.drain(stolen);
    gs.expect_all();
  }
};

// The one slot in front of the ring.
struct next_slot : model::suite<next_slot, 2> {
  static constexpr char const* name = "next_slot";
  static constexpr char const* claim = "the goroutine in `next` runs once, on the owner or on the thief";

  run_queue<goroutine, 2> mine, stolen;
  herd<2> gs;

  void thread(unsigned index) {
    if (index == 0) {
      gs.take_all(mine.put_next(gs.make(0)));
      gs.take(mine.get().item);
      gs.take_all(mine.put_next(gs.make(1)));
    } else {
      gs.take(stolen.steal(mine, true));
    }
  }
  void after() {
    gs.drain(mine);
    gs.drain(stolen);
    gs.expect_all();
  }
};

// A goroutine is kicked out of `next` into the ring while a thief reaches for it.
struct kicked_against_thief : model::suite<kicked_against_thief, 2> {
  static constexpr char const* name = "kicked_against_thief";
  static constexpr char const* claim =
      "a goroutine that is kicked out of `next` and reached for at once is in one place";

  run_queue<goroutine, 2> mine, stolen;
  herd<2> gs;

  void thread(unsigned index) {
    if (index == 0) {
      gs.take_all(mine.put_next(gs.make(0)));
      gs.take_all(mine.put_next(gs.make(1)));
    } else {
      gs.take(stolen.steal(mine, true));
    }
  }
  void after() {
    gs.drain(mine);
    gs.drain(stolen);
    gs.expect_all();
  }
};

// What a thief keeps in its own ring can be stolen again.
struct stolen_goods : model::suite<stolen_goods, 2> {
  static constexpr char const* name = "stolen_goods";
  static constexpr char const* claim = "a goroutine that was stolen and is stolen again is as it was put";

  run_queue<goroutine, 4> mine, first, second;
  herd<3> gs;

  void thread(unsigned index) {
    if (index == 0) {
      for (std::uint32_t i = 0; i < 3; ++i) gs.take_all(mine.put(gs.make(i)));
      gs.take(first.steal(mine, false));
    } else {
      gs.take(second.steal(first, false));
    }
  }
  void after() {
    gs.drain(mine);
    gs.drain(first);
    gs.drain(second);
    gs.expect_all();
  }
};

// Two thieves at one ring, one of them also at the other's.
struct two_thieves : model::suite<two_thieves, 3> {
  static constexpr char const* name = "two_thieves";
  static constexpr char const* claim =
      "an owner and two thieves, one of which robs the other, share the goroutines without loss";
  static constexpr bool ends = false;

  run_queue<goroutine, 4> mine, first, second;
  herd<4> gs;

  void thread(unsigned index) {
    if (index == 0) {
      for (std::uint32_t i = 0; i < 3; ++i) gs.take_all(mine.put(gs.make(i)));
      gs.take_all(mine.put_next(gs.make(3)));
      gs.take(mine.get().item);
    } else if (index == 1) {
      gs.take(first.steal(mine, true));
    } else {
      gs.take(second.steal(first, true));
      gs.take(second.steal(mine, true));
    }
  }
  void after() {
    gs.drain(mine);
    gs.drain(first);
    gs.drain(second);
    gs.expect_all();
  }
};

// Counters go round while a thief holds an old view of them.
struct reused_slots : model::suite<reused_slots, 2> {
  static constexpr char const* name = "reused_slots";
  static constexpr char const* claim = "a thief with an old view of a slot that is used again loses its CAS";
  static constexpr bool ends = false;

  run_queue<goroutine, 2> mine, stolen;
  herd<5> gs;

  void thread(unsigned index) {
    if (index == 0) {
      for (std::uint32_t i = 0; i < 5; ++i) {
        gs.take_all(mine.put(gs.make(i)));
        if (i > 0) gs.take(mine.get().item);
      }
    } else {
      gs.take(stolen.steal(mine, false));
      gs.take(stolen.steal(mine, false));
    }
  }
  void after() {
    gs.drain(mine);
    gs.drain(stolen);
    gs.expect_all();
  }
};

// Q4: the owner always has one. It kicks one goroutine from `next` into the ring and takes the
// other: between the reads of an observer the work moves from where it has not looked yet to where
// it has looked already.
struct never_looks_empty : model::suite<never_looks_empty, 2> {
  static constexpr char const* name = "never_looks_empty";
  static constexpr char const* claim =
      "an observer never sees an empty queue while its owner always has a goroutine there";

  run_queue<goroutine, 2> mine;
  herd<3> gs;

  void before() { gs.take_all(mine.put_next(gs.make(0))); }
  void thread(unsigned index) {
    if (index == 0) {
      gs.take_all(mine.put_next(gs.make(1)));
      gs.take(mine.get().item);
    } else {
      const bool empty = mine.looks_empty();
      world::require(!empty, "Q4: a queue with a goroutine in it looks empty");
    }
  }
};

// The same with a ring that moves on as well.
struct never_looks_empty_twice : model::suite<never_looks_empty_twice, 2> {
  static constexpr char const* name = "never_looks_empty_twice";
  static constexpr char const* claim = "as never_looks_empty, with two rounds";

  run_queue<goroutine, 2> mine;
  herd<3> gs;

  void before() { gs.take_all(mine.put_next(gs.make(0))); }
  void thread(unsigned index) {
    if (index == 0) {
      for (std::uint32_t i = 1; i < 3; ++i) {
        gs.take_all(mine.put_next(gs.make(i)));
        gs.take(mine.get().item);
      }
    } else {
      const bool empty = mine.looks_empty();
      world::require(!empty, "Q4: a queue with a goroutine in it looks empty");
    }
  }
};

// Faulty twin (h39): the owner moves head by a store.
struct head_by_a_store : model::suite<head_by_a_store, 2> {
  static constexpr char const* name = "head_by_a_store";
  static constexpr char const* claim = "faulty twin: head moves by a store, and a goroutine is taken twice";
  static constexpr char const* must_fail = "G2";

  world::atomic<std::uint32_t> head{0}, tail{0};
  world::atomic<goroutine*> slot{nullptr};
  herd<1> gs;

  void thread(unsigned index) {
    if (index == 0) {
      slot.store_relaxed(gs.make(0));
      tail.store_release(1);
      const std::uint32_t mine = head.load_relaxed();
      if (mine == 1) return;
      goroutine* const g = slot.load_relaxed();
      head.store_release(1);
      gs.take(g);
    } else {
      const std::uint32_t seen = head.load_acquire();
      const std::uint32_t filled = tail.load_acquire();
      if (seen == filled) return;
      goroutine* const g = slot.load_relaxed();
      const bool won = head.compare_exchange_release(seen, seen + 1).won;
      if (won) gs.take(g);
    }
  }
};

// Faulty twin (s13): empty is decided without the second look at tail.
struct looks_once : model::suite<looks_once, 2> {
  static constexpr char const* name = "looks_once";
  static constexpr char const* claim = "faulty twin: empty is decided without the second look at tail";
  static constexpr char const* must_fail = "Q4";

  world::atomic<std::uint32_t> head{0}, tail{0};
  world::atomic<std::uint32_t> next{1};

  void thread(unsigned index) {
    if (index == 0) {  // put_next: kicked out of `next` into the ring; get: `next` is taken
      next.exchange_release(2);
      tail.store_release(1);
      next.compare_exchange_release(2, 0);
    } else {
      const std::uint32_t first = head.load_relaxed();
      const std::uint32_t last = tail.load_relaxed();
      const std::uint32_t slot = next.load_acquire();
      world::require(first != last || slot != 0, "Q4: a queue with a goroutine in it looks empty");
    }
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<owner_and_thief, overflow_once, overflow_against_thief, next_slot, kicked_against_thief,
                           stolen_goods, two_thieves, reused_slots, never_looks_empty, never_looks_empty_twice,
                           head_by_a_store, looks_once>(argc, argv, "run_queue");
}
