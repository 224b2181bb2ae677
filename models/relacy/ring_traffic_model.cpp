// ring_traffic_model.cpp: whoever takes an operation back reads what its sender wrote, and the
// count ends where it began. The kernel between the two is played by relaxed slots: it orders
// nothing that the language knows.
#include "protocol/ring_traffic.hpp"

#include "model_main.hpp"

namespace retake {
namespace {

struct operation {
  world::plain<std::uint32_t> content{0};
};

// A kernel that carries numbers: 0 nothing, 1 a request, 2 taken back.
struct queue {
  world::atomic<std::uint32_t> slot{0};

  void give() { slot.store_relaxed(1); }
  bool take() {
    const std::uint32_t now = slot.load_relaxed();
    return now == 1 && slot.compare_exchange_relaxed(1, 2).won;
  }
};

// Two threads send an operation each; a third takes back what it finds, and the senders what is
// left of their own.
struct senders_and_taker : model::suite<senders_and_taker, 3> {
  static constexpr char const* name = "senders_and_taker";
  static constexpr char const* claim =
      "who takes an operation back reads what was written before it was sent; each comes back once";

  ring_traffic traffic;
  operation operations[2];
  queue queues[2];

  void thread(unsigned index) {
    if (index < 2) {
      operations[index].content.set(index + 7);
      traffic.sent();
      queues[index].give();
      take_back(index);
    } else {
      take_back(0);
      take_back(1);
    }
  }

  void take_back(unsigned which) {
    if (!queues[which].take()) return;
    traffic.returned(1);
    const std::uint32_t content = operations[which].content.get();
    world::require(content == which + 7, "G6: an operation came back that was not sent");
  }

  void after() {
    const std::uint32_t left = traffic.in_flight();
    world::require(left == 0, "G6: the count of operations under way is wrong at rest");
  }
};

// Both come back to one thread, which counts them off together.
struct both_at_once : model::suite<both_at_once, 3> {
  static constexpr char const* name = "both_at_once";
  static constexpr char const* claim = "a batch is counted off in one step, whoever sent its parts";

  ring_traffic traffic;
  operation operations[2];
  queue queues[2];

  void thread(unsigned index) {
    if (index < 2) {
      operations[index].content.set(index + 7);
      traffic.sent();
      queues[index].give();
      return;
    }
    const bool first = queues[0].take();
    const bool second = queues[1].take();
    if (!first && !second) return;
    traffic.returned((first ? 1u : 0u) + (second ? 1u : 0u));
    if (first) static_cast<void>(operations[0].content.get());
    if (second) static_cast<void>(operations[1].content.get());
  }
};

// Faulty twin: counted only when the kernel has it already.
struct counts_too_late : model::suite<counts_too_late, 2> {
  static constexpr char const* name = "counts_too_late";
  static constexpr char const* claim =
      "faulty twin: an operation is counted after it was sent, and comes back before it was";
  static constexpr char const* must_fail = "G6";

  ring_traffic traffic;
  queue one;

  void thread(unsigned index) {
    if (index == 0) {
      one.give();
      traffic.sent();
    } else if (one.take()) {
      traffic.returned(1);
    }
  }
};

// Faulty twin: looked at before it is counted off.
struct looks_too_early : model::suite<looks_too_early, 2> {
  static constexpr char const* name = "looks_too_early";
  static constexpr char const* claim = "faulty twin: an operation is touched before it was counted off";
  static constexpr char const* must_fail = "race";

  ring_traffic traffic;
  operation what;
  queue one;

  void thread(unsigned index) {
    if (index == 0) {
      what.content.set(7);
      traffic.sent();
      one.give();
    } else if (one.take()) {
      static_cast<void>(what.content.get());
      traffic.returned(1);
    }
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<senders_and_taker, both_at_once, counts_too_late, looks_too_early>(argc, argv,
                                                                                              "ring_traffic");
}
