// idle_set_model.cpp: under the lock a P or an M is on its list or in one hand, and counts and mask
// say which.
#include "protocol/idle_set.hpp"

#include "model_main.hpp"
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
  world::plain<std::uint32_t> nextp{0};  // written by who took it
};

struct idle_world {
  spin_lock lock;
  idle_set<processor, machine, 2> idle;
  processor ps[2]{processor{0}, processor{1}};
  machine ms[2];

  void put(processor& p) {
    const std::uint32_t runs = p.runs.get();
    p.runs.set(runs + 1);
    locked const scope(lock);
    idle.put_processor(&p, true);
  }

  processor* take() {
    processor* p = nullptr;
    {
      locked const scope(lock);
      p = idle.take_processor();
    }
    if (p != nullptr) {
      const std::uint32_t runs = p->runs.get();
      p->runs.set(runs + 1);
    }
    return p;
  }

  void expect_consistent() {
    std::uint32_t listed = 0;
    for (processor& p : ps) {
      const bool is_idle = p.holder.peek() == processor_holder::idle_list;
      const bool says_idle = idle.idle_hint(p.id);
      world::require(is_idle == says_idle, "P5: the mask does not say who is idle");
      listed += is_idle ? 1u : 0u;
    }
    const std::uint32_t count = idle.processors_hint();
    world::require(count == listed, "P5: the count is not the length of the list");
  }
};

struct processors_come_and_go : model::suite<processors_come_and_go, 2> {
  static constexpr char const* name = "processors_come_and_go";
  static constexpr char const* claim = "two threads put and take Ps: each P has one owner, and the counts agree";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  idle_world w;

  void thread(unsigned index) {
    w.put(w.ps[index]);
    processor* const p = w.take();
    if (p != nullptr && index == 0) w.put(*p);
  }
  void after() { w.expect_consistent(); }
};

struct machines_come_and_go : model::suite<machines_come_and_go, 2> {
  static constexpr char const* name = "machines_come_and_go";
  static constexpr char const* claim = "an M that was put is taken once, by one thread, which alone may write to it";
  static constexpr bool parks = true;
  static constexpr unsigned spurious = 1;

  idle_world w;
  std::uint32_t taken = 0;  // host memory

  void thread(unsigned index) {
    if (index == 0) {
      locked const scope(w.lock);
      w.idle.put_machine(&w.ms[0]);
    } else {
      machine* m = nullptr;
      {
        locked const scope(w.lock);
        m = w.idle.take_machine();
      }
      if (m == nullptr) return;
      m->nextp.set(1);
      ++taken;
    }
  }
  void after() {
    const std::uint32_t idle = w.idle.machines();
    world::require(idle + taken == 1, "M12: an idle M is lost or counted twice");
  }
};

// Faulty twin: a P is taken because the hint says that there is one.
struct takes_by_the_hint : model::suite<takes_by_the_hint, 2> {
  static constexpr char const* name = "takes_by_the_hint";
  static constexpr char const* claim =
      "faulty twin: a P is taken without the lock because the count says that one is idle";
  static constexpr char const* must_fail = "race";
  static constexpr bool parks = true;

  idle_world w;

  void thread(unsigned index) {
    if (index == 0) {
      w.put(w.ps[0]);
      w.put(w.ps[1]);
    } else {
      const std::uint32_t count = w.idle.processors_hint();
      if (count != 0) static_cast<void>(w.idle.take_processor());
    }
  }
};

// Faulty twin: the same P is put by two threads.
struct put_twice : model::suite<put_twice, 2> {
  static constexpr char const* name = "put_twice";
  static constexpr char const* claim = "faulty twin: two threads believe that the P is theirs, and both put it";
  static constexpr char const* must_fail = "P5";
  static constexpr bool parks = true;

  idle_world w;

  void thread(unsigned) {
    locked const scope(w.lock);
    w.idle.put_processor(&w.ps[0], true);
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<processors_come_and_go, machines_come_and_go, takes_by_the_hint, put_twice>(argc, argv,
                                                                                                       "idle_set");
}
