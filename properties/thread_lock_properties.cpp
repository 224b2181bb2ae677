// thread_lock_properties.cpp: while a goroutine is locked to a thread, it runs there and nobody
// else does, however it blocks, calls, nests and ends.
//
// Goal.      L1 (the pair, its count and its errors), L2 (only there, only it), L3 (handing the P
//            over), L5 (a locked end ends the thread), M6, and that nobody sleeps for ever.
// Method.    A small scheduler of its own over thread_lock, note and processor_status: the actors
//            are goroutines whose commands are interpreted by whichever M has them, so that a
//            goroutine can go on anywhere. The reference model is depth and home of each goroutine,
//            kept by the goroutine
//            itself: every command compares. Goroutine and thread each have plain data: run by two,
//            or not handed over in order, it is a race. Which M is idle, which P and which
//            goroutine waits stands under one lock: that part is nobody's claim here.
#include <new>

#include "property_main.hpp"
#include "protocol/spin_lock.hpp"
#include "protocol/thread_lock.hpp"
#include "sim/faults.hpp"
#include "world/memory.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::properties {

namespace {

constexpr std::uint32_t goroutines_max = 3;
constexpr std::uint32_t processors = 2;
constexpr std::uint32_t machines_max = 12;
constexpr std::uint32_t none = 0xff;

enum kind : std::uint8_t { lock, unlock, block, call, retake, overflow, leave };
constexpr command_kind kinds[] = {{"lock", 6},     {"unlock", 5}, {"block", 5}, {"call", 5}, {"retake", 5, processors},
                                  {"overflow", 1}, {"exit", 1}};

struct fiber;

struct worker : machine_side, machine_pair<fiber> {
  explicit worker(std::uint32_t number) : machine_side(number), touched(0) {}
  world::plain<std::uint32_t> touched;  // what a library would keep in the thread
};

struct fiber : goroutine_pair<worker> {
  explicit fiber(std::uint32_t number) : id(number), touched(0) {}
  std::uint32_t const id;
  std::uint32_t place = 0;  // next command
  world::plain<std::uint32_t> touched;
};

// ---- the protocol, and its faulty twins --------------------------------------------------------
struct as_it_is {
  static lock_outcome lock(worker& m, fiber& g) { return thread_lock::lock(m, g); }
  static lock_outcome unlock(worker& m, fiber& g) { return thread_lock::unlock(m, g); }
  static bool end(worker& m, fiber& g) { return thread_lock::end(m, g); }
  static void check_may_run(worker& m, fiber& g) { thread_lock::check_may_run(m, g); }
  static bool lives_elsewhere(worker& m, fiber& g) {
    worker* const home = g.locked_m.get();
    return home != nullptr && home != &m;
  }
};

struct shallow : as_it_is {  // the first unlock ends the pair
  static lock_outcome unlock(worker& m, fiber& g) {
    lock_outcome const outcome = thread_lock::unlock(m, g);
    if (outcome != lock_outcome::done) return outcome;
    m.lock_count.set(0);
    m.locked_g.set(nullptr);
    g.locked_m.set(nullptr);
    return outcome;
  }
};

struct lenient : as_it_is {  // an unlock without a lock is no error
  static lock_outcome unlock(worker& m, fiber& g) {
    lock_outcome const outcome = thread_lock::unlock(m, g);
    return outcome == lock_outcome::not_locked ? lock_outcome::done : outcome;
  }
};

struct unbounded : as_it_is {  // nests for ever
  static lock_outcome lock(worker& m, fiber& g) {
    lock_outcome const outcome = thread_lock::lock(m, g);
    return outcome == lock_outcome::overflow ? lock_outcome::done : outcome;
  }
};

struct pooled : as_it_is {  // the thread of a locked end goes on
  static bool end(worker& m, fiber& g) {
    const bool ignored = thread_lock::end(m, g);
    return ignored && false;
  }
};

struct homeless : as_it_is {  // whoever finds a goroutine runs it
  static void check_may_run(worker&, fiber&) {}
  static bool lives_elsewhere(worker&, fiber&) { return false; }
};

// ---- the reference model -----------------------------------------------------------------------
struct reference {
  std::uint32_t depth[goroutines_max] = {};
  std::uint32_t home[goroutines_max] = {none, none, none};
  std::uint32_t runs_on[goroutines_max] = {none, none, none};
  std::uint32_t commands[goroutines_max] = {};
  std::uint32_t owner[machines_max];  // whose thread it is
  std::uint32_t touches[machines_max] = {};
  bool over[machines_max] = {};
  reference() {
    for (std::uint32_t& g : owner) g = none;
  }
};

enum class went : std::uint8_t { blocked, without_processor, ended, ended_locked };

template <class Protocol>
struct room {
  spin_lock guard;
  // Under the lock.
  fiber* runnable[goroutines_max + 1];
  std::uint32_t runnable_count = 0;
  worker* idle[machines_max];
  std::uint32_t idle_count = 0;
  processor_side* free[processors];
  std::uint32_t free_count = 0;
  worker* made[machines_max];
  std::uint32_t made_count = 0;
  std::uint32_t live = 0;
  // Not.
  processor_side p[processors]{processor_side(0), processor_side(1)};
  world::atomic<std::uint32_t> outside{0};  // what a system call does
  reference expected;
};

template <class Protocol>
struct scheduler {
  room<Protocol>& all;

  struct start_of {
    room<Protocol>* where;
    worker* m;
  };

  static void machine_main(void* opaque) {
    start_of const what = *static_cast<start_of*>(opaque);
    scheduler{*what.where}.run_machine(*what.m);
  }

  void run_machine(worker& m) {
    for (processor_side* p = processor_status::take_handed(m); p != nullptr;) {
      processor_status::wire(m, *p);
      if (!schedule(m)) return;
      m.park.sleep();
      m.park.clear();
      p = processor_status::take_handed(m);
    }
  }

  // With a P. True: it has none any more, and stands in the idle list. False: the thread ends.
  bool schedule(worker& m) {
    for (;;) {
      fiber* const g = next_runnable();
      if (g == nullptr) {
        release(m);
        return stand_idle(m);
      }
      if (Protocol::lives_elsewhere(m, *g)) {
        processor_side& p = processor_status::unwire(m);
        const bool stays = stand_idle(m);
        thread_lock::start(m, *g, p);
        return stays;
      }
      switch (run(m, *g)) {
        case went::blocked:
        case went::ended: break;
        case went::without_processor: return stand_idle(m);
        case went::ended_locked:
          all.expected.over[m.id] = true;
          release(m);
          feed();
          return false;
      }
    }
  }

  fiber* next_runnable() {
    locked const hold(all.guard);
    if (all.runnable_count == 0) return nullptr;
    fiber* const g = all.runnable[0];
    --all.runnable_count;
    for (std::uint32_t i = 0; i < all.runnable_count; ++i) all.runnable[i] = all.runnable[i + 1];
    return g;
  }

  void make_runnable(fiber& g) {
    locked const hold(all.guard);
    all.runnable[all.runnable_count++] = &g;
  }

  // Gives the P away: to the free ones.
  void release(worker& m) {
    processor_side& p = processor_status::unwire(m);
    put_free(p);
  }
  void put_free(processor_side& p) {
    locked const hold(all.guard);
    p.holder.move(processor_holder::hand, processor_holder::idle_list, "P9: a P that is not in hand becomes free");
    all.free[all.free_count++] = &p;
  }
  processor_side* take_free() {  // under the lock
    if (all.free_count == 0) return nullptr;
    processor_side* const p = all.free[--all.free_count];
    p->holder.move(processor_holder::idle_list, processor_holder::hand, "P9: a P that is not free is taken");
    return p;
  }

  bool stand_idle(worker& m) {
    {
      locked const hold(all.guard);
      if (all.live == 0) return false;
      all.idle[all.idle_count++] = &m;
    }
    feed();
    return true;
  }

  // As long as there are a goroutine, a P and no M: somebody gets up.
  void feed() {
    for (;;) {
      worker* m = nullptr;
      processor_side* p = nullptr;
      bool fresh = false;
      {
        locked const hold(all.guard);
        if (all.runnable_count == 0) return;
        p = take_free();
        if (p == nullptr) return;
        if (all.idle_count > 0) {
          m = all.idle[--all.idle_count];
        } else {
          if (all.made_count == machines_max) undecided("harness: more threads than the property has room for");
          fresh = true;
          m = new (world::allocate(sizeof(worker), alignof(worker))) worker(all.made_count);
          all.made[all.made_count++] = m;
        }
      }
      processor_status::hand_over(*m, *p);
      if (fresh)
        world::thread_start(&machine_main, new (world::allocate(sizeof(start_of))) start_of{&all, m});
      else
        m->park.wake();
    }
  }

  // The goroutine waits on its own thread until somebody brings a P.
  void wait_at_home(worker& m, fiber& g) {
    all.expected.runs_on[g.id] = none;
    make_runnable(g);
    feed();
    processor_side* const p = thread_lock::stop(m);
    world::require(p != nullptr, "L3: a locked thread wakes without a P");
    processor_status::wire(m, *p);
    begin_on(m, g);
  }

  void begin_on(worker& m, fiber& g) {
    Protocol::check_may_run(m, g);
    reference& r = all.expected;
    world::require(r.runs_on[g.id] == none, "G2: a goroutine runs on two threads");
    r.runs_on[g.id] = m.id;
  }

  void compare(worker& m, fiber& g) {
    reference& r = all.expected;
    world::require(r.runs_on[g.id] == m.id, "G3: a goroutine runs where it should not");
    world::require(r.home[g.id] == none || r.home[g.id] == m.id, "L2: a locked goroutine runs on another thread");
    world::require(r.owner[m.id] == none || r.owner[m.id] == g.id, "L2: a locked thread runs another goroutine");
    world::require(!r.over[m.id], "L5: a thread whose goroutine ended locked goes on");
    world::require((g.locked_m.get() == &m && m.locked_g.get() == &g) == (r.depth[g.id] > 0),
                   "L1: the pair is not what lock and unlock made of it");
    const std::uint32_t before = g.touched.get();
    world::require(before == r.commands[g.id]++, "G2: a goroutine does not see what it did elsewhere");
    g.touched.set(before + 1);
    const std::uint32_t here = m.touched.get();
    world::require(here == r.touches[m.id]++, "L2: a thread's own data changed behind its back");
    m.touched.set(here + 1);
  }

  // Interprets until the goroutine stops running here.
  went run(worker& m, fiber& g) {
    std::vector<command> const& list = the_program().actors[g.id];
    begin_on(m, g);
    for (;;) {
      compare(m, g);
      if (g.place == list.size()) return end(m, g);
      command const c = list[g.place++];
      switch (static_cast<kind>(c.kind)) {
        case lock: nest(m, g); break;
        case unlock: unnest(m, g); break;
        case block:
          if (all.expected.depth[g.id] > 0) {
            release(m);
            wait_at_home(m, g);
            break;
          }
          all.expected.runs_on[g.id] = none;
          make_runnable(g);
          feed();
          return went::blocked;
        case call:
          if (!make_call(m, g)) return went::without_processor;
          break;
        case retake:
          if (processor_status::take(all.p[c.argument], processor_state::idle)) {
            put_free(all.p[c.argument]);
            feed();
          }
          break;
        case overflow: try_overflow(m, g); break;
        case leave: return end(m, g);
      }
    }
  }

  void nest(worker& m, fiber& g) {
    const lock_outcome how = Protocol::lock(m, g);
    world::require(how == lock_outcome::done, "L1: a lock is refused");
    reference& r = all.expected;
    ++r.depth[g.id];
    r.home[g.id] = m.id;
    r.owner[m.id] = g.id;
  }

  void unnest(worker& m, fiber& g) {
    reference& r = all.expected;
    const lock_outcome how = Protocol::unlock(m, g);
    world::require(how == (r.depth[g.id] == 0 ? lock_outcome::not_locked : lock_outcome::done),
                   "L1: unlock does not know how often it was locked");
    if (r.depth[g.id] == 0 || --r.depth[g.id] > 0) return;
    r.home[g.id] = none;
    r.owner[m.id] = none;
  }

  void try_overflow(worker& m, fiber& g) {
    if (all.expected.depth[g.id] == 0) return;
    const std::uint32_t count = m.lock_count.get();
    m.lock_count.set(thread_lock::count_max);
    const lock_outcome how = Protocol::lock(m, g);
    m.lock_count.set(count);
    world::require(how == lock_outcome::overflow, "L1: the count overflows without an error");
  }

  // False: the goroutine waits elsewhere, the M has no P.
  bool make_call(worker& m, fiber& g) {
    processor_status::enter(m);
    all.outside.fetch_add_relaxed(1);
    if (processor_status::exit_fast(m) != exit_outcome::lost) return true;
    const bool at_home = all.expected.depth[g.id] > 0;
    processor_side* p = nullptr;
    {
      locked const hold(all.guard);
      p = take_free();
    }
    if (p != nullptr) {
      processor_status::wire(m, *p);
      return true;
    }
    if (at_home) {
      wait_at_home(m, g);
      return true;
    }
    all.expected.runs_on[g.id] = none;
    make_runnable(g);
    feed();
    return false;
  }

  went end(worker& m, fiber& g) {
    reference& r = all.expected;
    const bool was_locked = Protocol::end(m, g);
    world::require(was_locked == (r.depth[g.id] > 0), "L5: the end of a locked goroutine does not end its thread");
    world::require(g.locked_m.get() == nullptr && m.locked_g.get() == nullptr,
                   "L1: a goroutine that ended is still paired");
    r.runs_on[g.id] = none;
    r.home[g.id] = none;
    r.depth[g.id] = 0;
    r.owner[m.id] = none;
    all_home();
    return was_locked ? went::ended_locked : went::ended;
  }

  // The last goroutine sends the idle Ms home.
  void all_home() {
    worker* sleepers[machines_max];
    std::uint32_t count = 0;
    {
      locked const hold(all.guard);
      if (--all.live > 0) return;
      while (all.idle_count > 0) sleepers[count++] = all.idle[--all.idle_count];
    }
    for (std::uint32_t i = 0; i < count; ++i) sleepers[i]->park.wake();
  }
};

template <class Protocol>
void body() {
  room<Protocol> all;
  scheduler<Protocol> s{all};
  for (processor_side& p : all.p) {
    p.holder.set(processor_holder::idle_list, "P9: free from the start");
    all.free[all.free_count++] = &p;
  }
  all.live = static_cast<std::uint32_t>(the_program().actors.size());
  fiber* goroutines[goroutines_max];
  for (std::uint32_t g = 0; g < all.live; ++g) {
    goroutines[g] = new (world::allocate(sizeof(fiber), alignof(fiber))) fiber(g);
    all.runnable[all.runnable_count++] = goroutines[g];
  }
  const std::uint32_t count = all.live;
  s.feed();
  sim::join_others();
  world::require(all.live == 0 && all.runnable_count == 0, "G9: a goroutine is left over");
  world::require(all.free_count == processors, "P9: a P is lost");
  for (std::uint32_t g = 0; g < count; ++g) {
    const std::uint32_t touched = goroutines[g]->touched.get();
    world::require(touched == all.expected.commands[g], "G9: a goroutine lost a command");
  }
}

constexpr twin twins[] = {
    {"shallow", "the first unlock ends a nested pair (L1)", &body<shallow>},
    {"lenient", "an unlock without a lock is no error (L1)", &body<lenient>},
    {"unbounded", "the count of locks overflows without an error (L1)", &body<unbounded>},
    {"pooled", "the thread of a locked end goes on (L5)", &body<pooled>},
    {"homeless", "whoever finds a locked goroutine runs it (L2)", &body<homeless>},
};

constexpr property checked = {
    .name = "thread_lock",
    .claim =
        "while a goroutine is locked to a thread, it runs there and nobody else does, however it blocks, calls, nests "
        "and ends",
    .body = &body<as_it_is>,
    .commands = kinds,
    .actors_min = 1,
    .actors_max = goroutines_max,
    .commands_max = 8,
    .fault_mask = 1U << static_cast<std::uint32_t>(sim::fault_kind::spurious) |
                  1U << static_cast<std::uint32_t>(sim::fault_kind::futex_order),
    .twins = twins,
};

}  // namespace

}  // namespace retake::properties

int main(int argc, char** argv) { return retake::properties::property_main(argc, argv, retake::properties::checked); }
