// processor_status_model.cpp: a returning system call and whoever takes its P never both have it,
// and each sees what the other did with it.
#include "protocol/processor_status.hpp"

#include "model_main.hpp"
#include "protocol/note.hpp"

namespace retake {
namespace {

struct processor : processor_side {
  explicit processor(std::uint32_t processor_id) : processor_side(processor_id) {}
  world::plain<std::uint32_t> runs{0};  // its owner's: run queue, caches, timers

  void use() {
    const std::uint32_t before = runs.get();
    runs.set(before + 1);
  }
};

// The common case, and what the speed of this room is measured with.
struct call_against_retake : model::suite<call_against_retake, 2> {
  static constexpr char const* name = "call_against_retake";
  static constexpr char const* claim =
      "the returning M wins its P back, or sysmon takes it: one of them, with all that was done with it";

  processor p{0};
  machine_side m{0};
  bool taken = false;  // host memory

  void before() { processor_status::wire(m, p); }
  void thread(unsigned index) {
    if (index == 0) {
      p.use();
      processor_status::enter(m);
      const exit_outcome how = processor_status::exit_fast(m);
      world::require(how != exit_outcome::reacquired_aba, "P11: an ABA is told that was none");
      if (how != exit_outcome::lost) p.use();
    } else {
      taken = processor_status::take(p, processor_state::idle);
      if (taken) p.use();
    }
  }
  void after() {
    const bool stayed = p.holder.peek() == processor_holder::machine;
    world::require(stayed != taken, "P9: the P has no owner or two");
  }
};

// The P is taken, run by another M, and is in that M's system call when the first comes back.
struct win_back : model::suite<win_back, 2> {
  static constexpr char const* name = "win_back";
  static constexpr char const* claim =
      "a P that is won back from another M's call (ABA) comes with what that M did, and the tick tells";

  processor p{0};
  machine_side first{0}, second{1};
  bool taken = false;

  void before() { processor_status::wire(first, p); }
  void thread(unsigned index) {
    if (index == 0) {
      p.use();
      processor_status::enter(first);
      const exit_outcome how = processor_status::exit_fast(first);
      world::require(how != exit_outcome::reacquired || !taken, "P11: an ABA is not told");
      world::require(how != exit_outcome::reacquired_aba || taken, "P11: an ABA is told that was none");
      if (how != exit_outcome::lost) p.use();
    } else {
      taken = processor_status::take(p, processor_state::idle);
      if (!taken) return;
      processor_status::wire(second, p);
      p.use();
      processor_status::enter(second);
      const exit_outcome how = processor_status::exit_fast(second);
      if (how != exit_outcome::lost) p.use();
    }
  }
};

// Three Ms, one P: each takes it out of whoever's call it is in, runs, calls, and comes back.
struct three_machines : model::suite<three_machines, 3> {
  static constexpr char const* name = "three_machines";
  static constexpr char const* claim =
      "three Ms take one P out of each other's calls and come back: one owner at every instant";
  static constexpr bool ends = false;

  processor p{0};
  machine_side ms[3]{machine_side{0}, machine_side{1}, machine_side{2}};

  void before() { processor_status::wire(ms[0], p); }
  void thread(unsigned index) {
    machine_side& m = ms[index];
    if (index != 0) {
      const bool taken = processor_status::take(p, processor_state::idle);
      if (!taken) return;
      processor_status::wire(m, p);
    }
    for (int call = 0; call < 2; ++call) {
      p.use();
      processor_status::enter(m);
      const exit_outcome how = processor_status::exit_fast(m);
      if (how == exit_outcome::lost) return;
    }
    p.use();
    processor_side& mine = processor_status::unwire(m);
    processor_status::wire(m, mine);
  }
  void after() {
    const processor_holder last = p.holder.peek();
    world::require(last == processor_holder::machine || last == processor_holder::call, "P9: the P has no owner");
  }
};

// hand-off: what sysmon took is started on a sleeping M.
struct hand_off : model::suite<hand_off, 3> {
  static constexpr char const* name = "hand_off";
  static constexpr char const* claim =
      "a P that was taken out of a call reaches the M that is woken with it, and that M alone";
  static constexpr bool parks = true;
  static constexpr bool ends = false;
  static constexpr unsigned spurious = 1;

  processor p{0};
  machine_side caller{0}, sleeper{1};
  note park;

  void before() { processor_status::wire(caller, p); }
  void thread(unsigned index) {
    if (index == 0) {
      p.use();
      processor_status::enter(caller);
      const exit_outcome how = processor_status::exit_fast(caller);
      if (how != exit_outcome::lost) p.use();
    } else if (index == 1) {
      const bool taken = processor_status::take(p, processor_state::idle);
      if (taken) processor_status::hand_over(sleeper, p);
      park.wake();
    } else {
      park.sleep();
      processor_side* const mine = processor_status::take_handed(sleeper);
      if (mine == nullptr) return;
      processor_status::wire(sleeper, *mine);
      p.use();
    }
  }
};

// Faulty twin (h19): sysmon looks and stores instead of swapping.
struct retake_by_a_store : model::suite<retake_by_a_store, 2> {
  static constexpr char const* name = "retake_by_a_store";
  static constexpr char const* claim = "faulty twin: retake looks at the status and stores, and the P has two owners";
  static constexpr char const* must_fail = "P9";

  processor p{0};
  machine_side m{0};

  void before() { processor_status::wire(m, p); }
  void thread(unsigned index) {
    if (index == 0) {
      processor_status::enter(m);
      static_cast<void>(processor_status::exit_fast(m));
    } else {
      const processor_state seen = p.status.load_acquire();
      if (seen != processor_state::syscall) return;
      p.status.store_relaxed(processor_state::idle);
      p.holder.move(processor_holder::call, processor_holder::hand,
                    "P9: a P is taken out of a system call that somebody else took");
    }
  }
};

// Faulty twin: a returning M that finds its old P idle believes that it is its own.
struct old_is_more_than_a_hint : model::suite<old_is_more_than_a_hint, 2> {
  static constexpr char const* name = "old_is_more_than_a_hint";
  static constexpr char const* claim = "faulty twin: a returning M uses its old P because nobody seems to run it";
  static constexpr char const* must_fail = "P9";

  processor p{0};
  machine_side m{0};

  void before() { processor_status::wire(m, p); }
  void thread(unsigned index) {
    if (index == 0) {
      processor_status::enter(m);
      const exit_outcome how = processor_status::exit_fast(m);
      if (how != exit_outcome::lost) return;
      const processor_state seen = p.status.load_acquire();
      if (seen == processor_state::idle) processor_status::wire(m, p);
    } else {
      const bool taken = processor_status::take(p, processor_state::idle);
      if (!taken) return;
      p.use();
      p.holder.move(processor_holder::hand, processor_holder::idle_list,
                    "P9: a P is put on the idle list that is not in hand");
    }
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<call_against_retake, win_back, three_machines, hand_off, retake_by_a_store,
                           old_is_more_than_a_hint>(argc, argv, "processor_status");
}
