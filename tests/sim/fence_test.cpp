// Goal: fences make happens-before where a scenario says so, and nowhere else; the asymmetric fence
//       reaches each thread at a point of
// its own. Method: plain data that fences alone order is a race or is none, exhaustively.
#include "exhaust.hpp"

namespace retake::test {
namespace {

struct shared {
  world::plain<int> data{0};
  word flag{0};
  word other{0};
};

enum class way {
  none,
  acquire_release,
  acq_rel,
  seq_cst,
  to_an_acquire,
  from_a_release,
  through_a_modification,
  store_before_the_fence,
  load_after_the_fence
};
template <way Way>
void hands_over() {
  shared s;
  with<shared>(s, [](shared& o) {
    o.data.set(1);
    if (Way == way::store_before_the_fence) o.flag.store_relaxed(1);
    if (Way == way::acq_rel)
      world::fence_acq_rel();
    else if (Way == way::seq_cst)
      world::fence_seq_cst();
    else if (Way != way::none && Way != way::from_a_release)
      world::fence_release();
    if (Way == way::from_a_release)
      o.flag.store_release(1);
    else if (Way != way::store_before_the_fence)
      o.flag.store_relaxed(1);
  });
  if (Way == way::through_a_modification) with<shared>(s, [](shared& o) { o.flag.compare_exchange_relaxed(1, 2); });
  std::uint32_t const wanted = Way == way::through_a_modification ? 2 : 1;
  if (Way == way::load_after_the_fence) world::fence_acquire();
  std::uint32_t const flag = Way == way::to_an_acquire ? s.flag.load_acquire() : s.flag.load_relaxed();
  if (flag == wanted) {
    if (Way == way::acq_rel)
      world::fence_acq_rel();
    else if (Way == way::seq_cst)
      world::fence_seq_cst();
    else if (Way != way::none && Way != way::to_an_acquire && Way != way::load_after_the_fence)
      world::fence_acquire();
    s.data.get();
  }
  sim::join_others();
}
std::string found_where_fences_synchronize(void (*body)()) {
  sim::scenario s = of(nullptr);
  s.fences_synchronize = true;
  return tag_of(search(body, in(c11), sim::depth_first::unbounded, s));
}
TEST(fences, make_happens_before_where_a_scenario_says_so) {
  EXPECT_EQ(found_where_fences_synchronize(&hands_over<way::acquire_release>), "");
  EXPECT_EQ(found_where_fences_synchronize(&hands_over<way::acq_rel>), "");
  EXPECT_EQ(found_where_fences_synchronize(&hands_over<way::seq_cst>), "");
  EXPECT_EQ(found_where_fences_synchronize(&hands_over<way::to_an_acquire>), "");
  EXPECT_EQ(found_where_fences_synchronize(&hands_over<way::from_a_release>), "");
  EXPECT_EQ(found_where_fences_synchronize(&hands_over<way::through_a_modification>), "");
}
TEST(fences, order_nothing_on_the_wrong_side_of_the_access) {
  EXPECT_EQ(found_where_fences_synchronize(&hands_over<way::none>), "race");
  EXPECT_EQ(found_where_fences_synchronize(&hands_over<way::store_before_the_fence>), "race");
  EXPECT_EQ(found_where_fences_synchronize(&hands_over<way::load_after_the_fence>), "race");
}
TEST(fences, are_no_happens_before_in_the_contract_of_the_runtime) {
  EXPECT_EQ(first_tag(&hands_over<way::seq_cst>, c11), "race");
  EXPECT_EQ(first_tag(&hands_over<way::acquire_release>, c11), "harness");
}

// ---- the asymmetric fence ----
word* flags;
void passes_through_all() {
  word f(0);
  flags = &f;
  for (int i = 0; i < 2; ++i) world::thread_start([](void*) { flags->store_relaxed(1); }, nullptr);
  world::asymmetric_heavy();
  sim::join_others();
}
// How often others may run before the heavy side's next step.
class counts_steps_of_heavy final : public sim::chooser {
 public:
  char const* name() const override { return "heavy"; }
  void begin(std::uint64_t) override {}
  std::uint32_t choose(sim::choice_point const& p) override {
    steps += p.kind == sim::choice_kind::thread && p.op == sim::op_kind::heavy ? 1 : 0;
    return 0;
  }
  bool end(sim::execution_summary const&) override { return false; }
  int steps = 0;
};
TEST(asymmetric, heavy_reaches_each_other_thread_in_a_step_of_its_own) {
  sim::engine e(in(c11));
  counts_steps_of_heavy c;
  EXPECT_FALSE(e.run(of(&passes_through_all), c).failed);
  EXPECT_EQ(c.steps, 4) << "before it, one for each of two threads, and after them";
}
// What was done before the heavy side began is seen by all after it returned; and the other way
// round.
template <void (*Fence)(world::site)>
void with_light() {
  shared s;
  with<shared>(s, [](shared& o) {
    o.flag.store_relaxed(1);
    world::asymmetric_light();
    seen[0] = static_cast<int>(o.other.load_relaxed());
  });
  s.other.store_relaxed(1);
  Fence(world::site::current());
  seen[1] = static_cast<int>(s.flag.load_relaxed());
  sim::join_others();
}
TEST(asymmetric, heavy_against_light_is_a_fence_and_light_against_light_is_none) {
  EXPECT_EQ(outcomes(&with_light<&world::asymmetric_heavy>, c11, 2), "01 10 11");
  EXPECT_EQ(outcomes(&with_light<&world::asymmetric_light>, c11, 2), "00 01 10 11");
}

}  // namespace
}  // namespace retake::test
