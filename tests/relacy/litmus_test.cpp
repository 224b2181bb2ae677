// litmus_test.cpp: which outcomes the relacy world allows, and that its full search sees all of
// them and nothing else.
//
// Goal.      A model that says nothing is worth what its search can see: an interleaving left out,
//            an old value never read, or a value read that C++ forbids, would make the silence of
//            all models a lie.
// Method.    The classical small programs. Each execution writes what its threads read into one
//            number; the set of numbers over a full search must be exactly the one that C++ allows
//            (within Relacy's limits: README). Random walks must see the same set. Two programs
//            count interleavings: of threads that only store there are exactly as many orders as
//            combinatorics says.
#include <cstdio>
#include <set>

#include "model_main.hpp"

namespace retake {
namespace {

using word = world::atomic<std::uint32_t>;

std::uint32_t last_outcome;         // of the execution that runs: written in after()
std::uint64_t seen_outcomes[1024];  // how often; no container: nothing may be allocated inside an execution

template <class Derived, unsigned Threads>
struct litmus : model::suite<Derived, Threads> {
  static constexpr char const* claim = "";
  std::uint32_t read[8] = {};  // host memory
  void after() {
    last_outcome = 0;
    for (unsigned i = 0; i < Derived::reads; ++i) last_outcome = last_outcome * 10 + read[i];
    ++seen_outcomes[last_outcome % 1024];
  }
};

struct three_stores_each : model::suite<three_stores_each, 2> {
  static constexpr char const* name = "three_stores_each";
  static constexpr char const* claim = "";
  word mine[2]{word{0}, word{0}};
  std::uint32_t order = 0;
  void thread(unsigned index) {
    for (int i = 0; i < 3; ++i) {
      mine[index].store_relaxed(1);
      order = order * 2 + index;
    }
  }
  void after() { ++seen_outcomes[order]; }
};

struct two_stores_of_three : model::suite<two_stores_of_three, 3> {
  static constexpr char const* name = "two_stores_of_three";
  static constexpr char const* claim = "";
  word mine[3]{word{0}, word{0}, word{0}};
  std::uint32_t order = 0;
  void thread(unsigned index) {
    for (int i = 0; i < 2; ++i) {
      mine[index].store_relaxed(1);
      order = order * 3 + index;
    }
  }
  void after() { ++seen_outcomes[order]; }
};

struct store_buffering_relaxed : litmus<store_buffering_relaxed, 2> {
  static constexpr char const* name = "store_buffering_relaxed";
  static constexpr unsigned reads = 2;
  word x{0}, y{0};
  void thread(unsigned index) {
    word& mine = index == 0 ? x : y;
    word& other = index == 0 ? y : x;
    mine.store_relaxed(1);
    read[index] = other.load_relaxed();
  }
};

struct store_buffering_acq_rel : litmus<store_buffering_acq_rel, 2> {
  static constexpr char const* name = "store_buffering_acq_rel";
  static constexpr unsigned reads = 2;
  word x{0}, y{0};
  void thread(unsigned index) {
    word& mine = index == 0 ? x : y;
    word& other = index == 0 ? y : x;
    mine.exchange_acq_rel(1);
    read[index] = other.load_acquire();
  }
};

struct store_buffering_seq_cst : litmus<store_buffering_seq_cst, 2> {
  static constexpr char const* name = "store_buffering_seq_cst";
  static constexpr unsigned reads = 2;
  word x{0}, y{0};
  void thread(unsigned index) {
    word& mine = index == 0 ? x : y;
    word& other = index == 0 ? y : x;
    if (index == 0) {
      mine.store_seq_cst(1);
    } else {
      mine.exchange_seq_cst(1);
    }
    read[index] = other.load_seq_cst();
  }
};

struct store_buffering_fences : litmus<store_buffering_fences, 2> {
  static constexpr char const* name = "store_buffering_fences";
  static constexpr unsigned reads = 2;
  word x{0}, y{0};
  void thread(unsigned index) {
    word& mine = index == 0 ? x : y;
    word& other = index == 0 ? y : x;
    mine.store_relaxed(1);
    world::fence_seq_cst();
    read[index] = other.load_relaxed();
  }
};

struct store_buffering_asymmetric : litmus<store_buffering_asymmetric, 2> {
  static constexpr char const* name = "store_buffering_asymmetric";
  static constexpr unsigned reads = 2;
  word x{0}, y{0};
  void thread(unsigned index) {
    word& mine = index == 0 ? x : y;
    word& other = index == 0 ? y : x;
    mine.store_relaxed(1);
    if (index == 0) {
      world::asymmetric_light();
    } else {
      world::asymmetric_heavy();
    }
    read[index] = other.load_relaxed();
  }
};

struct message_relaxed : litmus<message_relaxed, 2> {
  static constexpr char const* name = "message_relaxed";
  static constexpr unsigned reads = 2;
  word data{0}, flag{0};
  void thread(unsigned index) {
    if (index == 0) {
      data.store_relaxed(1);
      flag.store_relaxed(1);
    } else {
      read[0] = flag.load_relaxed();
      read[1] = data.load_relaxed();
    }
  }
};

struct message_released : litmus<message_released, 2> {
  static constexpr char const* name = "message_released";
  static constexpr unsigned reads = 2;
  word data{0}, flag{0};
  void thread(unsigned index) {
    if (index == 0) {
      data.store_relaxed(1);
      flag.store_release(1);
    } else {
      read[0] = flag.load_acquire();
      read[1] = data.load_relaxed();
    }
  }
};

// A thread that saw a newer value never reads an older one again.
struct coherence : litmus<coherence, 2> {
  static constexpr char const* name = "coherence";
  static constexpr unsigned reads = 2;
  word x{0};
  void thread(unsigned index) {
    if (index == 0) {
      x.store_relaxed(1);
      x.store_relaxed(2);
    } else {
      read[0] = x.load_relaxed();
      read[1] = x.load_relaxed();
    }
  }
};

// Three stores back, no more.
struct history : litmus<history, 2> {
  static constexpr char const* name = "history";
  static constexpr unsigned reads = 1;
  word x{0};
  void thread(unsigned index) {
    if (index == 0) {
      for (std::uint32_t v = 1; v <= 3; ++v) x.store_relaxed(v);
    } else {
      read[0] = x.load_relaxed();
    }
  }
};

struct independent_reads_acquire : litmus<independent_reads_acquire, 4> {
  static constexpr char const* name = "independent_reads_acquire";
  word x{0}, y{0};
  void thread(unsigned index) {
    if (index == 0) {
      x.store_release(1);
    } else if (index == 1) {
      y.store_release(1);
    } else if (index == 2) {
      read[0] = x.load_acquire();
      read[1] = y.load_acquire();
    } else {
      read[2] = y.load_acquire();
      read[3] = x.load_acquire();
    }
  }
  void after() { ++seen_outcomes[read[0] * 8 + read[1] * 4 + read[2] * 2 + read[3]]; }
};

struct independent_reads_seq_cst : litmus<independent_reads_seq_cst, 4> {
  static constexpr char const* name = "independent_reads_seq_cst";
  word x{0}, y{0};
  void thread(unsigned index) {
    if (index == 0) {
      x.store_seq_cst(1);
    } else if (index == 1) {
      y.store_seq_cst(1);
    } else if (index == 2) {
      read[0] = x.load_seq_cst();
      read[1] = y.load_seq_cst();
    } else {
      read[2] = y.load_seq_cst();
      read[3] = x.load_seq_cst();
    }
  }
  void after() { ++seen_outcomes[read[0] * 8 + read[1] * 4 + read[2] * 2 + read[3]]; }
};

// A sleeper's time-out and its wake-up are both tried.
struct timed_sleep : litmus<timed_sleep, 2> {
  static constexpr char const* name = "timed_sleep";
  static constexpr unsigned reads = 1;
  static constexpr unsigned timeouts = 1;
  word flag{0};
  void thread(unsigned index) {
    if (index == 0) {
      flag.store_release(1);
      world::futex_wake(flag, 1);
    } else {
      read[0] = static_cast<std::uint32_t>(world::futex_wait_until(flag, 0, 1));
    }
  }
};

// A spin of so many rounds sees its flag or gives up, whatever the loop does to look.
enum class look : std::uint8_t { load, compare_exchange, exchange };
template <unsigned Rounds, look Kind = look::load>
struct bounded_spin : litmus<bounded_spin<Rounds, Kind>, 2> {
  static constexpr char const* name = Rounds == 1   ? "spin_of_1"
                                      : Rounds == 2 ? "spin_of_2"
                                      : Rounds == 3 ? "spin_of_3"
                                                    : "spin_of_many";
  static constexpr unsigned reads = 1;
  word busy{1};
  bool sees_free() {
    if constexpr (Kind == look::load) return busy.load_acquire() == 0;
    if constexpr (Kind == look::compare_exchange) return busy.compare_exchange_acquire(0, 1).won;
    return busy.exchange_acquire(1) == 0;
  }
  void thread(unsigned index) {
    if (index == 0) {
      busy.store_release(0);
      return;
    }
    for (unsigned round = 0; round < Rounds && this->read[0] == 0; ++round) {
      if (sees_free()) {
        this->read[0] = 1;
      } else {
        world::pause();
      }
    }
  }
};
struct spin_without_bound : litmus<spin_without_bound, 2> {
  static constexpr char const* name = "spin_without_bound";
  static constexpr unsigned reads = 1;
  word flag{0};
  void thread(unsigned index) {
    if (index == 0) {
      flag.store_release(1);
      return;
    }
    while (flag.load_acquire() == 0) world::pause();
    read[0] = 1;
  }
};
// Each waits for the other a while before it shows its own flag.
struct two_bounded_spins : litmus<two_bounded_spins, 2> {
  static constexpr char const* name = "two_bounded_spins";
  static constexpr unsigned reads = 2;
  word shown[2]{word{0}, word{0}};
  void thread(unsigned index) {
    for (unsigned round = 0; round < 3 && read[index] == 0; ++round) {
      read[index] = shown[1 - index].load_acquire();
      if (read[index] == 0) world::pause();
    }
    shown[index].store_release(1);
  }
};
// A loop that gave up does not decide for the next one.
struct spin_after_spin : litmus<spin_after_spin, 2> {
  static constexpr char const* name = "spin_after_spin";
  static constexpr unsigned reads = 2;
  word flags[2]{word{0}, word{0}};
  void thread(unsigned index) {
    if (index == 0) {
      for (word& flag : flags) flag.store_release(1);
      return;
    }
    for (unsigned i = 0; i < 2; ++i) {
      for (unsigned round = 0; round < 3 && read[i] == 0; ++round) {
        read[i] = flags[i].load_acquire();
        if (read[i] == 0) world::pause();
      }
    }
  }
};

// The last of two users ends the object: a write, which every touch by the other has to come
// before.
template <class T>
std::uint32_t touch(T& object) {
  if constexpr (std::is_same_v<T, word>) {
    return object.load_relaxed();
  } else {
    return object.get();
  }
}
template <class T, bool Ordered>
struct last_use : model::suite<last_use<T, Ordered>, 2> {
  static constexpr char const* name = std::is_same_v<T, word> ? "last_use_of_atomic" : "last_use_of_plain";
  static constexpr char const* claim = "";
  alignas(T) unsigned char room[sizeof(T)];
  T* object = new (room) T(0);
  word uses{2};
  void thread(unsigned) {
    touch(*object);
    const std::uint32_t before = Ordered ? uses.fetch_sub_acq_rel(1) : uses.fetch_sub_relaxed(1);
    if (before == 1) object->~T();
  }
};
// A sleeper's look is a touch.
template <bool Ordered>
struct last_look : model::suite<last_look<Ordered>, 2> {
  static constexpr char const* name = "last_look_of_a_sleeper";
  static constexpr char const* claim = "";
  alignas(word) unsigned char room[sizeof(word)];
  word* object = new (room) word(1);
  word over{0};
  void thread(unsigned index) {
    if (index == 0) {
      world::futex_wait(*object, 0);
      Ordered ? over.store_release(1) : over.store_relaxed(1);
    } else if (over.load_acquire() == 1) {
      object->~word();
      object = nullptr;
    }
  }
  void after() {
    if (object != nullptr) object->~word();
  }
};

// A thread that sees an object must see its construction.
template <bool Ordered>
struct first_use : model::suite<first_use<Ordered>, 2> {
  static constexpr char const* name = "first_use_of_atomic";
  static constexpr char const* claim = "";
  alignas(word) unsigned char room[sizeof(word)];
  word* object = nullptr;
  word made{0};
  void thread(unsigned index) {
    if (index == 0) {
      object = new (room) word(1);
      Ordered ? made.store_release(1) : made.store_relaxed(1);
    } else if (made.load_acquire() == 1) {
      object->load_relaxed();
    }
  }
  void after() { object->~word(); }
};

// Claims that do not hold.
struct wrong_claim : model::suite<wrong_claim, 2> {
  static constexpr char const* name = "wrong_claim";
  static constexpr char const* claim = "";
  word w{0};
  void thread(unsigned) { world::require(w.exchange_relaxed(1) == 0, "X1: only one thread comes here"); }
};
struct wrong_owner : model::suite<wrong_owner, 2> {
  static constexpr char const* name = "wrong_owner";
  static constexpr char const* claim = "";
  word w{0};
  world::ghost<unsigned> owner{0};
  void thread(unsigned) {
    w.store_relaxed(1);
    owner.move(0, 1, "X2: it moves from its first owner");
  }
};

unsigned failures = 0;

std::set<std::uint32_t> outcomes_of(model::suite_entry const& entry, model::search_kind kind, std::uint64_t executions,
                                    bool& exhausted) {
  for (std::uint64_t& n : seen_outcomes) n = 0;
  model::search& s = model::the_search;
  s.kind = kind;
  s.seed = 1;
  s.executions_max = executions;
  s.deadline_ns = 0;
  s.executions = 0;
  s.exhausted = s.truncated = s.diverged = false;
  s.depth = s.given = 0;
  model::verdict const found = entry.run(
      {.fences_in_futex = false, .spurious = entry.spurious, .timeouts = entry.timeouts, .give_ups = entry.give_ups});
  if (!found.tag.empty()) {
    std::printf("FAILED %s: %s\n", entry.name, found.claim.c_str());
    ++failures;
  }
  exhausted = s.exhausted;
  std::set<std::uint32_t> seen;
  for (std::uint32_t i = 0; i < std::size(seen_outcomes); ++i) {
    if (seen_outcomes[i] != 0) seen.insert(i);
  }
  return seen;
}

template <class Suite>
void expect_tag(char const* tag) {
  model::suite_entry const entry = model::entry_of<Suite>();
  model::search& s = model::the_search;
  s = {};
  s.kind = model::search_kind::full;
  s.executions_max = 10'000'000;
  std::string const found = entry.run({.fences_in_futex = false, .give_ups = entry.give_ups}).tag;
  bool const holds = found == tag && (!found.empty() || s.exhausted);
  std::printf("%-6s %s: %s, %s expected\n", holds ? "ok" : "FAILED", entry.name,
              found.empty() ? "no finding" : found.c_str(), *tag == 0 ? "none" : tag);
  if (!holds) ++failures;
}

void print(char const* what, std::set<std::uint32_t> const& values) {
  std::printf("  %s:", what);
  for (std::uint32_t const v : values) std::printf(" %u", v);
  std::printf("\n");
}

template <class Suite>
void expect(std::set<std::uint32_t> const& allowed) {
  model::suite_entry const entry = model::entry_of<Suite>();
  bool exhausted = false;
  std::set<std::uint32_t> const full = outcomes_of(entry, model::search_kind::full, 10'000'000, exhausted);
  std::uint64_t const executions = model::the_search.executions;
  bool ignored = false;
  std::set<std::uint32_t> const random = outcomes_of(entry, model::search_kind::random, 100'000, ignored);
  bool const holds = exhausted && full == allowed && random == allowed;
  std::printf("%-6s %s (%llu executions)\n", holds ? "ok" : "FAILED", entry.name,
              static_cast<unsigned long long>(executions));
  if (holds) return;
  ++failures;
  print("allowed", allowed);
  print("full", full);
  print("random", random);
}

template <class Suite>
void expect_count(std::size_t orders) {
  model::suite_entry const entry = model::entry_of<Suite>();
  bool exhausted = false;
  std::size_t const full = outcomes_of(entry, model::search_kind::full, 10'000'000, exhausted).size();
  bool ignored = false;
  std::size_t const random = outcomes_of(entry, model::search_kind::random, 100'000, ignored).size();
  bool const holds = exhausted && full == orders && random == orders;
  std::printf("%-6s %s: %zu orders in full, %zu by random walks, %zu exist\n", holds ? "ok" : "FAILED", entry.name,
              full, random, orders);
  if (!holds) ++failures;
}

}  // namespace
}  // namespace retake

int main() {
  using namespace retake;
  expect_count<three_stores_each>(20);    // 6! / (3! 3!)
  expect_count<two_stores_of_three>(90);  // 6! / (2! 2! 2!)
  expect<store_buffering_relaxed>({0, 1, 10, 11});
  expect<store_buffering_acq_rel>({0, 1, 10, 11});
  expect<store_buffering_seq_cst>({1, 10, 11});
  expect<store_buffering_fences>({1, 10, 11});
  expect<store_buffering_asymmetric>({1, 10, 11});
  expect<message_relaxed>({0, 1, 10, 11});
  expect<message_released>({0, 1, 11});
  expect<coherence>({0, 1, 2, 11, 12, 22});
  expect<history>({0, 1, 2, 3});
  expect<independent_reads_acquire>({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  expect<independent_reads_seq_cst>({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15});
  expect<timed_sleep>({0, 1, 2});
  expect<bounded_spin<1>>({0, 1});
  expect<bounded_spin<2>>({0, 1});
  expect<bounded_spin<3>>({0, 1});
  expect<bounded_spin<100>>({0, 1});
  expect<bounded_spin<3, look::compare_exchange>>({0, 1});
  expect<bounded_spin<3, look::exchange>>({0, 1});
  expect<spin_without_bound>({1});
  expect<two_bounded_spins>({0, 1, 10});
  expect<spin_after_spin>({0, 1, 10, 11});
  expect_tag<last_use<word, false>>("race");
  expect_tag<last_use<word, true>>("");
  expect_tag<last_use<world::plain<std::uint32_t>, false>>("race");
  expect_tag<last_use<world::plain<std::uint32_t>, true>>("");
  expect_tag<last_look<false>>("race");
  expect_tag<last_look<true>>("");
  expect_tag<first_use<false>>("race");
  expect_tag<first_use<true>>("");
  expect_tag<wrong_claim>("X1");
  expect_tag<wrong_owner>("X2");
  return failures == 0 ? 0 : 1;
}
