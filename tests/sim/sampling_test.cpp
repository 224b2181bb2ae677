// Goal: POS and SURW draw the orders of racing operations with the chances that their files
//       promise.
// Method: threads as lists of pending operations, played against the chooser alone, so that each
// chance is known; then the shape of program that each was made for, in the engine.
#include <array>
#include <cmath>
#include <map>
#include <vector>

#include "exhaust.hpp"
#include "sim/choices/pos.hpp"
#include "sim/choices/random_walk.hpp"
#include "sim/choices/surw.hpp"

namespace retake::test {
namespace {

using operations = std::vector<sim::pending_operation>;

constexpr std::uint32_t shared = 1;
sim::pending_operation write_to(std::uint32_t object) { return {sim::op_kind::store, 1, object}; }
sim::pending_operation read_of(std::uint32_t object) { return {sim::op_kind::load, 1, object}; }
// Slot s does n operations on a location of its own.
operations private_steps(std::uint32_t slot, std::size_t n) { return operations(n, write_to(100 + slot)); }
operations then(operations before, operations const& after) {
  before.insert(before.end(), after.begin(), after.end());
  return before;
}

// The order in which slots did their operations on the shared location, as "0110".
std::string play(sim::chooser& c, std::uint64_t execution, std::vector<operations> const& threads) {
  c.begin(execution);
  std::array<sim::pending_operation, sim::threads_max> pending{};
  std::array<std::size_t, sim::threads_max> place{};
  std::string order;
  std::uint32_t running = 0;
  for (std::uint32_t step = 0;; ++step) {
    std::uint32_t enabled = 0;
    for (std::uint32_t slot = 0; slot < threads.size(); ++slot) {
      if (place[slot] == threads[slot].size()) continue;
      enabled |= 1U << slot;
      pending[slot] = threads[slot][place[slot]];
    }
    if (enabled == 0) return order;
    bool const goes_on = (enabled >> running & 1U) != 0;
    auto const n = static_cast<std::uint32_t>(std::popcount(enabled));
    sim::choice_point const
        p{sim::choice_kind::thread, goes_on, false,   pending[running].kind, n, running, enabled, step, 0,
          pending[running].object,  1,       nullptr, pending.data()};
    running = n == 1 ? static_cast<std::uint32_t>(std::countr_zero(enabled)) : p.slot_of(c.choose(p));
    if (pending[running].object == shared) order += static_cast<char>('0' + running);
    ++place[running];
  }
}

// The share of executions that have each order.
std::map<std::string, double> orders_of(sim::chooser& c, std::uint64_t executions,
                                        std::vector<operations> const& threads) {
  std::map<std::string, double> share;
  for (std::uint64_t i = 0; i < executions; ++i) share[play(c, i, threads)] += 1.0 / static_cast<double>(executions);
  return share;
}
// Within four standard deviations of the chance.
void expect_chance(double share, double chance, std::uint64_t executions, std::string const& what) {
  EXPECT_NEAR(share, chance, 4 * std::sqrt(chance * (1 - chance) / static_cast<double>(executions))) << what;
}

constexpr std::uint64_t many = 20'000;

TEST(pos, a_thread_comes_first_as_often_as_its_private_steps_allow) {
  for (std::size_t const steps : {0U, 1U, 4U, 10U, 30U}) {
    sim::pos c(7);
    auto const share = orders_of(c, many, {then(private_steps(0, steps), {write_to(shared)}), {write_to(shared)}});
    expect_chance(share.at("01"), 1.0 / (static_cast<double>(steps) + 2), many, std::to_string(steps) + " steps");
  }
}

TEST(pos, a_race_that_was_decided_says_nothing_about_the_next) {
  for (std::size_t const writes : {1U, 2U, 4U}) {
    sim::pos c(7);
    auto const share = orders_of(c, many, {operations(writes, write_to(shared)), {write_to(shared)}});
    expect_chance(share.at(std::string(writes, '0') + "1"), std::pow(0.5, writes), many,
                  std::to_string(writes) + " writes");
  }
}

TEST(pos, reads_do_not_race_with_reads) {
  sim::pos c(7);
  auto const share = orders_of(c, many, {operations(4, read_of(shared)), {read_of(shared)}});
  expect_chance(share.at("00001"), 1.0 / 5, many, "the fifth of five");  // one priority against four
}

// Three operations of each thread on the shared location, among private steps of any number.
std::vector<operations> mixed(std::array<std::size_t, 2> const& steps) {
  std::vector<operations> threads(2);
  for (std::uint32_t slot : {0U, 1U}) {
    for (int i = 0; i < 3; ++i)
      threads[slot] = then(then(threads[slot], private_steps(slot, steps[slot])), {write_to(shared)});
  }
  return threads;
}
void teach(sim::chooser& c, std::vector<operations> const& threads) {
  sim::lengths counts;
  counts.accesses.resize(102);
  for (std::size_t slot = 0; slot < threads.size(); ++slot) {
    for (sim::pending_operation const& o : threads[slot])
      ++counts.steps, ++counts.operations[slot], ++counts.accesses[o.object][slot];
  }
  c.learn(counts);
}

TEST(surw, each_order_of_the_shared_operations_has_the_same_chance_whatever_stands_between) {
  for (auto const& steps : {std::array<std::size_t, 2>{1, 1}, {10, 1}, {1, 40}}) {
    auto const threads = mixed(steps);
    sim::surw c(7);
    teach(c, threads);
    auto const share = orders_of(c, many, threads);
    EXPECT_EQ(share.size(), 20U);
    double const selective = 7.0 / 8;  // in the other executions all operations are selected
    for (auto const& [order, part] : share)
      EXPECT_GT(part, selective / 20 * 0.85) << order << " " << steps[0] << " " << steps[1];
  }
}

TEST(surw, each_order_of_all_operations_has_the_same_chance_when_all_are_selected) {
  // The counts say that no location is shared, so that all operations are selected.
  std::vector<operations> const threads = {operations(3, read_of(shared)), {read_of(shared)}};
  sim::surw c(7);
  teach(c, {private_steps(0, 3), private_steps(1, 1)});
  auto const share = orders_of(c, many, threads);
  ASSERT_EQ(share.size(), 4U);
  for (auto const& [order, part] : share) expect_chance(part, 0.25, many, order);
}

TEST(surw, without_counts_is_a_random_walk) {
  sim::surw c(7);
  auto const share = orders_of(c, many, {then(private_steps(0, 3), {write_to(shared)}), {write_to(shared)}});
  expect_chance(share.at("01"), 1.0 / 16, many, "four steps before one");
}

TEST(surw, the_order_of_an_execution_does_not_depend_on_those_before_it) {
  auto const threads = mixed({4, 2});
  sim::surw first(7), second(7);
  teach(first, threads), teach(second, threads);
  for (std::uint64_t i = 0; i < 40; ++i)
    EXPECT_EQ(play(first, 2 * i, threads), (play(second, 2 * i + 1, threads), play(second, 2 * i, threads)));
}

// ---- in the engine ----
// `setters` threads write a, then b; one reads a and b between two writes of one of them.
int setters;
struct pair_of_words {
  word a{0}, b{0};
};
void reorder() {
  pair_of_words w;
  for (int i = 0; i < setters; ++i) {
    with<pair_of_words>(w, [](pair_of_words& o) {
      o.a.store_seq_cst(1);
      o.b.store_seq_cst(1);
    });
  }
  bool const set = w.a.load_seq_cst() == 1;
  bool const both = w.b.load_seq_cst() == 1;
  sim::join_others();
  world::require(!set || both, "order: a is set and b is not");
}
TEST(campaign, pilots_count_what_each_thread_does_at_each_location) {
  setters = 3;
  sim::engine e(in(sc));
  sim::random_walk walk(3);
  sim::lengths const most = sim::measure(e, of(&reorder), walk).most;
  std::size_t words = 0;
  for (sim::by_slot const& accesses : most.accesses) {
    words += accesses[0] == 1 && accesses[1] == 1 && accesses[2] == 1 && accesses[3] == 1 && accesses[4] == 0 ? 1U : 0U;
  }
  EXPECT_EQ(words, 2U);
  for (std::size_t slot = 1; slot <= 3; ++slot) {
    EXPECT_GE(most.operations[slot], 2U) << "its two writes";
    EXPECT_LE(most.operations[slot], 5U) << "and its beginning and end";
  }
}

double mean_executions_to_find(sim::chooser& c, std::uint64_t executions_max) {
  double sum = 0;
  sim::engine e(in(sc));
  for (std::uint64_t trial = 0; trial < 20; ++trial) {
    sim::campaign const found =
        sim::explore(e, of(&reorder), c, {.executions_max = executions_max, .first = trial * executions_max});
    EXPECT_TRUE(found.failed) << c.name();
    sum += static_cast<double>(found.executions);
  }
  return sum / 20;
}
TEST(sampling, finds_a_reader_between_two_writes_of_one_of_ten_threads) {
  setters = 10;
  sim::random_walk evenly(3);
  sim::pos by_order(3);
  sim::surw by_count(3);
  double const walk = mean_executions_to_find(evenly, 100'000), pos = mean_executions_to_find(by_order, 100'000),
               surw = mean_executions_to_find(by_count, 100'000);
  EXPECT_LT(pos, walk / 10);
  EXPECT_LT(surw, 25);
}

}  // namespace
}  // namespace retake::test
