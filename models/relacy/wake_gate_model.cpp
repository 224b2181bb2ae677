// wake_gate_model.cpp: work that is submitted while the last spinner gives up is found by one of
// the two, and the count comes out even.
#include "protocol/wake_gate.hpp"

#include "model_main.hpp"
#include "protocol/idle_set.hpp"
#include "protocol/spin_lock.hpp"

namespace retake {
namespace {

struct processor : processor_side {
  explicit processor(std::uint32_t processor_id) : processor_side(processor_id) {}
  world::plain<processor*> idle_link{nullptr};
  world::plain<std::uint32_t> runs{0};  // its owner's
};

struct machine {
  world::plain<machine*> idle_link{nullptr};
};

// One P, and work in single words: its publication is as weak as a queue's could be.
template <std::uint32_t Works>
struct small_runtime {
  spin_lock lock;
  idle_set<processor, machine, 1> idle;
  wake_gate gate;
  processor p{0};
  struct work_word : world::atomic<std::uint32_t> {
    work_word() : world::atomic<std::uint32_t>(0) {}
  } work[Works];
  std::uint32_t served = 0;  // host memory

  // A look at every queue and heap, without taking anything.
  bool work_visible() {
    for (work_word& w : work) {
      const std::uint32_t there = w.load_relaxed();
      if (there != 0) return true;
    }
    return false;
  }

  bool run_work() {
    for (work_word& w : work) {
      const bool won = w.compare_exchange_relaxed(1, 0).won;
      if (!won) continue;
      ++served;
      const std::uint32_t runs = p.runs.get();
      p.runs.set(runs + 1);
      return true;
    }
    return false;
  }

  bool take_processor() {
    locked const scope(lock);
    return idle.take_processor() != nullptr;
  }

  void put_processor() {
    locked const scope(lock);
    idle.put_processor(&p, true);
  }

  void submit(std::uint32_t which) {
    work[which].store_relaxed(1);
    wake_one();
  }

  // ready()'s second half. The M that it starts runs here, on the submitter's thread.
  void wake_one() {
    const bool claimed = gate.claim_wake([this] { return idle.processors_hint(); });
    if (claimed && take_processor_or_withdraw()) run_machine(true);
  }

  // Whoever holds a claimed unit. The unit is given back in the critical section that found no P:
  // who drops its P later looks for work after that, so that a submitter who still sees the unit is
  // seen by that look.
  bool take_processor_or_withdraw() {
    locked const scope(lock);
    if (idle.take_processor() != nullptr) return true;
    gate.withdraw();
    return false;
  }

  // An M with the P, with its flag set or not, until it has nothing to do.
  void run_machine(bool spinning) {
    for (;;) {  // bound: each round takes one of the works, or ends
      if (run_work()) {
        if (spinning) {
          spinning = false;
          gate.stop_spinning_with_work();
          wake_one();
        }
        continue;
      }
      if (!spinning) gate.start_spinning();
      put_processor();
      gate.found_nothing(true);
      spinning = false;
      if (!work_visible()) return;
      if (!take_processor()) return;
      gate.start_spinning();
      spinning = true;
    }
  }

  void expect_quiescence() {
    const std::uint32_t idle_now = idle.processors_hint();
    const std::uint32_t spinning = gate.spinning_hint();
    world::require(idle_now == 1, "P9: the P is lost");
    world::require(spinning == 0, "M5: a spinning M is counted that is not there");
    world::require(served == Works, "V1: work waits beside an idle P, and nobody looks for it");
  }
};

// The store-load order of both sides, and nothing else: no lock, no sleep, so that the search ends.
struct speak_then_look : model::suite<speak_then_look, 2> {
  static constexpr char const* name = "speak_then_look";
  static constexpr char const* claim = "the submitter sees that nobody spins, or the spinner sees the work";

  wake_gate gate;
  world::atomic<std::uint32_t> work{0}, idle{0};
  bool wakes = false, sees = false;  // host memory

  void before() { gate.start_spinning(); }
  void thread(unsigned index) {
    if (index == 0) {
      work.store_relaxed(1);
      wakes = gate.claim_wake([this] { return idle.load_relaxed(); });
    } else {
      idle.store_relaxed(1);
      gate.found_nothing(true);
      const std::uint32_t there = work.load_relaxed();
      sees = there != 0;
    }
  }
  void after() { world::require(wakes || sees, "V1: neither the submitter nor the last spinner saw the other"); }
};

// The M that goes idle was not spinning: it gives no unit back, and looks all the same.
struct idle_without_spinning : model::suite<idle_without_spinning, 2> {
  static constexpr char const* name = "idle_without_spinning";
  static constexpr char const* claim =
      "an M that puts its P down without having spun sees the work, or its P is seen idle";

  wake_gate gate;
  world::atomic<std::uint32_t> work{0}, idle{0};
  bool wakes = false, sees = false;  // host memory

  void thread(unsigned index) {
    if (index == 0) {
      work.store_relaxed(1);
      wakes = gate.claim_wake([this] { return idle.load_relaxed(); });
    } else {
      idle.store_relaxed(1);
      gate.found_nothing(false);
      const std::uint32_t there = work.load_relaxed();
      sees = there != 0;
    }
  }
  void after() { world::require(wakes || sees, "V1: neither the submitter nor the M that goes idle saw the other"); }
};

struct submit_against_last_spinner : model::suite<submit_against_last_spinner, 2> {
  static constexpr char const* name = "submit_against_last_spinner";
  static constexpr char const* claim =
      "either the submitter sees the lowered count and the idle P, or the spinner sees the work";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  small_runtime<1> r;

  void before() { r.gate.start_spinning(); }
  void thread(unsigned index) {
    if (index == 0) {
      r.submit(0);
    } else {
      r.run_machine(true);
    }
  }
  void after() { r.expect_quiescence(); }
};

struct two_submitters : model::suite<two_submitters, 2> {
  static constexpr char const* name = "two_submitters";
  static constexpr char const* claim = "two submitters beside an idle P start one M, which serves both";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  small_runtime<2> r;

  void before() { r.put_processor(); }
  void thread(unsigned index) { r.submit(index); }
  void after() { r.expect_quiescence(); }
};

struct two_submitters_and_spinner : model::suite<two_submitters_and_spinner, 3> {
  static constexpr char const* name = "two_submitters_and_spinner";
  static constexpr char const* claim = "as both of the above, at once";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  small_runtime<2> r;

  void before() { r.gate.start_spinning(); }
  void thread(unsigned index) {
    if (index < 2) {
      r.submit(index);
    } else {
      r.run_machine(true);
    }
  }
  void after() { r.expect_quiescence(); }
};

// Thread 0 has claimed, and does not know yet that no P is idle; another submitter relies on its
// unit.
struct claim_without_processor : model::suite<claim_without_processor, 3> {
  static constexpr char const* name = "claim_without_processor";
  static constexpr char const* claim =
      "a unit that is claimed and given back hides no work from an M that drops its P meanwhile";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  small_runtime<1> r;

  void before() { r.gate.start_spinning(); }
  void thread(unsigned index) {
    if (index == 0) {
      if (r.take_processor_or_withdraw()) r.run_machine(true);
    } else if (index == 1) {
      r.run_machine(false);
    } else {
      r.submit(0);
    }
  }
  void after() { r.expect_quiescence(); }
};

// hand-off's variant of the claim.
struct one_spinner_by_claim : model::suite<one_spinner_by_claim, 2> {
  static constexpr char const* name = "one_spinner_by_claim";
  static constexpr char const* claim = "of two that claim to be the only spinner, at most one is at a time";

  wake_gate gate;
  world::ghost<bool> spins{false};

  void thread(unsigned) {
    const bool mine = gate.claim_only_spinner();
    if (!mine) return;
    spins.move(false, true, "M5: two Ms hold the only spinning unit");
    const bool half = gate.may_spin(4);
    world::require(half, "M5: one spinner among four busy Ps is too many");
    spins.move(true, false, "M5: two Ms hold the only spinning unit");
    gate.withdraw();
  }
  void after() {
    const std::uint32_t spinning = gate.spinning_hint();
    world::require(spinning == 0, "M5: a spinning M is counted that is not there");
  }
};

// Who needed a P for its spinner and got none asks whoever is about to drop one to spin instead.
struct wanted_spinner : model::suite<wanted_spinner, 2> {
  static constexpr char const* name = "wanted_spinner";
  static constexpr char const* claim =
      "under the lock, a wanted spinner is seen by who drops its P later, and by nobody earlier";
  static constexpr bool parks = true;
  static constexpr unsigned spurious = 1;

  spin_lock lock;
  wake_gate gate;
  bool asked = false, spun = false;  // host memory, under the lock

  void thread(unsigned index) {
    locked const scope(lock);
    if (index == 0) {
      gate.want_spinner();
      asked = true;
    } else {
      const bool wanted = gate.spinner_wanted();
      world::require(wanted == asked, "V1: the wish for a spinner is not seen under the lock");
      if (!wanted) return;
      gate.start_spinning();
      spun = true;
    }
  }
  void after() {
    const bool still = gate.spinner_wanted();
    world::require(still == !spun, "V1: the wish for a spinner outlives the spinner");
    gate.no_longer_wanted();
  }
};

// Faulty twin (s03): the spinner lowers the count after its second look.
struct lowers_too_late : model::suite<lowers_too_late, 2> {
  static constexpr char const* name = "lowers_too_late";
  static constexpr char const* claim =
      "faulty twin: the spinner lowers its count after the second look instead of before";
  static constexpr char const* must_fail = "V1";
  static constexpr bool parks = true;

  small_runtime<1> r;

  void before() { r.gate.start_spinning(); }
  void thread(unsigned index) {
    if (index == 0) {
      r.submit(0);
    } else {
      r.put_processor();
      world::fence_seq_cst();
      const bool hit = r.work_visible();
      r.gate.withdraw();
      if (hit && r.take_processor()) r.run_machine(false);
    }
  }
  void after() { r.expect_quiescence(); }
};

// Faulty twin: the unit is given back behind the critical section that found no P.
struct withdraws_too_late : model::suite<withdraws_too_late, 3> {
  static constexpr char const* name = "withdraws_too_late";
  static constexpr char const* claim =
      "faulty twin: the unit is given back behind the lock, and a submitter has relied on it";
  static constexpr char const* must_fail = "V1";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  small_runtime<1> r;

  void before() { r.gate.start_spinning(); }
  void thread(unsigned index) {
    if (index == 0) {
      if (r.take_processor()) {
        r.run_machine(true);
      } else {
        r.gate.withdraw();
      }
    } else if (index == 1) {
      r.run_machine(false);
    } else {
      r.submit(0);
    }
  }
  void after() { r.expect_quiescence(); }
};

// Faulty twin (s08): a wake-up that found no P keeps its unit.
struct keeps_the_unit : model::suite<keeps_the_unit, 2> {
  static constexpr char const* name = "keeps_the_unit";
  static constexpr char const* claim = "faulty twin: a wake-up that found no P does not give its spinning unit back";
  static constexpr char const* must_fail = "M5";
  static constexpr bool parks = true;

  small_runtime<1> r;
  bool taken = false;

  void before() { r.put_processor(); }
  void thread(unsigned index) {
    if (index == 0) {
      taken = r.take_processor();
    } else {
      const bool claimed = r.gate.claim_wake([this] { return r.idle.processors_hint(); });
      if (!claimed) return;
      if (r.take_processor()) r.gate.stop_spinning_with_work();
    }
  }
  void after() {
    const std::uint32_t spinning = r.gate.spinning_hint();
    world::require(spinning == 0, "M5: a spinning M is counted that is not there");
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<speak_then_look, idle_without_spinning, submit_against_last_spinner, two_submitters,
                           two_submitters_and_spinner, claim_without_processor, one_spinner_by_claim, wanted_spinner,
                           lowers_too_late, withdraws_too_late, keeps_the_unit>(argc, argv, "wake_gate");
}
