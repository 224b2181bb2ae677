// sysmon_gate_model.cpp: sysmon never sleeps beside a P in a system call, and its note is woken
// once per sleep.
#include "protocol/sysmon_gate.hpp"

#include "model_main.hpp"
#include "protocol/spin_lock.hpp"

namespace retake {
namespace {

struct monitored {
  spin_lock lock;
  sysmon_gate gate;
  world::plain<std::uint32_t> busy{0};    // under the lock: Ps that are not idle
  world::ghost<std::uint32_t> visits{0};  // of sysmon, awake

  // sysmon: one decision to sleep. True: it slept.
  bool nap() {
    {
      locked const scope(lock);
      const std::uint32_t now = busy.get();
      if (now != 0) return false;
      gate.fall_asleep(now == 0);
    }
    static_cast<void>(gate.sleep_until(1));
    locked const scope(lock);
    gate.awake(true);
    return true;
  }

  // An M takes an idle P, and calls.
  void take_processor_and_call() {
    {
      locked const scope(lock);
      const std::uint32_t now = busy.get();
      busy.set(now + 1);
    }
    if (gate.hint() == monitor_rest::awake) return;
    locked const scope(lock);
    gate.wake();
  }

  void put_processor() {
    locked const scope(lock);
    const std::uint32_t now = busy.get();
    busy.set(now - 1);
  }
};

struct call_wakes_sysmon : model::suite<call_wakes_sysmon, 2> {
  static constexpr char const* name = "call_wakes_sysmon";
  static constexpr char const* claim =
      "a P that leaves the idle list finds sysmon awake or wakes it: the look without the lock cannot miss";
  static constexpr bool parks = true;

  monitored m;

  void thread(unsigned index) {
    if (index == 0) {
      m.nap();
    } else {
      m.take_processor_and_call();
    }
  }
};

// M13: a P leaves the idle list to compute: the same critical section wakes a sleeping sysmon,
// without a look before it.
struct computation_wakes_sysmon : model::suite<computation_wakes_sysmon, 3> {
  static constexpr char const* name = "computation_wakes_sysmon";
  static constexpr char const* claim =
      "a P that leaves the idle list to compute wakes sysmon, also beside a call that does";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  monitored m;

  void thread(unsigned index) {
    if (index == 0) {
      m.nap();
    } else if (index == 1) {
      locked const scope(m.lock);
      const std::uint32_t now = m.busy.get();
      m.busy.set(now + 1);
      m.gate.wake_from_sleep();
    } else {
      m.take_processor_and_call();
    }
  }
};

struct late_against_wake : model::suite<late_against_wake, 2> {
  static constexpr char const* name = "late_against_wake";
  static constexpr char const* claim =
      "a sleep that ends at its deadline while it is being woken leaves the note right for the next sleep";
  static constexpr bool parks = true;
  static constexpr bool ends = false;
  static constexpr unsigned timeouts = 1;

  monitored m;

  void thread(unsigned index) {
    if (index == 0) {
      m.nap();
      m.nap();
    } else {
      m.take_processor_and_call();
      m.put_processor();
      m.take_processor_and_call();
    }
  }
};

struct two_calls : model::suite<two_calls, 3> {
  static constexpr char const* name = "two_calls";
  static constexpr char const* claim = "of two Ms that find sysmon asleep one wakes it, once";
  static constexpr bool parks = true;
  static constexpr bool ends = false;
  static constexpr unsigned spurious = 1;

  monitored m;

  void thread(unsigned index) {
    if (index == 0) {
      m.nap();
    } else {
      m.take_processor_and_call();
    }
  }
};

// A pause between two rounds, cut short by who enters a call with work behind it and by who submits
// work: both may see it, one wakes.
struct doze_cut_short : model::suite<doze_cut_short, 3> {
  static constexpr char const* name = "doze_cut_short";
  static constexpr char const* claim =
      "a doze ends at its deadline or is cut short, by whoever comes first, and its note is woken at most once";
  static constexpr bool parks = true;
  static constexpr bool ends = false;
  static constexpr unsigned timeouts = 1;

  monitored m;

  void thread(unsigned index) {
    if (index == 0) {
      for (int round = 0; round < 2 && doze(); ++round) continue;
    } else if (index == 1) {
      if (m.gate.hint() == monitor_rest::dozing) static_cast<void>(m.gate.leave_word());
    } else {
      if (m.gate.dozes_beside_calls()) {
        locked const scope(m.lock);
        m.gate.wake();
      }
      locked const scope(m.lock);  // the end of the program
      m.busy.set(1);
      m.gate.wake();
    }
  }

  bool doze() {
    {
      locked const scope(m.lock);
      const std::uint32_t ending = m.busy.get();
      if (ending != 0) return false;
      m.gate.doze();
    }
    static_cast<void>(m.gate.sleep_until(1));
    locked const scope(m.lock);
    m.gate.awake(true);
    return true;
  }
};

// Faulty twin (h33): the M does not wake sysmon.
struct does_not_wake : model::suite<does_not_wake, 2> {
  static constexpr char const* name = "does_not_wake";
  static constexpr char const* claim = "faulty twin: a system call does not wake sysmon, which sleeps beside it";
  static constexpr char const* must_fail = "deadlock";
  static constexpr bool parks = true;

  monitored m;

  void thread(unsigned index) {
    if (index == 0) {
      m.nap();
    } else {
      locked const scope(m.lock);
      m.busy.set(1);
    }
  }
};

// Faulty twin: the look comes before the P is taken.
struct looks_too_early : model::suite<looks_too_early, 2> {
  static constexpr char const* name = "looks_too_early";
  static constexpr char const* claim = "faulty twin: the M looks whether sysmon sleeps before it takes its P";
  static constexpr char const* must_fail = "deadlock";
  static constexpr bool parks = true;

  monitored m;

  void thread(unsigned index) {
    if (index == 0) {
      m.nap();
    } else {
      const bool asleep = m.gate.hint() == monitor_rest::asleep;
      locked const scope(m.lock);
      m.busy.set(1);
      if (asleep) m.gate.wake();
    }
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<call_wakes_sysmon, computation_wakes_sysmon, late_against_wake, two_calls, doze_cut_short,
                           does_not_wake, looks_too_early>(argc, argv, "sysmon_gate");
}
