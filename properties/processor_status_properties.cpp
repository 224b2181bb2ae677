// processor_status_properties.cpp: whoever calls, returns, retakes or stops, each P has exactly one
// owner, and a returning M knows whose its P was.
//
// Goal.      P9 (one owner at every instant), P11 (a P in a call names no M; ABA is noticed, and
//            only ABA), P1 P2 P3 P8 P12 by the way.
// Method.    Each actor is an M, a monitor and a stopper at once. The reference model is a ledger:
//            who owns each P, and how often it changed hands. A call that is entered puts the P up,
//            once; each success (return, retake, stop) must find it up and takes it. The ledger is
//            written where the call returns, in one step with the operation that decided. What runs
//            on a P writes plain data that belongs to it: two owners, or one that does not see what
//            the last one did, are a race or a wrong count. At each commit of an ownership change
//            the links are compared with the status.
#include <array>

#include "property_main.hpp"
#include "protocol/processor_status.hpp"
#include "protocol/spin_lock.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::properties {

namespace {

constexpr std::uint32_t actors_max = 3;
constexpr std::uint32_t processors = 2;
constexpr std::uint32_t none = 0xff;

enum kind : std::uint8_t { enter, leave, work, drop, pick, retake, stop, restart };
constexpr command_kind kinds[] = {{"enter", 6}, {"exit", 6},      {"work", 2},    {"drop", 1},
                                  {"pick", 3},  {"retake", 5, 4}, {"stop", 2, 2}, {"restart", 2}};

// ---- the reference model -----------------------------------------------------------------------
enum class owned_by : std::uint8_t { actor, call, list, stopped };

struct ledger_line {
  owned_by how;
  std::uint32_t who;        // actor: whose; call: who entered last
  std::uint32_t transfers;  // others' takings out of a call, returns of others included
};

class ledger {
 public:
  void clear() {
    for (ledger_line& l : lines_) l = {owned_by::list, none, 0};
    for (entry& e : at_enter_) e = {none, 0};
  }
  ledger_line const& of(std::uint32_t p) const { return lines_[p]; }

  void expect_actor(std::uint32_t p, std::uint32_t who) const {
    world::require(lines_[p].how == owned_by::actor && lines_[p].who == who, "P9: an M uses a P that is not its own");
  }
  void entered(std::uint32_t p, std::uint32_t who) {
    lines_[p].how = owned_by::call;
    at_enter_[who] = {p, lines_[p].transfers};
  }
  // Out of a call: by a return, a retake or a stop.
  void taken(std::uint32_t p, std::uint32_t who) {
    world::require(lines_[p].how == owned_by::call, "P9: two parties own a P that was in one call");
    lines_[p] = {owned_by::actor, who, lines_[p].transfers + 1};
  }
  // Whether nobody had it since `who` entered. Before taken().
  bool untouched(std::uint32_t p, std::uint32_t who) const {
    return at_enter_[who].p == p && at_enter_[who].transfers == lines_[p].transfers;
  }
  void moved(std::uint32_t p, owned_by from, owned_by to, std::uint32_t who) {
    world::require(lines_[p].how == from, "P9: a P is somewhere else than its last owner left it");
    lines_[p].how = to;
    lines_[p].who = who;
  }

 private:
  struct entry {
    std::uint32_t p;
    std::uint32_t transfers;
  };
  std::array<ledger_line, processors> lines_;
  std::array<entry, actors_max> at_enter_;
};

// ---- the protocol, and its faulty twins --------------------------------------------------------
struct as_it_is {
  static void enter(machine_side& m) { processor_status::enter(m); }
  static exit_outcome exit(machine_side& m) { return processor_status::exit_fast(m); }
  static bool take(processor_side& p, processor_state to) { return processor_status::take(p, to); }
};

// Looks, then stores; and tells the ghost what it believes, so that only the ledger knows better.
struct careless_thief : as_it_is {
  static bool take(processor_side& p, processor_state to) {
    if (p.status.load_acquire() != processor_state::syscall) return false;
    p.status.store_relaxed(to);
    p.holder.set(processor_holder::hand, "P9: taken, as the thief believes");
    const std::uint32_t tick = p.syscall_tick.load_relaxed();
    p.syscall_tick.store_relaxed(tick + 1);
    return true;
  }
};

// Forgets that others count.
struct silent_thief : as_it_is {
  static bool take(processor_side& p, processor_state to) {
    const bool won = p.status.compare_exchange_acquire(processor_state::syscall, to).won;
    if (won)
      p.holder.move(processor_holder::call, processor_holder::hand,
                    "P9: a P is taken out of a system call that somebody else took");
    return won;
  }
};

// Publishes the status before the links are apart.
struct late_links : as_it_is {
  static void enter(machine_side& m) {
    processor_side* const p = m.p.get();
    m.tick.set(p->syscall_tick.load_relaxed());
    p->status.exchange_seq_cst(processor_state::syscall);
    p->holder.move(processor_holder::machine, processor_holder::call,
                   "P9: a system call is entered with a P of somebody else");
    p->machine.store_relaxed(nullptr);
    m.old.set(p);
    m.p.set(nullptr);
  }
};

// ---- the commands ------------------------------------------------------------------------------
template <class Protocol>
struct room {
  processor_side p[processors]{processor_side(0), processor_side(1)};
  world::plain<std::uint32_t> work[processors]{world::plain<std::uint32_t>(0),
                                               world::plain<std::uint32_t>(0)};  // owned with the P
  std::uint32_t work_done[processors] = {};                                      // what it must be
  machine_side m[actors_max]{machine_side(0), machine_side(1), machine_side(2)};
  spin_lock lock;
  std::uint32_t listed[processors] = {};  // under the lock
  std::uint32_t list_count = 0;
  std::uint32_t stopped = 0;  // under the lock: mask
  ledger owners;

  // A commit of an ownership change: what the status says about the links (P3, P11). Another P may
  // be in the middle of being wired.
  static void look(void* self, void const* ghost, char const*) {
    room& all = *static_cast<room*>(self);
    for (processor_side const& one : all.p) {
      std::uint32_t named = 0;
      for (machine_side const& machine : all.m) named += machine.p.peek() == &one ? 1 : 0;
      processor_holder const holder = one.holder.peek();
      if (holder == processor_holder::call && (named != 0 || one.machine.peek() != nullptr))
        sim::fail("P11: a P in a call is still linked with an M");
      if (ghost == &one.holder && holder == processor_holder::machine &&
          (named != 1 || one.status.peek() != processor_state::running))
        sim::fail("P3: a P that runs is not exactly one M's");
      if (named > 1) sim::fail("P3: two Ms have one P");
    }
  }
};

template <class Protocol>
struct actor {
  room<Protocol>* where;
  std::uint32_t id;
  bool in_call = false;

  static void run(void* self) { static_cast<actor*>(self)->run_all(); }
  void run_all() {
    for (command const c : the_program().actors[id]) run_one(c);
    if (in_call) come_back();
    if (mine() != nullptr) put_down();
  }

  machine_side& me() { return where->m[id]; }
  processor_side* mine() { return me().p.get(); }

  void run_one(command c) {
    switch (static_cast<kind>(c.kind)) {
      case enter:
        if (mine() != nullptr && !in_call) go_away();
        break;
      case leave:
        if (in_call) come_back();
        break;
      case work: use(); break;
      case drop:
        if (mine() != nullptr && !in_call) put_down();
        break;
      case pick:
        if (mine() == nullptr && !in_call) pick_up();
        break;
      case retake: take_from_call(c.argument % processors, c.argument >= processors); break;
      case stop: stop_one(c.argument); break;
      case restart: restart_all(); break;
    }
  }

  void use() {
    processor_side* const p = mine();
    if (p == nullptr || in_call) return;
    where->owners.expect_actor(p->id, id);
    const std::uint32_t before = where->work[p->id].get();
    world::require(before == where->work_done[p->id]++, "P9: what was done with the P before is not seen");
    where->work[p->id].set(before + 1);
  }

  void go_away() {
    use();
    const std::uint32_t p = mine()->id;
    where->owners.expect_actor(p, id);
    in_call = true;
    where->owners.entered(p, id);  // from the swap on anybody may take it, before enter() has returned
    Protocol::enter(me());
  }

  void come_back() {
    in_call = false;
    const std::uint32_t p = me().old.get()->id;
    // Decided by the swap within: the ledger's state until then is not known here, only what
    // follows from who won.
    const exit_outcome how = Protocol::exit(me());
    if (how == exit_outcome::lost) {
      world::require(mine() == nullptr, "P11: an M that lost its P has one");
      return;
    }
    const bool untouched = where->owners.untouched(p, id);
    where->owners.taken(p, id);
    world::require(untouched == (how == exit_outcome::reacquired), "P11: a returning M is wrong about who had its P");
    use();
  }

  void put_down() {
    use();
    processor_side& p = processor_status::unwire(me());
    keep(p);
  }

  void keep(processor_side& p) {
    locked const hold(where->lock);
    p.holder.move(processor_holder::hand, processor_holder::idle_list,
                  "P9: a P that is not in hand goes onto the list");
    where->owners.moved(p.id, owned_by::actor, owned_by::list, none);
    where->listed[where->list_count++] = p.id;
  }

  void pick_up() {
    processor_side* p = nullptr;
    {
      locked const hold(where->lock);
      if (where->list_count == 0) return;
      p = &where->p[where->listed[--where->list_count]];
      p->holder.move(processor_holder::idle_list, processor_holder::hand,
                     "P9: a P that is not on the list is taken off it");
      where->owners.moved(p->id, owned_by::list, owned_by::actor, id);
    }
    processor_status::wire(me(), *p);
    use();
  }

  void take_from_call(std::uint32_t p, bool run_it) {
    if (!Protocol::take(where->p[p], processor_state::idle)) return;
    where->owners.taken(p, id);
    if (run_it && mine() == nullptr && !in_call) {
      processor_status::wire(me(), where->p[p]);
      use();
    } else {
      keep(where->p[p]);
    }
  }

  // Under the lock, as the stop of the world: out of a call, or off the list.
  void stop_one(std::uint32_t p) {
    locked const hold(where->lock);
    if (Protocol::take(where->p[p], processor_state::gc_stop)) {
      where->owners.taken(p, id);
      processor_status::stop_in_hand(where->p[p]);
      where->owners.moved(p, owned_by::actor, owned_by::stopped, none);
      where->stopped |= 1U << p;
      return;
    }
    for (std::uint32_t i = 0; i < where->list_count; ++i) {
      if (where->listed[i] != p) continue;
      where->listed[i] = where->listed[--where->list_count];
      where->p[p].holder.move(processor_holder::idle_list, processor_holder::hand,
                              "P9: a P that is not on the list is taken off it");
      processor_status::stop_in_hand(where->p[p]);
      where->owners.moved(p, owned_by::list, owned_by::stopped, none);
      where->stopped |= 1U << p;
      return;
    }
  }

  void restart_all() {
    locked const hold(where->lock);
    for (std::uint32_t p = 0; p < processors; ++p) {
      if ((where->stopped >> p & 1U) == 0) continue;
      processor_status::restart_in_hand(where->p[p]);
      where->p[p].holder.move(processor_holder::hand, processor_holder::idle_list,
                              "P9: a P that is not in hand goes onto the list");
      where->owners.moved(p, owned_by::stopped, owned_by::list, none);
      where->listed[where->list_count++] = p;
    }
    where->stopped = 0;
  }
};

// The end: every P where the ledger says, none lost.
template <class Protocol>
void check_rest(room<Protocol>& all) {
  std::uint32_t seen = 0;
  for (std::uint32_t i = 0; i < all.list_count; ++i) {
    world::require((seen >> all.listed[i] & 1U) == 0, "P5: a P is twice on the list");
    seen |= 1U << all.listed[i];
  }
  for (std::uint32_t p = 0; p < processors; ++p) {
    const bool listed = (seen >> p & 1U) != 0;
    const bool stopped = (all.stopped >> p & 1U) != 0;
    const owned_by how = all.owners.of(p).how;
    world::require(how != owned_by::actor, "P9: a P is left in the hands of an M that went home");
    world::require(listed == (how == owned_by::list) && stopped == (how == owned_by::stopped),
                   "P12: a P is neither where it should be nor in a call");
    const processor_state status = all.p[p].status.load_relaxed();
    world::require(status == (listed    ? processor_state::idle
                              : stopped ? processor_state::gc_stop
                                        : processor_state::syscall),
                   "P3: the status of a P is not that of its owner");
    world::require(all.work[p].get() == all.work_done[p], "P9: work done with a P is lost");
  }
}

template <class Protocol>
void body() {
  room<Protocol> all;
  all.owners.clear();
  sim::on_commit(&room<Protocol>::look, &all);
  const std::uint32_t count = static_cast<std::uint32_t>(the_program().actors.size());
  actor<Protocol> actors[actors_max];
  for (std::uint32_t a = 0; a < count; ++a) actors[a] = {&all, a};
  for (processor_side& p : all.p) {
    if (p.id < count) {
      all.owners.moved(p.id, owned_by::list, owned_by::actor, p.id);
      processor_status::wire(all.m[p.id], p);
    } else {
      all.listed[all.list_count++] = p.id;
      p.holder.set(processor_holder::idle_list, "P9: on the list from the start");
    }
  }
  for (std::uint32_t a = 1; a < count; ++a) world::thread_start(&actor<Protocol>::run, &actors[a]);
  actors[0].run_all();
  sim::join_others();
  check_rest(all);
}

constexpr twin twins[] = {
    {"careless_thief", "take looks and then stores (P9)", &body<careless_thief>},
    {"silent_thief", "take does not count in the tick (P11)", &body<silent_thief>},
    {"late_links", "enter publishes the status before the links are apart (P11)", &body<late_links>},
};

constexpr property checked = {
    .name = "processor_status",
    .claim =
        "whoever calls, returns, retakes or stops, each P has exactly one owner, and a returning M knows whose its P "
        "was",
    .body = &body<as_it_is>,
    .commands = kinds,
    .actors_min = 2,
    .actors_max = actors_max,
    .commands_max = 10,
    .fault_mask = 0,
    .twins = twins,
};

}  // namespace

}  // namespace retake::properties

int main(int argc, char** argv) { return retake::properties::property_main(argc, argv, retake::properties::checked); }
