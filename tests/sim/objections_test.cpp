// Goal: misuse of the simulator, and the ends of its named bounds, are findings that say so.
// Method: the smallest body for each.
#include <cstring>
#include <new>

#include "exhaust.hpp"
#include "world/ghost.hpp"
#include "world/memory.hpp"

namespace retake::test {
namespace {

template <class T>
alignas(T) unsigned char room[sizeof(T)];
using number = world::plain<int>;

void too_many_atomics() {
  for (;;) new (room<word>) word(0);
}
void too_many_plains() {
  for (;;) new (room<number>) number(0);
}
void an_atomic_from_outside() { reinterpret_cast<word*>(room<word>)->load_relaxed(); }
void a_plain_from_outside() { reinterpret_cast<number*>(room<number>)->get(); }
void a_plain_after_its_end() {
  auto* const n = new (world::allocate(sizeof(number))) number(1);
  number* volatile again = n;
  n->~number();
  again->get();
}
void another_thread_joins() {
  word w{0};
  with<word>(w, [](word&) { sim::join_others(); });
  sim::join_others();
}
void a_fault_without_a_boundary() { sim::raise_fault({}); }
void too_many_quiescence_hooks() {
  for (std::uint32_t i = 0; i <= sim::engine::quiescence_hooks_max; ++i) sim::at_quiescence([](void*) {}, nullptr);
}

void too_many_sites() {
  for (unsigned line = 1; line <= sim::site_table::sites_max; ++line) {
    sim::count_recheck(true, world::site{"many.cpp", line, "many"});
  }
}

void a_move_from_another_owner() { world::ghost<unsigned>(0).move(1, 2, "P1: it moves from its owner"); }

struct objection {
  void (*body)();
  char const* claim;
};
constexpr objection objections[] = {
    {too_many_atomics, "bound: more atomics and plains than objects_max"},
    {too_many_sites, "bound: more sites than sites_max"},
    {too_many_plains, "bound: more atomics and plains than objects_max"},
    {an_atomic_from_outside, "harness: an atomic that was made outside of the execution"},
    {a_plain_from_outside, "harness: a plain that was made outside of the execution"},
    {a_plain_after_its_end, "use_after_free: a plain is touched before its construction or after its end"},
    {another_thread_joins, "harness: join_others is for thread 0"},
    {a_fault_without_a_boundary, "crash: a fault that nobody contains"},
    {a_move_from_another_owner, "P1: it moves from its owner"},
    {too_many_quiescence_hooks, "bound: more quiescence hooks than quiescence_hooks_max"},
};
TEST(objections, say_what_was_misused) {
  for (objection const& o : objections) {
    std::memset(room<word>, 0, sizeof(word));
    std::memset(room<number>, 0, sizeof(number));
    EXPECT_STREQ(search(o.body, in(sc), 0).last.what.claim, o.claim);
  }
}

struct outside : sim::chooser {
  char const* name() const override { return "outside"; }
  void begin(std::uint64_t) override {}
  bool end(sim::execution_summary const&) override { return false; }
  std::uint32_t choose(sim::choice_point const& p) override { return p.n; }
};
void two_threads() {
  word w{0};
  with<word>(w, [](word& o) { o.store_relaxed(1); });
  w.load_relaxed();
  sim::join_others();
}
TEST(objections, a_chooser_that_answers_outside_of_the_alternatives) {
  sim::engine e(in(sc));
  outside c;
  EXPECT_STREQ(sim::explore(e, of(&two_threads), c, {.executions_max = 1}).last.what.tag, "harness");
}

}  // namespace
}  // namespace retake::test
