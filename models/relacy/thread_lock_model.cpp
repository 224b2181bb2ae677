// thread_lock_model.cpp: a locked goroutine runs on its own M only, which sleeps without a P and
// wakes with one.
#include "protocol/thread_lock.hpp"

#include "model_main.hpp"

namespace retake {
namespace {

struct goroutine;

struct machine : machine_side, machine_pair<goroutine> {
  explicit machine(std::uint32_t machine_id) : machine_side(machine_id) {}
};

struct goroutine : goroutine_pair<machine> {
  world::plain<std::uint32_t> frame{0};  // who runs it
};

struct processor : processor_side {
  processor() : processor_side(0) {}
  world::plain<std::uint32_t> runs{0};  // its owner's

  void use() {
    const std::uint32_t before = runs.get();
    runs.set(before + 1);
  }
};

// A locked M and another one; one P. P and goroutine travel from the first to the second through
// two words.
struct two_machines {
  machine home{0}, other{1};
  goroutine g;
  processor p;
  world::atomic<processor_side*> given{nullptr};
  world::atomic<goroutine*> runnable{nullptr};

  void run(machine& m) {
    thread_lock::check_may_run(m, g);
    p.use();
    const std::uint32_t frame = g.frame.get();
    g.frame.set(frame + 1);
  }

  // The locked goroutine blocks: its M gives the P away, and sleeps until it is handed one with its
  // goroutine runnable.
  void block_and_come_back() {
    processor_side& mine = processor_status::unwire(home);
    given.store_release(&mine);
    runnable.store_release(&g);
    processor_side* const back = thread_lock::stop(home);
    world::require(back != nullptr, "L3: a locked thread wakes without a P");
    processor_status::wire(home, *back);
    run(home);
  }

  processor_side& wait_for_processor() {
    for (;;) {
      processor_side* const got = given.load_acquire();
      if (got != nullptr) return *got;
      world::pause();
    }
  }

  goroutine& wait_for_goroutine() {
    for (;;) {
      goroutine* const got = runnable.load_acquire();
      if (got != nullptr) return *got;
      world::pause();
    }
  }
};

struct locked_goroutine_blocks : model::suite<locked_goroutine_blocks, 2> {
  static constexpr char const* name = "locked_goroutine_blocks";
  static constexpr char const* claim =
      "whoever finds a locked goroutine hands its P to the goroutine's M, which runs it and no other";
  static constexpr bool parks = true;

  two_machines w;

  void before() { processor_status::wire(w.home, w.p); }
  void thread(unsigned index) {
    if (index == 0) {
      w.run(w.home);
      const lock_outcome once = thread_lock::lock(w.home, w.g);
      w.block_and_come_back();
      const lock_outcome over = thread_lock::unlock(w.home, w.g);
      world::require(once == lock_outcome::done && over == lock_outcome::done, "L1: lock and unlock");
    } else {
      processor_status::wire(w.other, w.wait_for_processor());
      w.p.use();
      goroutine& found = w.wait_for_goroutine();
      machine* const home = found.locked_m.get();
      world::require(home == &w.home, "L1: a locked goroutine names another thread");
      processor_side& mine = processor_status::unwire(w.other);
      thread_lock::start(w.other, found, mine);
    }
  }
  void after() {
    const std::uint32_t frame = w.g.frame.get();
    world::require(frame == 2, "G9: the locked goroutine did not run twice");
  }
};

// Nesting, by one thread.
struct nesting : model::suite<nesting, 2> {
  static constexpr char const* name = "nesting";
  static constexpr char const* claim =
      "the pair ends with the last of as many unlocks as there were locks, or with the goroutine";

  two_machines w;

  void thread(unsigned index) {
    if (index != 0) return;  // GCC warns about Relacy's arrays of one
    const lock_outcome early = thread_lock::unlock(w.home, w.g);
    const lock_outcome first = thread_lock::lock(w.home, w.g);
    const lock_outcome second = thread_lock::lock(w.home, w.g);
    const lock_outcome inner = thread_lock::unlock(w.home, w.g);
    thread_lock::check_may_run(w.home, w.g);
    world::require(early == lock_outcome::not_locked && first == lock_outcome::done && second == lock_outcome::done &&
                       inner == lock_outcome::done,
                   "L1: nesting");
    machine* const still = w.g.locked_m.get();
    world::require(still == &w.home, "L1: the pair ends with the inner unlock");
    const bool was_locked = thread_lock::end(w.home, w.g);
    const bool again = thread_lock::end(w.home, w.g);
    world::require(was_locked && !again, "L5: a goroutine that ends locked ends its thread");
    w.home.lock_count.set(thread_lock::count_max);
    const lock_outcome most = thread_lock::lock(w.home, w.g);
    world::require(most == lock_outcome::overflow, "L1: the count overflows without a word");
  }
};

// Faulty twin (t32): the finder runs the locked goroutine itself.
struct runs_elsewhere : model::suite<runs_elsewhere, 2> {
  static constexpr char const* name = "runs_elsewhere";
  static constexpr char const* claim = "faulty twin: whoever finds the locked goroutine runs it";
  static constexpr char const* must_fail = "L2";
  static constexpr bool parks = true;

  two_machines w;

  void before() { processor_status::wire(w.home, w.p); }
  void thread(unsigned index) {
    if (index == 0) {
      static_cast<void>(thread_lock::lock(w.home, w.g));
      w.block_and_come_back();
    } else {
      processor_status::wire(w.other, w.wait_for_processor());
      static_cast<void>(w.wait_for_goroutine());
      w.run(w.other);
    }
  }
};

// Faulty twin (t54): the locked M keeps its P while it waits.
struct keeps_its_processor : model::suite<keeps_its_processor, 2> {
  static constexpr char const* name = "keeps_its_processor";
  static constexpr char const* claim = "faulty twin: a locked M waits for its goroutine with its P";
  static constexpr char const* must_fail = "L3";
  static constexpr bool parks = true;

  two_machines w;

  void before() { processor_status::wire(w.home, w.p); }
  void thread(unsigned index) {
    if (index == 0) {
      static_cast<void>(thread_lock::lock(w.home, w.g));
      w.runnable.store_release(&w.g);
      static_cast<void>(thread_lock::stop(w.home));
    } else {
      static_cast<void>(w.wait_for_goroutine());
    }
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<locked_goroutine_blocks, nesting, runs_elsewhere, keeps_its_processor>(argc, argv,
                                                                                                  "thread_lock");
}
