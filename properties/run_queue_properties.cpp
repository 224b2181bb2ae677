// run_queue_properties.cpp: whatever owners and thieves do, each ring is a deque: nothing lost,
// nothing twice, oldest first.
//
// Goal.      G2 and G9 (every item comes out once), Q1 (overflow exactly when full), Q4 ("empty"
//            was true at one instant), Q5 (FIFO but for `next`).
// Method.    Each actor owns a ring and is a thief of the others. Every call is recorded with the
//            interval in which it ran. When all have gone home and the rings are drained, an order
//            of the calls is searched that respects the intervals and gives the same results on
//            reference deques. A call that touches two places in two steps (put_next, steal) may be
//            split there, as its header says. The global queue is used under its lock, hence
//            compared with its reference at once.
// Not promised by the protocol, hence not demanded: under c11 that a thief sees what is there (a
// steal may come back empty-handed, looks_empty may be
//            outdated: [RQ7] and [RQ8] are the model's); that a steal takes exactly half when
//            others work at the same time.
#include <algorithm>
#include <cstring>
#include <new>

#include "property_main.hpp"
#include "protocol/global_queue.hpp"
#include "protocol/run_queue.hpp"
#include "protocol/spin_lock.hpp"
#include "sim/engine.hpp"
#include "world/memory.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake {

// What the faulty twins need.
struct inspector {
  template <class Queue>
  static auto& head(Queue& q) {
    return q.head_;
  }
  template <class Queue>
  static auto& tail(Queue& q) {
    return q.tail_;
  }
  template <class Queue>
  static auto& next(Queue& q) {
    return q.next_;
  }
  template <class Queue>
  static auto& slots(Queue& q) {
    return q.slots_;
  }
};

}  // namespace retake

namespace retake::properties {

namespace {

constexpr std::uint32_t capacity = 4;
constexpr std::uint32_t actors_max = 3;
constexpr std::uint32_t commands_max = 8;
constexpr std::uint32_t items_max = actors_max * commands_max;
constexpr std::uint32_t operations_max = 256;
constexpr std::uint32_t half = capacity / 2;
constexpr std::uint8_t nobody = 0xff;

struct item {
  explicit item(std::uint8_t number) : link(nullptr), written(0), id(number) {}
  world::plain<item*> link;
  world::plain<std::uint32_t> written;  // by who put it, read by who got it: the queue must order the two
  std::uint8_t const id;
};

enum class call : std::uint8_t { put, put_next, get, steal, look };

struct operation {
  call what;
  std::uint8_t actor;
  std::uint8_t queue;
  std::uint8_t in;   // put, put_next: what
  std::uint8_t out;  // get, steal: what, or nobody
  bool flag;         // get: inherits. steal: may take `next`. look: the answer
  std::uint8_t overflow[half + 1];
  std::uint8_t overflow_count;
  bool alone;  // nobody else was in a call at the same time
  std::uint32_t begin, end;
};

// ---- the reference model -----------------------------------------------------------------------
enum rule : std::uint32_t { rule_overflow = 1, rule_look = 2 };

// Outside of the simulated world: one execution at a time, started over by each.
class history {
 public:
  void clear() {
    count_ = 0;
    clock_ = 0;
  }
  operation& begin(call what, std::uint32_t actor, std::uint32_t queue) {
    if (count_ == operations_max) undecided("harness: more calls than the history keeps");
    operation& o = all_[count_++];
    o = {};
    o.what = what;
    o.actor = static_cast<std::uint8_t>(actor);
    o.queue = static_cast<std::uint8_t>(queue);
    o.in = o.out = nobody;
    o.begin = ++clock_;
    return o;
  }
  void end(operation& o) { o.end = ++clock_; }

  // Is there an order? Rules in `relaxed` are not demanded.
  bool explains(bool strict_thieves, std::uint32_t relaxed) {
    strict_ = strict_thieves;
    relaxed_ = relaxed;
    for (auto& list : of_) list.count = 0;
    for (std::uint32_t i = 0; i < count_; ++i) {
      operation& o = all_[i];
      of_[o.actor].at[of_[o.actor].count++] = &o;
      o.alone = true;
      for (std::uint32_t j = 0; j < count_; ++j) {
        if (j != i && all_[j].actor != o.actor && all_[j].begin < o.end && o.begin < all_[j].end) o.alone = false;
      }
    }
    ++generation_;
    nodes_ = 0;
    return search({});
  }

 private:
  struct deque {
    std::uint8_t at[capacity];
    std::uint8_t count;

    void drop_front(std::uint32_t n) {
      count = static_cast<std::uint8_t>(count - n);
      for (std::uint32_t i = 0; i < count; ++i) at[i] = at[i + n];
    }
  };
  struct state {
    deque ring[actors_max] = {};
    std::uint8_t next[actors_max] = {nobody, nobody, nobody};
    std::uint8_t place[actors_max + 1] = {};  // calls of each actor that are over; the last actor drains
    std::uint8_t phase[actors_max + 1] = {};
    std::uint8_t hand[actors_max] = {nobody, nobody, nobody};  // between two steps of one call
  };
  struct list_of_operations {
    operation* at[operations_max];
    std::uint32_t count;
  };
  static constexpr std::uint32_t seen_max = 1U << 14;
  static constexpr std::uint32_t nodes_max = 200'000;

  bool search(state const& s) {
    if (++nodes_ > nodes_max) undecided("harness: the search for an order did not end");
    std::uint32_t first_end = UINT32_MAX;
    bool done = true;
    for (std::uint32_t a = 0; a <= actors_max; ++a) {
      if (s.place[a] == of_[a].count) continue;
      done = false;
      first_end = std::min(first_end, of_[a].at[s.place[a]]->end);
    }
    if (done) return true;
    if (seen_before(s)) return false;
    for (std::uint32_t a = 0; a <= actors_max; ++a) {
      if (s.place[a] == of_[a].count) continue;
      operation const& o = *of_[a].at[s.place[a]];
      if (o.begin < first_end && step(s, a, o)) return true;
    }
    return false;
  }

  bool seen_before(state const& s) {
    std::uint64_t h = 1469598103934665603ULL;
    unsigned char bytes[sizeof(state)];
    std::memset(bytes, 0, sizeof bytes);
    std::size_t n = 0;
    for (deque const& d : s.ring) {
      bytes[n++] = d.count;
      for (std::uint32_t i = 0; i < d.count; ++i) bytes[n++] = d.at[i];
    }
    for (std::uint8_t const b : s.next) bytes[n++] = b;
    for (std::uint8_t const b : s.place) bytes[n++] = b;
    for (std::uint8_t const b : s.phase) bytes[n++] = b;
    for (std::uint8_t const b : s.hand) bytes[n++] = b;
    for (std::size_t i = 0; i < n; ++i) h = (h ^ bytes[i]) * 1099511628211ULL;
    mark& m = seen_[h % seen_max];
    if (m.generation == generation_ && m.hash == h) return true;
    m = {h, generation_};
    return false;
  }

  bool finish(state s, std::uint32_t a) {
    ++s.place[a];
    s.phase[a] = 0;
    return search(s);
  }
  bool go_on(state s, std::uint32_t a, std::uint8_t phase) {
    s.phase[a] = phase;
    return search(s);
  }

  bool step(state const& s, std::uint32_t a, operation const& o) {
    switch (o.what) {
      case call::put: return step_put(s, a, o, o.in);
      case call::put_next: return step_put_next(s, a, o);
      case call::get: return step_get(s, a, o);
      case call::steal: return step_steal(s, a, o);
      case call::look: return step_look(s, a, o);
    }
    return false;
  }

  bool step_put(state s, std::uint32_t a, operation const& o, std::uint8_t in) {
    deque& ring = s.ring[o.queue];
    if (o.overflow_count == 0) {
      if (ring.count == capacity) return false;
      ring.at[ring.count++] = in;
      return finish(s, a);
    }
    if (o.overflow_count != half + 1 || o.overflow[half] != in) return false;
    if (ring.count < half || (ring.count != capacity && (relaxed_ & rule_overflow) == 0)) return false;  // Q1
    for (std::uint32_t i = 0; i < half; ++i) {
      if (o.overflow[i] != ring.at[i]) return false;
    }
    ring.drop_front(half);
    return finish(s, a);
  }

  bool step_put_next(state s, std::uint32_t a, operation const& o) {
    if (s.phase[a] == 1) {
      std::uint8_t const kicked = s.hand[a];
      s.hand[a] = nobody;
      return step_put(s, a, o, kicked);
    }
    std::uint8_t const kicked = s.next[o.queue];
    s.next[o.queue] = o.in;
    if (kicked == nobody) return o.overflow_count == 0 && finish(s, a);
    s.hand[a] = kicked;
    return go_on(s, a, 1);
  }

  bool step_get(state s, std::uint32_t a, operation const& o) {
    deque& ring = s.ring[o.queue];
    std::uint8_t& next = s.next[o.queue];
    if (o.out == nobody) return ring.count == 0 && next == nobody && finish(s, a);
    if (o.flag) {
      if (next != o.out) return false;
      next = nobody;
      return finish(s, a);
    }
    if (next != nobody || ring.count == 0 || ring.at[0] != o.out) return false;
    ring.drop_front(1);
    return finish(s, a);
  }

  bool step_steal(state s, std::uint32_t a, operation const& o) {
    deque& ring = s.ring[o.queue];
    std::uint8_t& next = s.next[o.queue];
    if (s.phase[a] == 2) {  // what was stolen beside the one to run comes into the thief's ring
      deque& mine = s.ring[a];
      if (mine.count == capacity) return false;
      mine.at[mine.count++] = s.hand[a];
      s.hand[a] = nobody;
      return finish(s, a);
    }
    bool const empty_seen = s.phase[a] == 1 || !strict_;
    if (o.out != nobody && s.phase[a] == 0) {
      std::uint32_t const most = ring.count - ring.count / 2U;
      for (std::uint32_t k = strict_ && o.alone ? most : 1; k <= most; ++k) {
        if (k == 0 || ring.at[k - 1] != o.out) continue;
        state after = s;
        after.hand[a] = k > 1 ? ring.at[0] : nobody;
        after.ring[o.queue].drop_front(k);
        if (k > 1 ? go_on(after, a, 2) : finish(after, a)) return true;
      }
    }
    if (o.out != nobody && empty_seen && o.flag && next == o.out) {
      next = nobody;
      return finish(s, a);
    }
    if (o.out == nobody && empty_seen && !(strict_ && o.alone && o.flag && next != nobody)) return finish(s, a);
    return strict_ && s.phase[a] == 0 && ring.count == 0 && go_on(s, a, 1);
  }

  bool step_look(state const& s, std::uint32_t a, operation const& o) {
    bool const empty = s.ring[o.queue].count == 0 && s.next[o.queue] == nobody;
    if (strict_ && (relaxed_ & rule_look) == 0 && o.flag != empty) return false;  // Q4
    return finish(s, a);
  }

  struct mark {
    std::uint64_t hash;
    std::uint32_t generation;
  };
  operation all_[operations_max];
  std::uint32_t count_ = 0;
  std::uint32_t clock_ = 0;
  list_of_operations of_[actors_max + 1];
  bool strict_ = false;
  std::uint32_t relaxed_ = 0;
  std::uint32_t generation_ = 0;
  std::uint32_t nodes_ = 0;
  mark seen_[seen_max] = {};
};

history recorded;

struct reference_global {
  std::uint8_t at[operations_max];
  std::uint32_t first = 0, last = 0;
};

// ---- the commands ------------------------------------------------------------------------------
enum kind : std::uint8_t { put, put_next, get, steal, batch_in, look };
constexpr command_kind kinds[] = {{"put", 6},      {"put_next", 4}, {"get", 3},
                                  {"steal", 5, 4}, {"batch", 2, 3}, {"look", 4, 2}};

template <class Queue>
struct room {
  Queue queues[actors_max];
  spin_lock lock;
  global_queue<item> global;
  reference_global reference;
  std::uint32_t actors = 0;
  std::uint8_t items = 0;
  std::uint8_t taken[items_max] = {};
};

template <class Queue>
struct actor {
  room<Queue>* where;
  std::uint32_t id;

  static void run(void* self) { static_cast<actor*>(self)->run_all(); }
  void run_all() {
    for (command const c : the_program().actors[id]) run_one(c);
  }

  void run_one(command c) {
    std::uint32_t const victim = (id + 1 + c.argument / 2U) % where->actors;
    switch (static_cast<kind>(c.kind)) {
      case put: store(call::put, fresh()); break;
      case put_next: store(call::put_next, fresh()); break;
      case get: take(); break;
      case steal:
        if (!take() && victim != id) rob(victim, c.argument % 2 != 0);  // a thief's own ring is empty
        break;
      case batch_in: take_global(c.argument + 1U); break;
      case look: look_at((id + 1 + c.argument) % where->actors); break;
    }
  }

  item* fresh() {
    std::uint8_t const number = where->items++;
    item* const made = new (world::allocate(sizeof(item), alignof(item))) item(number);
    made->written.set(number + 1U);
    return made;
  }

  void store(call how, item* what) {
    operation& o = recorded.begin(how, id, id);
    o.in = what->id;
    batch<item> rest = how == call::put ? where->queues[id].put(what) : where->queues[id].put_next(what);
    for (item* i = rest.first; i != nullptr && o.overflow_count <= half; i = i->link.get())
      o.overflow[o.overflow_count++] = i->id;
    recorded.end(o);
    if (rest.count == 0) return;
    locked const hold(where->lock);
    for (std::uint32_t i = 0; i < o.overflow_count; ++i) where->reference.at[where->reference.last++] = o.overflow[i];
    where->global.put(rest);
  }

  bool take() {
    operation& o = recorded.begin(call::get, id, id);
    typename Queue::got const g = where->queues[id].get();
    o.out = g.item != nullptr ? g.item->id : nobody;
    o.flag = g.inherits;
    recorded.end(o);
    return account(g.item);
  }

  void rob(std::uint32_t victim, bool take_next) {
    operation& o = recorded.begin(call::steal, id, victim);
    item* const got = where->queues[id].steal(where->queues[victim], take_next);
    o.out = got != nullptr ? got->id : nobody;
    o.flag = take_next;
    recorded.end(o);
    account(got);
  }

  void look_at(std::uint32_t whose) {
    operation& o = recorded.begin(call::look, id, whose);
    o.flag = where->queues[whose].looks_empty();
    recorded.end(o);
  }

  // As a P without work does: some from the global queue, all into its ring.
  void take_global(std::uint32_t most) {
    batch<item> got;
    {
      locked const hold(where->lock);
      got = where->global.take(most);
      reference_global& r = where->reference;
      world::require(got.count == std::min(most, r.last - r.first),
                     "Q2: the global queue gives another number of items than it has");
      for (item* i = got.first; i != nullptr; i = i->link.get())
        world::require(i->id == r.at[r.first++], "Q5: the global queue is not first in, first out");
    }
    for (item* i = got.pop_front(); i != nullptr; i = got.pop_front()) store(call::put, i);
  }

  bool account(item* got) {
    if (got == nullptr) return false;
    world::require(got->written.get() == got->id + 1U, "G2: an item is not as it was put");
    world::require(++where->taken[got->id] == 1, "G2: an item came out twice");
    return true;
  }
};

// What is left, by nobody's actor: recorded like the rest, so that the deques' last state is
// compared too.
template <class Queue>
void drain(room<Queue>& all) {
  for (std::uint32_t q = 0; q < all.actors; ++q) {
    actor<Queue> last{&all, q};
    for (;;) {
      operation& o = recorded.begin(call::get, actors_max, q);
      typename Queue::got const g = all.queues[q].get();
      o.out = g.item != nullptr ? g.item->id : nobody;
      o.flag = g.inherits;
      recorded.end(o);
      if (!last.account(g.item)) break;
    }
    world::require(all.queues[q].looks_empty(), "Q4: a drained ring does not look empty");
  }
  batch<item> rest = all.global.take(operations_max);
  world::require(rest.count == all.reference.last - all.reference.first,
                 "Q2: the global queue holds another number of items than it should");
  actor<Queue> last{&all, 0};
  for (item* i = rest.pop_front(); i != nullptr; i = rest.pop_front()) last.account(i);
}

template <class Queue>
void body() {
  recorded.clear();
  room<Queue> all;
  all.actors = static_cast<std::uint32_t>(the_program().actors.size());
  actor<Queue> actors[actors_max];
  for (std::uint32_t a = 0; a < all.actors; ++a) actors[a] = {&all, a};
  for (std::uint32_t a = 1; a < all.actors; ++a) world::thread_start(&actor<Queue>::run, &actors[a]);
  actors[0].run_all();
  sim::join_others();
  drain(all);
  for (std::uint32_t i = 0; i < all.items; ++i) world::require(all.taken[i] == 1, "G9: an item is lost");
  bool const strict = sim::the_engine->settings().memory == sim::memory_mode::sc;
  if (recorded.explains(strict, 0)) return;
  world::require(!recorded.explains(strict, rule_overflow), "Q1: a ring overflows that is not full");
  world::require(!recorded.explains(strict, rule_look),
                 "Q4: a queue is called empty, or not, and was not so at any instant of the call");
  world::require(false, "Q5: no order of the calls gives these results on a deque");
}

// ---- faulty twins ------------------------------------------------------------------------------
using real = run_queue<item, capacity>;

struct no_second_look : real {
  bool looks_empty() {
    const std::uint32_t head = inspector::head<real>(*this).load_relaxed();
    const std::uint32_t tail = inspector::tail<real>(*this).load_relaxed();
    item* const next = inspector::next<real>(*this).load_acquire();
    return head == tail && next == nullptr;
  }
};

struct early_overflow : real {
  batch<item> put(item* what) {
    const std::uint32_t head = inspector::head<real>(*this).load_acquire();
    const std::uint32_t tail = inspector::tail<real>(*this).load_relaxed();
    if (tail - head != capacity - 1) return real::put(what);
    item* first[half];
    for (std::uint32_t i = 0; i < half; ++i)
      first[i] = inspector::slots<real>(*this)[(head + i) % capacity].load_relaxed();
    if (!inspector::head<real>(*this).compare_exchange_relaxed(head, head + half).won) return real::put(what);
    batch<item> rest;
    for (item* const i : first) rest.push_back(i);
    rest.push_back(what);
    return rest;
  }
};

struct lost_kick : real {
  batch<item> put_next(item* what) {
    batch<item> rest = real::put_next(what);
    return rest.count == 0 ? batch<item>{} : batch<item>{rest.last, rest.last, 1};  // half a ring forgotten
  }
};

constexpr twin twins[] = {
    {"no_second_look", "looks_empty does not read the tail again (Q4)", &body<no_second_look>},
    {"early_overflow", "put gives half away when one slot is left (Q1)", &body<early_overflow>},
    {"lost_kick", "put_next forgets what a full ring gave back (G9)", &body<lost_kick>},
};

constexpr property checked = {
    .name = "run_queue",
    .claim = "whatever owners and thieves do, each ring is a deque: nothing lost, nothing twice, oldest first",
    .body = &body<real>,
    .commands = kinds,
    .actors_min = 2,
    .actors_max = actors_max,
    .commands_max = commands_max,
    .fault_mask = 0,
    .twins = twins,
};

}  // namespace

}  // namespace retake::properties

int main(int argc, char** argv) { return retake::properties::property_main(argc, argv, retake::properties::checked); }
