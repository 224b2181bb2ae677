// Goal: two touches of plain data that happens-before does not order are a finding in every
// schedule, and no others are. Method: the smallest program for each, searched exhaustively.
#include "exhaust.hpp"
#include "world/memory.hpp"

namespace retake::test {
namespace {

struct shared {
  world::plain<int> data{0};
  word flag{0}, lock{0};
};

void harmless_race() {
  shared s;
  // Both write the same value, nobody reads, and no operation stands between: no schedule shows a
  // wrong value.
  with<shared>(s, [](shared& o) { o.data.set(1); });
  s.data.set(1);
  sim::join_others();
}
TEST(race, is_reported_where_no_schedule_shows_harm) {
  sim::campaign const c = search(&harmless_race, in(sc));
  EXPECT_EQ(tag_of(c), "race");
  EXPECT_EQ(c.executions, 1U);
  EXPECT_NE(std::string(c.last.what.claim).find("by M0"), std::string::npos) << c.last.what.claim;
  EXPECT_NE(std::string(c.last.what.claim).find("by M1"), std::string::npos) << c.last.what.claim;
  EXPECT_NE(std::string(c.last.what.claim).find("race_test.cpp:"), std::string::npos) << c.last.what.claim;
}
void ordered_by_lock() {
  shared s;
  auto const body = [](shared& o) {
    while (!o.lock.compare_exchange_acquire(0, 1).won) world::pause();
    o.data.set(o.data.get() + 1);
    o.lock.store_release(0);
  };
  with<shared>(s, body);
  body(s);
  sim::join_others();
  world::require(s.data.get() == 2, "count: lost");
}
TEST(race, is_not_reported_under_a_lock) {
  EXPECT_EQ(first_tag(&ordered_by_lock, sc), "");
  EXPECT_EQ(first_tag(&ordered_by_lock, c11), "");
}
void ordered_by_fence_only() {
  shared s;
  with<shared>(s, [](shared& o) {
    o.data.set(1);
    world::fence_seq_cst();
    o.flag.store_relaxed(1);
  });
  if (s.flag.load_relaxed() == 1) {
    world::fence_seq_cst();
    s.data.get();
  }
  sim::join_others();
}
TEST(race, a_fence_orders_atomics_only) { EXPECT_EQ(first_tag(&ordered_by_fence_only, c11), "race"); }
void write_after_read() {
  shared s;
  with<shared>(s, [](shared& o) {
    o.data.get();
    o.flag.store_relaxed(1);  // says that the read is over, and orders nothing
  });
  while (s.flag.load_acquire() == 0) world::pause();
  s.data.set(1);
  sim::join_others();
}
TEST(race, a_write_behind_a_read_that_is_not_ordered_is_reported) {
  EXPECT_EQ(first_tag(&write_after_read, sc), "race");
}
void release_too_early() {
  shared s;
  with<shared>(s, [](shared& o) {
    o.flag.store_release(1);
    o.data.set(1);  // behind the release that is to publish it
  });
  if (s.flag.load_acquire() == 1) s.data.get();
  sim::join_others();
}
TEST(race, a_write_behind_the_release_is_not_published) { EXPECT_EQ(first_tag(&release_too_early, sc), "race"); }
void late_construction() {
  world::atomic<word*> published(nullptr);
  with<world::atomic<word*>>(published, [](world::atomic<word*>& p) {
    auto* const w = new (world::allocate(sizeof(word))) word(5);
    p.store_relaxed(w);
  });
  if (word* const w = published.load_acquire()) w->load_relaxed();
  sim::join_others();
}
TEST(race, an_atomic_published_relaxed_races_with_its_construction) {
  EXPECT_EQ(first_tag(&late_construction, c11), "race");
}

}  // namespace
}  // namespace retake::test
