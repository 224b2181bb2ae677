// stop_world_model.cpp: a stop finds every P, also that of an M which enters or leaves a system
// call meanwhile, and the world goes on after it.
#include "protocol/stop_world.hpp"

#include "model_main.hpp"
#include "protocol/spin_lock.hpp"

namespace retake {
namespace {

struct processor : processor_side {
  explicit processor(std::uint32_t processor_id) : processor_side(processor_id) {}
  world::plain<std::uint32_t> runs{0};  // its owner's; the stopper's while the world is stopped

  void use() {
    const std::uint32_t before = runs.get();
    runs.set(before + 1);
  }
};

template <std::uint32_t Processors>
struct stopped_runtime {
  spin_lock lock;
  stop_world world_;
  struct numbered : processor {
    numbered() : processor(0) {}
  } ps[Processors];
  bool idle[Processors] = {};  // host memory, under the lock: on the idle list
  std::uint32_t restarts = 0;

  // The stopper. Its own P, if it has one, is the last.
  void stop_and_restart(machine_side* self) {
    bool all = false;
    {
      locked const scope(lock);
      world_.request(Processors);
      if (self != nullptr) {
        processor_side& own = processor_status::unwire(*self);
        processor_status::stop_in_hand(own);
        world_.one_stopped();
      }
      for (std::uint32_t i = 0; i < Processors; ++i) {
        if (idle[i]) {
          idle[i] = false;
          processor_status::stop_in_hand(ps[i]);
          world_.one_stopped();
        } else if (world_.take_from_call(ps[i])) {
          world_.one_stopped();
        }
      }
      all = world_.missing() == 0;
    }
    if (!all) {
      const bool stopped = world_.wait([] { return std::int64_t{0}; }, [] { return true; }, 1);
      world::require(stopped, "V4: the stop gives up");
    }
    locked const scope(lock);
    for (processor& p : ps) {
      world::require(p.holder.peek() == processor_holder::stopped, "P8: a P is not stopped at the end of the stop");
      p.use();
    }
    world_.finish();
    for (std::uint32_t i = 0; i < Processors; ++i) {
      processor_status::restart_in_hand(ps[i]);
      idle[i] = true;
    }
    ++restarts;
  }

  // An M whose P is `p`, before it calls and behind it.
  void enter(machine_side& m, processor& p) {
    p.use();
    processor_status::enter(m);
    if (!world_.requested_after_enter()) return;
    locked const scope(lock);
    world_.stop_own_call(p);
  }

  // An M that has nothing to do gives its P to the stopper, or to the idle list.
  void give_up(machine_side& m, std::uint32_t which) {
    locked const scope(lock);
    processor_side& p = processor_status::unwire(m);
    if (world_.requested()) {
      processor_status::stop_in_hand(p);
      world_.one_stopped();
    } else {
      idle[which] = true;
    }
  }

  void expect_restart() { world::require(restarts == 1, "V4: the world did not restart"); }
};

// The store-load order of both sides, and nothing else: no lock, no sleep, so that the search ends.
struct speak_then_look : model::suite<speak_then_look, 2> {
  static constexpr char const* name = "speak_then_look";
  static constexpr char const* claim = "the stopper sees Syscall, or the M that enters sees the request";

  stop_world stop;
  processor p{0};
  machine_side m{0};
  bool sees = false, taken = false;  // host memory

  void before() { processor_status::wire(m, p); }
  void thread(unsigned index) {
    if (index == 0) {
      p.use();
      processor_status::enter(m);
      sees = stop.requested_after_enter();
    } else {
      stop.request(1);
      taken = stop.take_from_call(p);
      if (taken) p.use();
    }
  }
  void after() { world::require(sees || taken, "V4: neither the stopper nor the M that enters a call saw the other"); }
};

// With everything around it: the M stays in its call.
struct stop_against_enter : model::suite<stop_against_enter, 2> {
  static constexpr char const* name = "stop_against_enter";
  static constexpr char const* claim =
      "an M that enters a system call while the world stops is seen by the stopper, or sees it";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  stopped_runtime<1> r;
  machine_side m{0};

  void before() { processor_status::wire(m, r.ps[0]); }
  void thread(unsigned index) {
    if (index == 0) {
      r.enter(m, r.ps[0]);
    } else {
      r.stop_and_restart(nullptr);
    }
  }
  void after() { r.expect_restart(); }
};

// The call returns: with its P it runs on and gives it up at its next call of the runtime, without
// it the M ends.
struct stop_against_return : model::suite<stop_against_return, 2> {
  static constexpr char const* name = "stop_against_return";
  static constexpr char const* claim =
      "a returning M that wins its P back stops at its next call of the runtime; one that lost it is not counted";
  static constexpr bool parks = true;
  static constexpr bool ends = false;
  static constexpr unsigned timeouts = 1;

  stopped_runtime<1> r;
  machine_side m{0};

  void before() { processor_status::wire(m, r.ps[0]); }
  void thread(unsigned index) {
    if (index == 0) {
      r.enter(m, r.ps[0]);
      const exit_outcome how = processor_status::exit_fast(m);
      if (how == exit_outcome::lost) return;
      r.ps[0].use();
      r.give_up(m, 0);
    } else {
      r.stop_and_restart(nullptr);
    }
  }
  void after() { r.expect_restart(); }
};

// Two Ms in calls, and a stopper with a P of its own.
struct two_calls : model::suite<two_calls, 3> {
  static constexpr char const* name = "two_calls";
  static constexpr char const* claim =
      "a stopper with a P of its own stops two others, one that stays in its call and one that returns";
  static constexpr bool parks = true;
  static constexpr bool ends = false;
  static constexpr unsigned spurious = 1;

  stopped_runtime<3> r;
  machine_side ms[3]{machine_side{0}, machine_side{1}, machine_side{2}};

  void before() {
    for (std::uint32_t i = 0; i < 3; ++i) processor_status::wire(ms[i], r.ps[i]);
  }
  void thread(unsigned index) {
    if (index == 2) {
      r.stop_and_restart(&ms[2]);
      return;
    }
    r.enter(ms[index], r.ps[index]);
    if (index == 0) return;
    const exit_outcome how = processor_status::exit_fast(ms[index]);
    if (how != exit_outcome::lost) r.give_up(ms[index], index);
  }
  void after() { r.expect_restart(); }
};

// Faulty twin (h25): the M looks for the stop before it says that it is in a call.
struct looks_before_it_speaks : model::suite<looks_before_it_speaks, 2> {
  static constexpr char const* name = "looks_before_it_speaks";
  static constexpr char const* claim =
      "faulty twin: enter looks for the stop before it publishes Syscall, and the stopper waits for ever";
  static constexpr char const* must_fail = "deadlock";
  static constexpr bool parks = true;

  stopped_runtime<1> r;
  machine_side m{0};

  void before() { processor_status::wire(m, r.ps[0]); }
  void thread(unsigned index) {
    if (index == 0) {
      const bool stops = r.world_.requested_after_enter();
      processor_status::enter(m);
      if (!stops) return;
      locked const scope(r.lock);
      r.world_.stop_own_call(r.ps[0]);
    } else {
      r.stop_and_restart(nullptr);
    }
  }
};

// Faulty twin: the M stops its P by a store, although the stopper may have taken it.
struct counted_twice : model::suite<counted_twice, 2> {
  static constexpr char const* name = "counted_twice";
  static constexpr char const* claim = "faulty twin: an M that saw the stop counts its P although the stopper took it";
  static constexpr char const* must_fail = "P8";
  static constexpr bool parks = true;

  stopped_runtime<1> r;
  machine_side m{0};

  void before() { processor_status::wire(m, r.ps[0]); }
  void thread(unsigned index) {
    if (index == 0) {
      processor_status::enter(m);
      if (!r.world_.requested_after_enter()) return;
      locked const scope(r.lock);
      r.world_.one_stopped();
    } else {
      r.stop_and_restart(nullptr);
    }
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<speak_then_look, stop_against_enter, stop_against_return, two_calls, looks_before_it_speaks,
                           counted_twice>(argc, argv, "stop_world");
}
