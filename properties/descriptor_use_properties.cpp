// descriptor_use_properties.cpp: goroutines take turns in each direction of a number, which is
// closed once.
//
// Goal.      N1 (one goroutine in a direction, the queue served in the order of arrival, none
//            forgotten), N2 (closed once, after a close, when nothing is inside, and not used
//            then).
// Method.    Actors read, write, use the number without a direction, and close it, as polled_file
//            does; a goroutine that waits for its turn is its thread, asleep on a note. The
//            reference model has the two queues and what is inside; it learns of both under the
//            protocol's own lock, where the order counts. Each direction has plain data, and so has
//            the number: what is not ordered is a race. Turns end by themselves, so every actor
//            must come to its end.
#include <algorithm>

#include "property_main.hpp"
#include "protocol/descriptor_use.hpp"
#include "protocol/note.hpp"
#include "sim/calls.hpp"
#include "sim/faults.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::properties {

namespace {

constexpr std::uint32_t actors_max = 4;
constexpr std::uint32_t none = 0xff;

enum kind : std::uint8_t { read, write, use, close };
constexpr command_kind kinds[] = {{"read", 6}, {"write", 4}, {"use", 2}, {"close", 1}};

struct sleeper {
  std::uint32_t id = none;
  note park;
};

// ---- the protocol, and its faulty twins
struct as_it_is : descriptor_use<sleeper> {
  static constexpr bool waits_for_others = true;   // the close of the number
  static constexpr bool readies_sent_away = true;  // those that a close takes out of a queue
  static constexpr bool leaves_without = true;     // those leave for no direction
};

struct admits : as_it_is {  // a direction that is taken is no obstacle
  begun begin(direction way) { return as_it_is::begin(way == direction::reading ? direction::none : way); }
  template <class HandOn>
  bool end(direction way, HandOn hand_on) {
    return as_it_is::end(way == direction::reading ? direction::none : way, hand_on);
  }
};

struct keeps : as_it_is {  // what leaves hands nothing on
  template <class HandOn>
  bool end(direction, HandOn hand_on) {
    return as_it_is::end(direction::none, hand_on);
  }
};

struct hasty : as_it_is {  // a close closes the number
  static constexpr bool waits_for_others = false;
};

struct forgetful : as_it_is {  // a close readies none of those it sends away
  static constexpr bool readies_sent_away = false;
};

struct greedy : as_it_is {  // what a close has sent away gives back a direction that it never had
  static constexpr bool leaves_without = false;
};

// ---- the reference model
struct line {
  std::uint32_t ids[actors_max] = {};
  std::uint32_t count = 0;

  bool begins_with(std::uint32_t id) const { return count > 0 && ids[0] == id; }
  void join(std::uint32_t id) { ids[count++] = id; }
  void drop_first() {
    std::copy(ids + 1, ids + count, ids);
    --count;
  }
};

struct reference {
  std::uint32_t inside[2] = {none, none};  // reading, writing
  line queue[2];
  std::uint32_t uses = 0;
  std::uint32_t numbers_closed = 0;
  bool closing = false;

  static std::size_t index(direction way) { return way == direction::writing ? 1 : 0; }

  void enters(direction way, std::uint32_t id) {
    world::require(numbers_closed == 0, "N2: a call comes in after the number was closed");
    ++uses;
    if (way == direction::none) return;
    std::uint32_t& has = inside[index(way)];
    world::require(has == none, "N1: two goroutines have one direction");
    has = id;
  }
  void leaves(direction way) {
    world::require(numbers_closed == 0, "N2: the number is closed under a call");
    --uses;
    if (way != direction::none) inside[index(way)] = none;
  }
  void joins(direction way, std::uint32_t id) { queue[index(way)].join(id); }
  void has_turn(direction way, std::uint32_t id) {
    line& waiting = queue[index(way)];
    world::require(waiting.begins_with(id), "N1: a goroutine has its turn before one that came earlier");
    waiting.drop_first();
  }
  void is_sent_away(std::uint32_t id) {
    line* const in = std::find_if(queue, queue + 2, [id](line const& l) { return l.begins_with(id); });
    world::require(in != queue + 2, "N1: a goroutine is sent away that does not wait");
    in->drop_first();
  }
  void is_refused() { world::require(closing, "N2: a call is refused although nothing closes the number"); }
  void closes_number() {
    world::require(closing && uses == 0, "N2: the number is closed before a close, or while it is used");
    const std::uint32_t waiting = queue[0].count + queue[1].count;
    world::require(waiting == 0, "N1: a goroutine waits for its turn at a number that is closed");
    world::require(numbers_closed++ == 0, "N2: the number is closed twice");
  }
};

template <class Use>
struct room {
  Use number;
  world::plain<std::uint32_t> data[2]{world::plain<std::uint32_t>(0), world::plain<std::uint32_t>(0)};
  world::plain<std::uint32_t> entry{0};  // what goes with the number
  std::uint32_t turns[2] = {};
  reference expected;
};

template <class Use>
struct actor {
  room<Use>* where = nullptr;
  std::uint32_t id = 0;
  sleeper self;

  static void run(void* opaque) {
    actor& a = *static_cast<actor*>(opaque);
    a.self.id = a.id;
    for (command const c : the_program().actors[a.id]) a.run_one(static_cast<kind>(c.kind));
  }

  void run_one(kind what) {
    switch (what) {
      case read: call(direction::reading); break;
      case write: call(direction::writing); break;
      case use: call(direction::none); break;
      case close: close_it(); break;
    }
  }

  void call(direction way) {
    if (!enter(way)) return where->expected.is_refused();
    where->expected.enters(way, id);
    static_cast<void>(where->entry.get());
    if (way != direction::none) {
      const std::size_t i = reference::index(way);
      const std::uint32_t before = where->data[i].get();
      world::require(before == where->turns[i]++, "N1: a turn does not see what the one before it left");
      sim::op(sim::op_kind::kernel, 1);  // the system call
      where->data[i].set(before + 1);
    }
    where->expected.leaves(way);
    leave(way);
  }

  bool enter(direction way) {
    using begun = typename Use::begun;
    const begun at_once = where->number.begin(way);
    if (at_once != begun::taken) return at_once == begun::inside;
    typename Use::waiter w(self);
    const begun now = where->number.begin_or_queue(way, w);
    if (now != begun::queued) return now == begun::inside;
    where->expected.joins(way, id);
    where->number.lock.unlock();
    self.park.sleep();
    self.park.clear();
    if (w.served.get() != 0) return true;
    leave(Use::leaves_without ? direction::none : way);
    return false;
  }

  void leave(direction way) {
    sleeper* next = nullptr;
    const bool last = where->number.end(way, [&](sleeper& g) {
      where->expected.has_turn(way, g.id);
      next = &g;
    });
    if (last) close_number();
    if (next != nullptr) next->park.wake();
  }

  void close_it() {
    sleeper* sent_away[actors_max];
    std::uint32_t count = 0;
    where->expected.closing = true;
    const bool first = where->number.close([&](sleeper& g) {
      where->expected.is_sent_away(g.id);
      sent_away[count++] = &g;
    });
    if (!first) return;
    if (Use::readies_sent_away) {
      for (std::uint32_t i = 0; i < count; ++i) sent_away[i]->park.wake();
    }
    if (Use::waits_for_others)
      leave(direction::none);
    else
      close_number();
  }

  void close_number() {
    where->expected.closes_number();
    where->entry.set(1);
  }
};

template <class Use>
void body() {
  room<Use> all;
  const std::uint32_t count = static_cast<std::uint32_t>(the_program().actors.size());
  actor<Use> actors[actors_max];
  for (std::uint32_t a = 0; a < count; ++a) {
    actors[a].where = &all;
    actors[a].id = a;
    world::thread_start(&actor<Use>::run, &actors[a]);
  }
  sim::join_others();
  actor<Use> closer;
  closer.where = &all;
  closer.close_it();
  world::require(all.expected.numbers_closed == 1, "N2: the number is never closed");
}

constexpr twin twins[] = {
    {"admits", "a second reader comes in beside the first (race, N1)", &body<admits>},
    {"keeps", "a goroutine that leaves hands its direction on to none (deadlock)", &body<keeps>},
    {"hasty", "a close closes the number while calls are inside (race, N2, cl1)", &body<hasty>},
    {"forgetful", "a close takes goroutines out of the queues and readies none (deadlock)", &body<forgetful>},
    {"greedy", "a goroutine that a close has sent away gives back a direction that it never had (N2)", &body<greedy>},
};

constexpr property checked = {
    .name = "descriptor_use",
    .claim = "goroutines take turns in each direction of a number, which is closed once, by the last",
    .body = &body<as_it_is>,
    .commands = kinds,
    .actors_min = 1,
    .actors_max = actors_max,
    .commands_max = 6,
    .fault_mask = 1U << static_cast<std::uint32_t>(sim::fault_kind::spurious) |
                  1U << static_cast<std::uint32_t>(sim::fault_kind::futex_order),
    .twins = twins,
};

}  // namespace

}  // namespace retake::properties

int main(int argc, char** argv) { return retake::properties::property_main(argc, argv, retake::properties::checked); }
