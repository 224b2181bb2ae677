// Goal: the engine shows what RC11 allows, all of it and nothing else. Method: random programs and
//       the litmus shapes, run by the
// engine in every schedule, read and place, and by an enumerator of the paper's definitions
// (rc11.hpp); the two sets of outcomes are equal. What sb and rf in a cycle would allow besides is
// counted, and named where the runtime has it.
#include "rc11.hpp"

#include <cstdio>

#include "exhaust.hpp"
#include "sim/choices/random_source.hpp"

namespace retake::test {
namespace {

using rc11::act;
using rc11::instruction;
using rc11::mode;
using rc11::program;

// ---- a program in the engine ----
struct run_of_program {
  program const* p;
  int locations;
  word* words;
  std::vector<std::vector<std::string>>* reads;  // by thread
};
run_of_program current_program;

template <class Relaxed, class Acquire, class Release, class Both, class Strong>
auto by_order(mode m, Relaxed relaxed, Acquire acquire, Release release, Both acq_rel, Strong seq_cst) {
  switch (m) {
    case mode::rlx: return relaxed();
    case mode::acq: return acquire();
    case mode::rel: return release();
    case mode::acq_rel: return acq_rel();
    default: return seq_cst();
  }
}
#define RETAKE_BY_ORDER(m, call, ...)                                                              \
  by_order(                                                                                        \
      m, [&] { return call##_relaxed(__VA_ARGS__); }, [&] { return call##_acquire(__VA_ARGS__); }, \
      [&] { return call##_release(__VA_ARGS__); }, [&] { return call##_acq_rel(__VA_ARGS__); },    \
      [&] { return call##_seq_cst(__VA_ARGS__); })

void run_instruction(instruction const& i, std::vector<std::string>& reads) {
  word& w = current_program.words[i.location];
  switch (i.what) {
    case act::load:
      reads.push_back(std::to_string(i.order == mode::rlx   ? w.load_relaxed()
                                     : i.order == mode::acq ? w.load_acquire()
                                                            : w.load_seq_cst()));
      break;
    case act::store:
      if (i.order == mode::rlx)
        w.store_relaxed(i.value);
      else if (i.order == mode::rel)
        w.store_release(i.value);
      else
        w.store_seq_cst(i.value);
      break;
    case act::add: reads.push_back(std::to_string(RETAKE_BY_ORDER(i.order, w.fetch_add, i.value))); break;
    case act::exchange: reads.push_back(std::to_string(RETAKE_BY_ORDER(i.order, w.exchange, i.value))); break;
    case act::cas: {
      auto const r = RETAKE_BY_ORDER(i.order, w.compare_exchange, i.expected, i.value);
      reads.push_back(std::to_string(r.seen) + (r.won ? "!" : ""));
      break;
    }
    case act::weak_cas: {
      auto const r = RETAKE_BY_ORDER(i.order, w.compare_exchange_weak, i.expected, i.value);
      reads.push_back(std::to_string(r.seen) + (r.won ? "!" : ""));
      break;
    }
    case act::fence:
      if (i.order == mode::acq)
        world::fence_acquire();
      else if (i.order == mode::rel)
        world::fence_release();
      else if (i.order == mode::acq_rel)
        world::fence_acq_rel();
      else
        world::fence_seq_cst();
      break;
  }
}

template <std::size_t... I>
void start_threads(std::index_sequence<I...>) {
  static constexpr std::array<void (*)(void*), sizeof...(I)> entries{[](void*) {
    for (auto const& i : (*current_program.p)[I]) run_instruction(i, (*current_program.reads)[I]);
  }...};
  for (std::size_t t = 0; t < current_program.p->size(); ++t) world::thread_start(entries[t], nullptr);
}

void run_program() {
  word words[rc11::locations_max]{word(0), word(0), word(0)};
  current_program.words = words;
  start_threads(std::make_index_sequence<4>{});
  sim::join_others();
  for (int l = 0; l < current_program.locations; ++l)
    (*current_program.reads)[4].push_back(std::to_string(words[l].load_relaxed()));
}

constexpr std::uint64_t executions_max = 3'000'000;

// Empty: the search did not end.
std::set<std::string> shown(program const& p, int locations) {
  sim::options o = in(c11, 16);
  o.placements_max = o.weak_failures_max = 1'000;
  sim::engine e(o);
  sim::scenario s = of(&run_program);
  s.fences_synchronize = true;
  depth_first_of_visible d;
  std::set<std::string> all;
  bool more = true;
  for (std::uint64_t i = 0; more; ++i) {
    if (i == executions_max) return {};
    std::vector<std::vector<std::string>> reads(5);
    current_program = {&p, locations, nullptr, &reads};
    d.begin(i);
    sim::execution const& x = e.run(s, d);
    EXPECT_FALSE(x.failed) << x.what.claim;
    if (x.failed) return {};
    std::string t;
    for (std::size_t k = 0; k < 4; ++k) {
      for (auto const& r : reads[k]) t += r + " ";
    }
    t += "|";
    for (auto const& r : reads[4]) t += " " + r;
    all.insert(t);
    more = d.end(sim::summary_of(x));
  }
  EXPECT_TRUE(d.inner.exhausted());
  return all;
}

std::string text_of(program const& p) {
  static constexpr char const* acts[] = {"load", "store", "add", "exchange", "cas", "weak_cas", "fence"};
  static constexpr char const* modes[] = {"rlx", "acq", "rel", "acq_rel", "sc"};
  std::string t;
  for (auto const& thread : p) {
    for (auto const& i : thread) {
      t += std::string(acts[static_cast<int>(i.what)]) + "_" + modes[static_cast<int>(i.order)];
      if (i.what != act::fence) t += " " + std::string(1, static_cast<char>('x' + i.location));
      if (i.what == act::cas || i.what == act::weak_cas)
        t += " " + std::to_string(i.expected) + "->" + std::to_string(i.value);
      else if (i.what != act::fence && i.what != act::load)
        t += " " + std::to_string(i.value);
      t += "; ";
    }
    t += " ||  ";
  }
  return t;
}

std::string differences(std::set<std::string> const& a, std::set<std::string> const& b) {
  std::string t;
  for (auto const& o : a) {
    if (!b.contains(o)) t += "  [" + o + "]";
  }
  return t;
}

void compare(program const& p, int locations) {
  std::set<std::string> const allowed = rc11::allowed(p, locations);
  std::set<std::string> const seen_here = shown(p, locations);
  EXPECT_EQ(differences(seen_here, allowed), "") << "shown and forbidden: " << text_of(p);
  EXPECT_EQ(differences(allowed, seen_here), "") << "allowed and not shown: " << text_of(p);
}

// ---- random programs ----
// Values are distinct, so that an outcome says which store was read.
program random_program(std::uint64_t seed, int& locations) {
  sim::random_source r;
  r.seed(seed, 11);
  locations = r.one_in(4) ? 3 : 2;
  static constexpr std::size_t shapes[][4] = {{4, 3, 0, 0}, {4, 4, 0, 0}, {5, 3, 0, 0}, {2, 2, 2, 0},
                                              {3, 2, 2, 0}, {3, 3, 2, 0}, {2, 2, 2, 1}, {3, 2, 1, 1}};
  auto const& shape = shapes[r.below(std::size(shapes))];
  std::uint32_t const flavour = r.below(4);  // any orders; mostly seq_cst; mostly relaxed with fences; mostly relaxed
  program p;
  unsigned value = 0;
  for (std::size_t length : shape) {
    if (length == 0) continue;
    auto& thread = p.emplace_back();
    for (std::size_t k = 0; k < length; ++k) {
      instruction i{};
      std::uint32_t const kind = r.below(flavour == 2 ? 22 : 17 + (flavour == 0 ? 2 : 0));
      i.what = kind < 7    ? act::load
               : kind < 13 ? act::store
               : kind < 14 ? act::add
               : kind < 15 ? act::exchange
               : kind < 16 ? act::cas
               : kind < 17 ? act::weak_cas
                           : act::fence;
      i.location = static_cast<int>(r.below(static_cast<std::uint32_t>(locations)));
      ++value;
      i.value = i.what == act::add ? 10 * value : value;
      i.expected = r.below(value + 1);
      static constexpr mode loads[] = {mode::rlx, mode::acq, mode::sc}, stores[] = {mode::rlx, mode::rel, mode::sc};
      static constexpr mode all[] = {mode::rlx, mode::acq, mode::rel, mode::acq_rel, mode::sc};
      i.order = i.what == act::load    ? loads[r.below(3)]
                : i.what == act::store ? stores[r.below(3)]
                : i.what == act::fence ? all[1 + r.below(4)]
                                       : all[r.below(5)];
      if (flavour == 1 && r.one_in(2)) i.order = mode::sc;
      if (flavour >= 2 && i.what != act::fence && !r.one_in(4)) i.order = mode::rlx;
      thread.push_back(i);
    }
  }
  return p;
}

struct share {
  std::uint64_t from, to;
};
class random_programs : public testing::TestWithParam<share> {};

TEST_P(random_programs, show_what_rc11_allows_and_nothing_else) {
  std::size_t outcomes_of_all = 0, by_load_buffering = 0, with_load_buffering = 0;
  for (std::uint64_t seed = GetParam().from; seed < GetParam().to && !HasFailure(); ++seed) {
    int locations = 0;
    program const p = random_program(seed, locations);
    SCOPED_TRACE("seed " + std::to_string(seed));
    compare(p, locations);
    std::size_t const allowed = rc11::allowed(p, locations).size(),
                      with_cycles = rc11::allowed(p, locations, true).size();
    EXPECT_GT(allowed, 0U);
    outcomes_of_all += allowed;
    by_load_buffering += with_cycles - allowed;
    with_load_buffering += with_cycles == allowed ? 0 : 1;
  }
  std::printf("%zu outcomes, all shown; %zu more by load buffering, in %zu programs\n", outcomes_of_all,
              by_load_buffering, with_load_buffering);
}
INSTANTIATE_TEST_SUITE_P(quick, random_programs, testing::Values(share{1, 41}),
                         [](auto const&) { return std::string("share"); });
INSTANTIATE_TEST_SUITE_P(all_full, random_programs,
                         testing::Values(share{1, 126}, share{126, 251}, share{251, 376}, share{376, 501}),
                         [](auto const& i) { return "from_" + std::to_string(i.param.from); });

// ---- the litmus shapes ----
constexpr int x = 0, y = 1, z = 2;
instruction read(int l, mode m = mode::rlx) { return {act::load, m, l}; }
instruction write(int l, unsigned v, mode m = mode::rlx) { return {act::store, m, l, v}; }
instruction add(int l, unsigned v, mode m = mode::rlx) { return {act::add, m, l, v}; }
instruction fence(mode m) { return {act::fence, m}; }

struct shape {
  char const* name;
  program p;
};
// Each with its accesses relaxed, acquire and release, and seq_cst.
std::vector<shape> shapes() {
  std::vector<shape> all;
  for (auto const& [w, r] : {std::pair{mode::rlx, mode::rlx}, {mode::rel, mode::acq}, {mode::sc, mode::sc}}) {
    all.push_back({"SB", {{write(x, 1, w), read(y, r)}, {write(y, 1, w), read(x, r)}}});
    all.push_back(
        {"SB, fences", {{write(x, 1, w), fence(mode::sc), read(y, r)}, {write(y, 1, w), fence(mode::sc), read(x, r)}}});
    all.push_back({"SB, a fence and accesses",
                   {{write(x, 1, w), fence(mode::sc), read(y, r)}, {write(y, 1, mode::sc), read(x, mode::sc)}}});
    all.push_back({"MP", {{write(x, 1), write(y, 1, w)}, {read(y, r), read(x)}}});
    all.push_back({"MP, fences", {{write(x, 1), fence(mode::rel), write(y, 1)}, {read(y), fence(mode::acq), read(x)}}});
    all.push_back({"MP, a release sequence", {{write(x, 1), write(y, 1, w)}, {add(y, 1)}, {read(y, r), read(x)}}});
    all.push_back({"LB", {{read(x, r), write(y, 1, w)}, {read(y, r), write(x, 1, w)}}});
    all.push_back({"2+2W", {{write(x, 1, w), write(y, 2, w)}, {write(y, 1, w), write(x, 2, w)}}});
    all.push_back(
        {"2+2W, fences",
         {{write(x, 1, w), fence(mode::sc), write(y, 2, w)}, {write(y, 1, w), fence(mode::sc), write(x, 2, w)}}});
    all.push_back({"S", {{write(x, 2, w), write(y, 1, w)}, {read(y, r), write(x, 1, w)}}});
    all.push_back({"R", {{write(x, 1, w), write(y, 1, w)}, {write(y, 2, w), read(x, r)}}});
    all.push_back(
        {"R, fences", {{write(x, 1), fence(mode::sc), write(y, 1)}, {write(y, 2), fence(mode::sc), read(x)}}});
    all.push_back({"CoRR", {{write(x, 1, w), write(x, 2, w)}, {read(x, r), read(x, r)}}});
    all.push_back({"CoRW", {{read(x, r), write(x, 1, w)}, {write(x, 2, w)}}});
    all.push_back({"IRIW", {{write(x, 1, w)}, {write(y, 1, w)}, {read(x, r), read(y, r)}, {read(y, r), read(x, r)}}});
    all.push_back({"IRIW, fences",
                   {{write(x, 1, w)},
                    {write(y, 1, w)},
                    {read(x, r), fence(mode::sc), read(y, r)},
                    {read(y, r), fence(mode::sc), read(x, r)}}});
    all.push_back({"WRC", {{write(x, 1, w)}, {read(x, r), write(y, 1, w)}, {read(y, r), read(x, r)}}});
    all.push_back(
        {"RWC",
         {{write(x, 1, w)}, {read(x, r), fence(mode::sc), read(y, r)}, {write(y, 1, w), fence(mode::sc), read(x, r)}}});
    all.push_back({"ISA2", {{write(x, 1, w), write(y, 1, w)}, {read(y, r), write(z, 1, w)}, {read(z, r), read(x, r)}}});
    all.push_back({"W+RWC",
                   {{write(x, 1, w), write(y, 1, w)},
                    {read(y, r), fence(mode::sc), read(z, r)},
                    {write(z, 1, w), fence(mode::sc), read(x, r)}}});
    all.push_back({"Z6.U",
                   {{write(x, 1, mode::sc), write(y, 1, w)},
                    {add(y, 1, mode::sc), read(y, r)},
                    {write(y, 3, mode::sc), read(x, mode::sc)}}});
    all.push_back({"S against the order of execution",
                   {{write(x, 1, mode::sc), write(y, 1, w)}, {read(y, r), read(x, mode::sc)}}});
    all.push_back({"two adds and a store",
                   {{add(x, 10, w == mode::rlx ? w : mode::acq_rel), add(x, 20)}, {write(x, 1, w), read(x, r)}}});
  }
  return all;
}
TEST(litmus_shapes, show_what_rc11_allows_and_nothing_else) {
  for (auto const& s : shapes()) {
    SCOPED_TRACE(s.name);
    compare(s.p, 3);
  }
}

// What the enumerator itself says where the paper says it.
TEST(enumerator, agrees_with_the_paper) {
  auto const allows = [](program const& p, char const* outcome, bool thin_air = false) {
    return rc11::allowed(p, 3, thin_air).contains(outcome);
  };
  program const buffering = {{read(x), write(y, 1)}, {read(y), write(x, 1)}};
  EXPECT_FALSE(allows(buffering, "1 1 | 1 1 0"));
  EXPECT_TRUE(allows(buffering, "1 1 | 1 1 0", true));
  program const iriw = {{write(x, 1, mode::sc)},
                        {write(y, 1, mode::sc)},
                        {read(x, mode::acq), read(y, mode::sc)},
                        {read(y, mode::acq), read(x, mode::sc)}};
  EXPECT_TRUE(allows(iriw, "1 0 1 0 | 1 1 0")) << "IRIW-acq-sc, which C11 forbids and Power shows";
  program const z6u = {{write(x, 1, mode::sc), write(y, 1, mode::rel)},
                       {add(y, 1, mode::sc), read(y)},
                       {write(y, 3, mode::sc), read(x, mode::sc)}};
  EXPECT_TRUE(allows(z6u, "1 3 0 | 1 3 0")) << "Z6.U, which C11 forbids and Power shows";
  program const rwc = {{write(x, 1)}, {read(x), fence(mode::sc), read(y)}, {write(y, 1), fence(mode::sc), read(x)}};
  EXPECT_FALSE(allows(rwc, "1 0 0 | 1 1 0")) << "RWC with fences, which C11 allows";
}

// ---- load buffering ----
// Two orders of the run queue survive every search: [RQ1] and [RQ5]. A thief reads a slot (x, 7)
// and frees it by moving the head (y); the owner sees that and stores to the slot. Without either
// order the thief may read what the owner stored behind it, but in executions only in which program
// order and reads-from make a cycle.
program freed_slot(mode thief, mode owner) {
  return {{read(x), {act::cas, thief, y, 1, 0}}, {read(y, owner), write(x, 9)}};
}
TEST(load_buffering, needs_both_orders_of_the_ring) {
  char const* const from_the_future = "9 0! 1 | 9 1 0";  // the thief's slot, its exchange, the head that the owner saw
  EXPECT_FALSE(rc11::allowed(freed_slot(mode::rel, mode::acq), 3, true).contains(from_the_future));
  for (auto const& [thief, owner] : {std::pair{mode::rlx, mode::acq}, {mode::rel, mode::rlx}, {mode::rlx, mode::rlx}}) {
    EXPECT_TRUE(rc11::allowed(freed_slot(thief, owner), 3, true).contains(from_the_future));
    EXPECT_FALSE(rc11::allowed(freed_slot(thief, owner), 3).contains(from_the_future));
  }
}

}  // namespace
}  // namespace retake::test
