// A monitor that has backed off must not make work wait: whoever enters a call in front of work, or
// submits work beside a call, wakes it.
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/sync.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::scenarios {

namespace {

constexpr std::int64_t piece_ns = 1 * ms;
// Two visits of a monitor that was woken, and what the chooser lets pass in between.
constexpr int pieces_max = 10;

// Its period is a tenth of a second by the time that it is needed, unless somebody wakes it; a P in
// a call that nobody needs stays there.
policy backed_off() {
  policy rules;
  rules.sysmon_period = 500us;
  rules.sysmon_idle_rounds = 1;
  rules.sysmon_period_max = rules.sysmon_period_busy = 10s;
  rules.retake_grace = 10s;
  rules.time_slice = 10s;
  return rules;
}

// On one P, each call is in front of a goroutine that waits.
void call_in_front_of_work() {
  const steady_clock steady(piece_ns);
  run_watched(
      1,
      [] {
        compute(100 * ms);
        world::atomic<std::uint32_t> ran(0);
        go([&] { ran.store_relaxed(1); });
        int pieces = 0;
        while (ran.load_relaxed() == 0) {
          if (sim::healing()) ++pieces;  // before, its state may look old for as long as it likes
          world::require(pieces <= pieces_max, "V6: work waits behind a system call, and the monitor dozes");
          call(piece_ns);
        }
      },
      backed_off());
}

// One P computes, the other is in one call after the other, each shorter than the monitor's period;
// what the first one submits, nobody else can run.
void work_beside_call() {
  constexpr int call_pieces = 20;
  const steady_clock steady(piece_ns);
  run_watched(
      2,
      [] {
        compute(100 * ms);
        world::atomic<std::uint32_t> calling(0), ran(0);
        wait_group all;
        all.add(1);
        go([&] {
          calling.store_relaxed(1);
          while (ran.load_relaxed() == 0) call(call_pieces * piece_ns);
          all.done();
        });
        const auto submit = [&] {
          all.add(1);
          go([&] {
            ran.store_relaxed(1);
            all.done();
          });
        };
        while (calling.load_relaxed() == 0) compute(piece_ns);
        compute(2 * piece_ns);  // the word that there is a call has been left
        submit();
        int pieces = 0;
        while (ran.load_relaxed() == 0) {
          if (sim::healing() && ++pieces % pieces_max == 0) submit();  // few: none may overflow into the global queue
          world::require(pieces <= call_pieces + 2 * pieces_max,
                         "V6: work waits beside a system call, and the monitor dozes");
          compute(piece_ns);
        }
        all.wait();
      },
      backed_off());
}

// The only P is in one long call after the other; a foreign thread comes through a gate and finds
// none.
struct patient_visitor {
  callback_gate* gate;
  world::atomic<std::uint32_t> over{0};

  static void thread(void* self) {
    auto& me = *static_cast<patient_visitor*>(self);
    for (bool judged = false; !judged;) {
      judged = sim::healing();
      const std::int64_t before_ns = sim::now_ns();
      const std::int64_t waited_ns = me.gate->call([&me, before_ns, judged] {
        if (judged) me.over.store_release(1);
        return sim::now_ns() - before_ns;
      });
      world::require(!judged || waited_ns <= pieces_max * piece_ns,
                     "V6: a visitor waits behind a system call, and the monitor dozes");
      if (!judged) world::sleep_until(world::nanotime() + 150 * piece_ns);  // until it has backed off again
    }
  }
};

void visitor_beside_call() {
  const steady_clock steady(piece_ns);
  run_watched(
      1,
      [] {
        patient_visitor visitor{};
        callback_gate gate;
        visitor.gate = &gate;
        compute(100 * ms);
        while (world::thread_start(patient_visitor::thread, &visitor) != 0)
          world::sleep_until(world::nanotime() + 1 * us);
        while (visitor.over.load_acquire() == 0) call(20 * piece_ns);
      },
      backed_off());
}

}  // namespace

RETAKE_SCENARIO(visitor_wakes_dozing_sysmon,
                "a foreign thread that comes through a gate while the only P is in a system call does not wait for a "
                "monitor that has backed off",
                visitor_beside_call);
RETAKE_SCENARIO(call_wakes_dozing_sysmon,
                "who enters a system call in front of waiting work does not leave it to a monitor that has backed off",
                call_in_front_of_work);
RETAKE_SCENARIO(
    work_wakes_dozing_sysmon,
    "work that is submitted while the only other P is in a system call does not wait for a monitor that has backed off",
    work_beside_call);

}  // namespace retake::scenarios
