// poll_waiter_properties.cpp: a wait on one direction ends by readiness, break or close, each
// exactly as often as it should, and never too late.
//
// Goal.      N1 (a second waiter is refused), G6 (one wake-up per park, by one party), N8 (data
//            available and a reader parked is never a stable state), N5 (who is counted as waiting
//            is parked), and that a close lets everybody go.
// Method.    Actors read, deliver, break and, once, close. Data lie in a "kernel", a counter looked
//            at before each wait, as by a read that answers EAGAIN; each delivery is followed by
//            one edge. The reference model knows who waits, who is parked, and which edges, breaks
//            and closes may still end a wait. A parked goroutine is its thread, asleep on a note.
//            When all who deliver are done, nobody may be parked beside data; then thread 0 closes,
//            and everybody must come home. Readers take turns, as polled_file makes them: the
//            protocol refuses a second waiter only until the first is unblocked; twin no_turns
//            shows what happens between there and finish().
#include <new>

#include "property_main.hpp"
#include "protocol/note.hpp"
#include "protocol/poll_waiter.hpp"
#include "sim/calls.hpp"
#include "sim/faults.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::properties {

namespace {

constexpr std::uint32_t actors_max = 4;
constexpr std::uint32_t none = 0xff;

enum kind : std::uint8_t { read, wait, deliver, interrupt, close };
constexpr command_kind kinds[] = {{"read", 6}, {"wait", 2}, {"deliver", 6}, {"break", 2}, {"close", 1}};

struct sleeper {
  sleeper() : prepared(0) {}
  world::plain<std::uint32_t> prepared;  // what the goroutine leaves behind before it parks; read by who readies it
  std::uint32_t parks = 0;
  std::uint32_t id = none;
  note park;
};

// ---- the protocol, and its faulty twins --------------------------------------------------------
struct as_it_is : poll_waiter<sleeper> {
  static constexpr bool looks_for_close = true;
  static constexpr bool takes_turns = true;
};

// Not the protocol's fault but its limit: it refuses a second waiter until the first is unblocked,
// and from there to finish() it does not.
struct no_turns : as_it_is {
  static constexpr bool takes_turns = false;
};

struct blind : as_it_is {  // does not look for a close between its announcement and its park
  static constexpr bool looks_for_close = false;
};

struct admits : as_it_is {  // a second waiter takes the place of the first
  begun begin() {
    const begun how = as_it_is::begin();
    return how == begun::busy ? begun::waiting : how;
  }
};

struct forgetful : as_it_is {  // a wait that readiness ended says that it was not
  bool finish() {
    const bool came = as_it_is::finish();
    return came && false;
  }
};

struct eager : as_it_is {  // a wait that a break ended says that readiness came
  bool finish() {
    const bool came = as_it_is::finish();
    return came || true;
  }
};

struct edge_lost : as_it_is {  // n43: what comes while a goroutine is about to park is dropped
  sleeper* unblock(bool io_ready) {
    if (io_ready && about_to_park) return nullptr;
    return as_it_is::unblock(io_ready);
  }
  begun begin() {
    const begun how = as_it_is::begin();
    if (how == begun::waiting) about_to_park = true;
    return how;
  }
  bool commit(sleeper& g) {
    about_to_park = false;
    return as_it_is::commit(g);
  }
  bool about_to_park = false;
};

struct twice : as_it_is {  // the one parked is handed out again by a second unblock
  sleeper* unblock(bool io_ready) {
    sleeper* const found = as_it_is::unblock(io_ready);
    if (found == nullptr) return io_ready ? last : nullptr;
    return last = found;
  }
  bool finish() {
    last = nullptr;
    return as_it_is::finish();
  }
  sleeper* last = nullptr;
};

// ---- the reference model -----------------------------------------------------------------------
// Calls are intervals of one counter; what a wait may be ended by is judged by when it began and
// ended.
class reference {
 public:
  static constexpr std::uint32_t calls_max = 64;
  enum class cause : std::uint8_t { edge, interrupt, close };

  std::uint32_t begin_call(cause what) {
    if (count_ == calls_max) undecided("harness: more calls than the reference keeps");
    calls_[count_] = {what, ++clock_, UINT32_MAX};
    return count_++;
  }
  void end_call(std::uint32_t call) { calls_[call].end = ++clock_; }

  void begin_wait(std::uint32_t who) {
    world::require(waiter_ == none, "N1: two goroutines wait on one direction");
    waiter_ = who;
    began_ = ++clock_;
  }
  bool somebody_parked() const { return parked_; }
  std::uint32_t waiter() const { return waiter_; }
  void parked(std::uint32_t who) {
    world::require(waiter_ == who && !parked_, "N1: a goroutine parks without having announced itself");
    parked_ = true;
  }
  void readied(std::uint32_t who) {
    world::require(parked_ && waiter_ == who, "G6: a goroutine is readied that is not parked");
    parked_ = false;
  }
  void end_wait(std::uint32_t who, bool ready) {
    world::require(waiter_ == who && !parked_, "G6: a wait ends while its goroutine is parked");
    waiter_ = none;
    if (ready)
      consume();
    else
      world::require(any(cause::interrupt, began_) || any(cause::close, 0),
                     "N1: a wait ends without readiness, break or close");
  }
  // A readiness was taken: some edge must have been on its way since the last one was.
  void consume() {
    world::require(any(cause::edge, consumed_), "N8: readiness is taken that nobody delivered");
    consumed_ = ++clock_;
  }
  // Everybody has gone home: an edge that began after the last readiness was taken is still to be
  // taken.
  bool owes_readiness() const {
    for (std::uint32_t i = 0; i < count_; ++i) {
      if (calls_[i].what == cause::edge && calls_[i].begin > consumed_) return true;
    }
    return false;
  }

 private:
  // A call of this kind that was not over before `since`.
  bool any(cause what, std::uint32_t since) const {
    for (std::uint32_t i = 0; i < count_; ++i) {
      if (calls_[i].what == what && calls_[i].end > since) return true;
    }
    return false;
  }

  struct interval {
    cause what;
    std::uint32_t begin, end;
  };
  interval calls_[calls_max];
  std::uint32_t count_ = 0;
  std::uint32_t clock_ = 0;
  std::uint32_t consumed_ = 0;
  std::uint32_t began_ = 0;
  std::uint32_t waiter_ = none;
  bool parked_ = false;
};

template <class Waiter>
struct room {
  Waiter direction;
  poll_closing closed;
  world::atomic<std::uint32_t> closing{0};
  world::atomic<std::uint32_t> turn{0};
  world::atomic<std::uint32_t> waiting{0};  // as the poller's
  std::uint32_t available = 0;              // the kernel's
  std::uint32_t delivered = 0;
  std::uint32_t was_read = 0;
  bool sealed = false;                      // nothing more will be delivered
  bool careless = false;                    // somebody waited without having looked at the data
  std::uint32_t takers = 0;                 // mask of actors that took readiness
  world::atomic<std::uint32_t> at_work{0};  // actors that may still deliver or break
  reference expected;
};

template <class Waiter>
struct actor {
  room<Waiter>* where = nullptr;
  std::uint32_t id = 0;
  std::uint32_t place = 0;
  bool counted = true;
  sleeper self;

  static void run(void* opaque) {
    actor& a = *static_cast<actor*>(opaque);
    a.run_all();
    a.leave();
  }

  // Only what delivers keeps thread 0 from the close: an actor that has nothing but reads left may
  // be parked until then.
  void run_all() {
    self.id = id;
    std::vector<command> const& list = the_program().actors[id];
    for (; place < list.size(); ++place) {
      if (counted && only_waits_left(list)) leave();
      run_one(list[place]);
    }
  }
  bool only_waits_left(std::vector<command> const& list) const {
    for (std::size_t i = place; i < list.size(); ++i) {
      if (list[i].kind != read && list[i].kind != wait) return false;
    }
    return true;
  }
  void leave() {
    if (!counted) return;
    counted = false;
    const std::uint32_t before = where->at_work.fetch_sub_acq_rel(1);
    if (before == 1) world::futex_wake(where->at_work, 1);
  }

  void run_one(command c) {
    switch (static_cast<kind>(c.kind)) {
      case read: read_one(); break;
      case wait:
        if (counted) break;
        where->careless = true;
        wait_once();
        break;
      case deliver: deliver_one(); break;
      case interrupt: end_waits(reference::cause::interrupt); break;
      case close: close_it(); break;
    }
  }

  // As a read of a non-blocking descriptor: what is there, else wait and try again. Who still has
  // to deliver does not wait: perhaps nobody else does.
  // Bound: every further round takes the readiness of another delivery.
  void read_one() {
    for (;;) {
      if (take_data()) return;
      if (counted || !wait_once()) return;
    }
  }

  // One step, and no happens-before: that a call of the kernel orders memory is not what the
  // protocol may lean on.
  static void enter_kernel() { sim::op(sim::op_kind::kernel, 1); }

  bool take_data() {
    enter_kernel();
    if (where->available == 0) return false;
    --where->available;
    ++where->was_read;
    return true;
  }

  // One reader at a time, from begin() to finish(), as polled_file sees to. True: readiness came.
  bool wait_once() {
    if (!Waiter::takes_turns) return wait_in_turn();
    const std::uint32_t taken = where->turn.exchange_acquire(1);
    if (taken != 0) return false;
    const bool ready = wait_in_turn();
    where->turn.store_release(0);
    return ready;
  }

  bool wait_in_turn() {
    room<Waiter>& all = *where;
    if (all.closed.announced()) return false;
    using begun = typename poll_waiter<sleeper>::begun;
    const begun how = all.direction.begin();
    if (how == begun::ready) {
      all.expected.consume();
      all.takers |= 1U << id;
      return true;
    }
    if (how == begun::busy) {
      world::require(!Waiter::takes_turns, "N1: refused although nobody waits");
      return false;
    }
    all.expected.begin_wait(id);
    bool slept = false;
    if (!Waiter::looks_for_close || !all.closed.announced()) slept = park();
    if (slept) {
      self.park.sleep();
      self.park.clear();
    }
    const bool ready = all.direction.finish();
    all.expected.end_wait(id, ready);
    if (ready) all.takers |= 1U << id;
    return ready;
  }

  bool park() {
    self.prepared.set(++self.parks);
    where->waiting.fetch_add_relaxed(1);
    if (!where->direction.commit(self)) {
      where->waiting.fetch_sub_relaxed(1);
      return false;
    }
    where->expected.parked(id);
    check_nothing_lost(id);
    return true;
  }

  // N8: nobody will deliver or break any more, and this one is parked beside data. Unless readiness
  // went to somebody who has not read yet, or never will.
  void check_nothing_lost(std::uint32_t parked) const {
    if (!where->sealed || where->careless || (where->takers & ~(1U << parked)) != 0) return;
    world::require(where->available == 0, "N8: a reader is parked although data are there");
  }

  void deliver_one() {
    room<Waiter>& all = *where;
    const std::uint32_t call = all.expected.begin_call(reference::cause::edge);
    enter_kernel();
    ++all.available;
    ++all.delivered;
    wake(all.direction.unblock(true));
    all.expected.end_call(call);
  }

  void end_waits(reference::cause why) {
    const std::uint32_t call = where->expected.begin_call(why);
    wake(where->direction.unblock(false));
    where->expected.end_call(call);
  }

  void close_it() {
    if (where->closing.exchange_relaxed(1) != 0) return;
    const std::uint32_t call = where->expected.begin_call(reference::cause::close);
    where->closed.announce();
    wake(where->direction.unblock(false));
    where->expected.end_call(call);
  }

  void wake(sleeper* g) {
    if (g == nullptr) return;
    where->expected.readied(g->id);
    world::require(g->prepared.get() == g->parks, "G5: a goroutine is readied before it was complete");
    const std::uint32_t before = where->waiting.fetch_sub_relaxed(1);
    world::require(before > 0, "N5: fewer goroutines wait than were served");
    g->park.wake();
  }
};

template <class Waiter>
void body() {
  room<Waiter> all;
  const std::uint32_t count = static_cast<std::uint32_t>(the_program().actors.size());
  all.at_work.store_relaxed(count);
  actor<Waiter> actors[actors_max];
  for (std::uint32_t a = 0; a < count; ++a) {
    actors[a].where = &all;
    actors[a].id = a;
    world::thread_start(&actor<Waiter>::run, &actors[a]);
  }
  for (;;) {
    const std::uint32_t left = all.at_work.load_acquire();
    if (left == 0) break;
    world::futex_wait(all.at_work, left);
  }
  // Every edge was delivered: whoever is parked beside data now, or parks beside them from now on,
  // would stay there.
  all.sealed = true;
  // Nobody can ready who is parked now: a second waiter is refused.
  if (all.expected.somebody_parked()) {
    actors[all.expected.waiter()].check_nothing_lost(all.expected.waiter());
    const bool busy = all.direction.begin() == poll_waiter<sleeper>::begun::busy;
    world::require(busy, "N1: a second waiter is admitted beside one that is parked");
  }
  actor<Waiter> closer;
  closer.where = &all;
  closer.close_it();
  sim::join_others();
  world::require(all.delivered == all.was_read + all.available, "N8: data are read twice or not at all");
  const std::uint32_t waiting = all.waiting.load_relaxed();
  world::require(waiting == 0, "N5: somebody is counted as waiting when all have gone home");
  const bool kept = all.direction.begin() == poll_waiter<sleeper>::begun::ready;
  world::require(kept || !all.expected.owes_readiness(), "N8: readiness was lost in a wait that something else ended");
}

constexpr twin twins[] = {
    {"no_turns", "two goroutines wait on one direction, and nobody makes them take turns (N1)", &body<no_turns>},
    {"admits", "a second waiter takes the place of the first (N1)", &body<admits>},
    {"blind", "no look for a close between `wait` and the park (deadlock)", &body<blind>},
    {"forgetful", "a wait that readiness ended says that it was not (N1)", &body<forgetful>},
    {"eager", "a wait that a break ended says that readiness came (N8)", &body<eager>},
    {"edge_lost", "readiness that comes while a goroutine is about to park is dropped (N8, n43)", &body<edge_lost>},
    {"twice", "a second edge readies the same goroutine again (G6)", &body<twice>},
};

constexpr property checked = {
    .name = "poll_waiter",
    .claim =
        "a wait on one direction ends by readiness, break or close, each exactly as often as it should, and never too "
        "late",
    .body = &body<as_it_is>,
    .commands = kinds,
    .actors_min = 1,
    .actors_max = 3,
    .commands_max = 8,
    .fault_mask = 1U << static_cast<std::uint32_t>(sim::fault_kind::spurious) |
                  1U << static_cast<std::uint32_t>(sim::fault_kind::futex_order),
    .twins = twins,
};

}  // namespace

}  // namespace retake::properties

int main(int argc, char** argv) { return retake::properties::property_main(argc, argv, retake::properties::checked); }
