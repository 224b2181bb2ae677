// exhaust.hpp: every outcome of a small program, and short ways to run one.
//
// A litmus test is a body that writes what its threads read into `seen`; outcomes() runs it in
// every schedule (depth-first, without a bound of preemptions) and collects what came out. The
// search must come to its end, else the test that asked is no proof.
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "sim/calls.hpp"
#include "sim/campaign.hpp"
#include "sim/choices/depth_first.hpp"
#include "sim/choices/random_walk.hpp"
#include "sim/engine.hpp"
#include "world/atomic.hpp"
#include "world/futex.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::test {

using word = world::atomic<std::uint32_t>;

inline int seen[8];

inline sim::options in(sim::memory_mode m, std::uint32_t history = 8) {
  sim::options o;
  o.memory = m;
  o.history = history;
  return o;
}
inline constexpr auto sc = sim::memory_mode::sc;
inline constexpr auto c11 = sim::memory_mode::c11;

inline sim::scenario of(void (*body)()) {
  sim::scenario s{};
  s.name = "test";
  s.claim = "a test";
  s.body = body;
  return s;
}

// Depth-first, but for beginnings and ends of threads: no other thread can see them, so they come
// first and are no branch.
class depth_first_of_visible final : public sim::chooser {
 public:
  char const* name() const override { return "dfs"; }
  void begin(std::uint64_t n) override { inner.begin(n); }
  std::uint32_t choose(sim::choice_point const& p) override {
    for (std::uint32_t i = 0; p.kind == sim::choice_kind::thread && i < p.n; ++i) {
      switch (p.pending[p.slot_of(i)].kind) {
        case sim::op_kind::thread_begin:
        case sim::op_kind::thread_exit:
        case sim::op_kind::thread_start:
        case sim::op_kind::join: return i;
        default: break;
      }
    }
    return inner.choose(p);
  }
  bool end(sim::execution_summary const& s) override { return inner.end(s); }
  bool exhausted() const override { return inner.exhausted(); }

  sim::depth_first inner{sim::depth_first::unbounded};
};

// "01 10": what seen[0..n) held at the ends of all executions, sorted.
template <class Search>
std::string outcomes_by(Search& d, void (*body)(), sim::options const& o, int n) {
  sim::engine e(o);
  sim::scenario const s = of(body);
  std::set<std::string> all;
  bool more = true;
  for (std::uint64_t i = 0; more; ++i) {
    for (int& v : seen) v = 0;
    d.begin(i);
    sim::execution const& x = e.run(s, d);
    if (x.failed) return std::string("failed: ") + x.what.claim;
    std::string text;
    for (int k = 0; k < n; ++k) text += static_cast<char>('0' + seen[k]);
    all.insert(text);
    more = d.end(sim::summary_of(x));
  }
  EXPECT_TRUE(d.exhausted());
  std::string joined;
  for (auto const& t : all) joined += (joined.empty() ? "" : " ") + t;
  return joined;
}
inline std::string outcomes(void (*body)(), sim::options const& o, int n) {
  sim::depth_first d(sim::depth_first::unbounded);
  return outcomes_by(d, body, o, n);
}
inline std::string outcomes(void (*body)(), sim::memory_mode memory, int n, std::uint32_t history = 8) {
  return outcomes(body, in(memory, history), n);
}

// The first finding of an exhaustive search, or one with an empty tag.
inline sim::campaign search(void (*body)(), sim::options const& o,
                            std::uint32_t preemptions = sim::depth_first::unbounded,
                            sim::scenario shape = of(nullptr)) {
  sim::engine e(o);
  sim::depth_first d(preemptions);
  shape.body = body;
  return sim::explore(e, shape, d, {.executions_max = 3'000'000});
}

inline std::string tag_of(sim::campaign const& c) {
  return c.failed ? c.last.what.tag : c.exhausted ? "" : "not exhausted";
}
inline std::string first_tag(void (*body)(), sim::memory_mode memory) { return tag_of(search(body, in(memory))); }

// Starts a thread that runs f(object); f has no captures.
template <class T>
void with(T& object, void (*f)(T&)) {
  struct job {
    T* object;
    void (*f)(T&);
  };
  // In the arena: it outlives the frame that starts the thread.
  auto* const j = new (sim::allocate(sizeof(job), alignof(job), sim::site::current())) job{&object, f};
  world::thread_start([](void* p) { static_cast<job*>(p)->f(*static_cast<job*>(p)->object); }, j);
}

}  // namespace retake::test
