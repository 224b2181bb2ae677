// Goal: the memory model of --memory=c11 allows what C++20 allows and forbids what it forbids, for
// the classic shapes; --memory=sc is sequential consistency. Method: every schedule and every read,
// exhaustively; the set of outcomes is compared with the standard's.
#include "exhaust.hpp"

namespace retake::test {
namespace {

struct two {
  word x{0}, y{0};
};

// ---- store buffering: seen = what each thread read of the other's ----
template <int Left, int Right>  // 0: nothing, 1: fence, 2: seq_cst accesses
void store_buffering() {
  two t;
  with<two>(t, [](two& o) {
    if (Right == 2) {
      o.y.store_seq_cst(1);
      seen[1] = static_cast<int>(o.x.load_seq_cst());
    } else {
      o.y.store_release(1);
      if (Right == 1) world::fence_seq_cst();
      seen[1] = static_cast<int>(o.x.load_acquire());
    }
  });
  if (Left == 2) {
    t.x.store_seq_cst(1);
    seen[0] = static_cast<int>(t.y.load_seq_cst());
  } else {
    t.x.store_release(1);
    if (Left == 1) world::fence_seq_cst();
    seen[0] = static_cast<int>(t.y.load_acquire());
  }
  sim::join_others();
}

TEST(store_buffering, without_fences_both_miss_in_c11_only) {
  EXPECT_EQ(outcomes(&store_buffering<0, 0>, c11, 2), "00 01 10 11");
  EXPECT_EQ(outcomes(&store_buffering<0, 0>, sc, 2), "01 10 11");
}
TEST(store_buffering, fences_on_both_sides_forbid_it) {
  EXPECT_EQ(outcomes(&store_buffering<1, 1>, c11, 2), "01 10 11");
}
TEST(store_buffering, one_fence_is_none) {
  EXPECT_EQ(outcomes(&store_buffering<1, 0>, c11, 2), "00 01 10 11");
  EXPECT_EQ(outcomes(&store_buffering<0, 1>, c11, 2), "00 01 10 11");
}
TEST(store_buffering, seq_cst_accesses_forbid_it) { EXPECT_EQ(outcomes(&store_buffering<2, 2>, c11, 2), "01 10 11"); }
TEST(store_buffering, seq_cst_accesses_against_a_fence_forbid_it) {
  EXPECT_EQ(outcomes(&store_buffering<2, 1>, c11, 2), "01 10 11");
  EXPECT_EQ(outcomes(&store_buffering<1, 2>, c11, 2), "01 10 11");
}
TEST(store_buffering, seq_cst_on_one_side_is_none) {
  EXPECT_EQ(outcomes(&store_buffering<2, 0>, c11, 2), "00 01 10 11");
}

void asymmetric_dekker() {
  two t;
  with<two>(t, [](two& o) {
    o.y.store_relaxed(1);
    world::asymmetric_heavy();
    seen[1] = static_cast<int>(o.x.load_relaxed());
  });
  t.x.store_relaxed(1);
  world::asymmetric_light();
  seen[0] = static_cast<int>(t.y.load_relaxed());
  sim::join_others();
}
TEST(asymmetric, heavy_on_one_side_serves_both) { EXPECT_EQ(outcomes(&asymmetric_dekker, c11, 2), "01 10 11"); }

// ---- message passing: seen = flag, data ----
enum class how { relaxed, relaxed_load, release, rmw_between, store_between, fences };
template <how How>
void message_passing() {
  two t;  // x: data, y: flag
  with<two>(t, [](two& o) {
    o.x.store_relaxed(1);
    if (How == how::relaxed) {
      o.y.store_relaxed(1);
    } else if (How == how::fences) {
      world::fence_seq_cst();
      o.y.store_relaxed(1);
    } else {
      o.y.store_release(1);
    }
    if (How == how::store_between) o.y.store_relaxed(2);
  });
  if (How == how::rmw_between) {
    with<two>(t, [](two& o) { o.y.compare_exchange_relaxed(1, 2); });
    seen[0] = static_cast<int>(t.y.load_acquire());
    seen[0] = seen[0] == 2 ? 1 : 0;
  } else if (How == how::relaxed || How == how::store_between) {
    seen[0] = static_cast<int>(t.y.load_acquire());
  } else if (How == how::relaxed_load) {
    seen[0] = static_cast<int>(t.y.load_relaxed());
  } else if (How == how::fences) {
    seen[0] = static_cast<int>(t.y.load_relaxed());
    world::fence_seq_cst();
  } else {
    seen[0] = static_cast<int>(t.y.load_acquire());
  }
  seen[1] = static_cast<int>(t.x.load_relaxed());
  sim::join_others();
}
TEST(message_passing, release_and_acquire_carry_the_data) {
  EXPECT_EQ(outcomes(&message_passing<how::release>, c11, 2), "00 01 11");
}
TEST(message_passing, relaxed_does_not) {
  EXPECT_EQ(outcomes(&message_passing<how::relaxed>, c11, 2), "00 01 10 11");
  EXPECT_EQ(outcomes(&message_passing<how::relaxed_load>, c11, 2), "00 01 10 11");
  EXPECT_EQ(outcomes(&message_passing<how::relaxed>, sc, 2), "00 01 11");
}
TEST(message_passing, a_relaxed_rmw_continues_the_release_sequence) {
  EXPECT_EQ(outcomes(&message_passing<how::rmw_between>, c11, 2), "00 01 11");
}
TEST(message_passing, a_relaxed_store_of_the_same_thread_does_not_since_cpp20) {
  EXPECT_EQ(outcomes(&message_passing<how::store_between>, c11, 2), "00 01 11 20 21");
}
TEST(message_passing, seq_cst_fences_order_the_atomics) {
  EXPECT_EQ(outcomes(&message_passing<how::fences>, c11, 2), "00 01 11");
}

// ---- coherence ----
void read_read() {
  two t;
  with<two>(t, [](two& o) {
    o.x.store_relaxed(1);
    o.x.store_relaxed(2);
  });
  seen[0] = static_cast<int>(t.x.load_relaxed());
  seen[1] = static_cast<int>(t.x.load_relaxed());
  sim::join_others();
}
TEST(coherence, reads_never_go_back) { EXPECT_EQ(outcomes(&read_read, c11, 2), "00 01 02 11 12 22"); }

void write_read() {
  two t;
  with<two>(t, [](two& o) { o.x.store_relaxed(2); });
  t.x.store_relaxed(1);
  seen[0] = static_cast<int>(t.x.load_relaxed());
  sim::join_others();
}
TEST(coherence, a_thread_reads_its_own_write_or_a_later_one) { EXPECT_EQ(outcomes(&write_read, c11, 1), "1 2"); }

void read_through_another() {
  two t;
  with<two>(t, [](two& o) { o.x.store_relaxed(1); });
  with<two>(t, [](two& o) {
    seen[0] = static_cast<int>(o.x.load_relaxed());
    o.y.store_release(1);
  });
  seen[1] = static_cast<int>(t.y.load_acquire());
  seen[2] = static_cast<int>(t.x.load_relaxed());
  sim::join_others();
}
TEST(coherence, what_another_read_before_its_release_is_a_floor) {
  EXPECT_EQ(outcomes(&read_through_another, c11, 3), "000 001 010 011 100 101 111");
}

void failed_exchange() {
  two t;
  with<two>(t, [](two& o) { o.x.store_relaxed(1); });
  auto const r = t.x.compare_exchange_relaxed(1, 3);
  seen[0] = r.won ? 1 : 0;
  seen[1] = static_cast<int>(r.seen);
  sim::join_others();
  seen[2] = static_cast<int>(t.x.load_relaxed());
}
TEST(coherence, a_compare_exchange_may_fail_on_an_old_value_and_wins_on_the_newest_only) {
  EXPECT_EQ(outcomes(&failed_exchange, c11, 3), "001 113");
}
void failed_exchange_seen_old() {
  two t;
  with<two>(t, [](two& o) {
    o.x.store_relaxed(1);
    o.y.store_relaxed(1);
  });
  seen[0] = static_cast<int>(t.y.load_relaxed());
  seen[1] = t.x.compare_exchange_relaxed(1, 3).won ? 1 : 0;
  sim::join_others();
}
TEST(coherence, an_exchange_can_fail_although_the_value_has_arrived) {
  EXPECT_EQ(outcomes(&failed_exchange_seen_old, c11, 2), "00 01 10 11");
  EXPECT_EQ(outcomes(&failed_exchange_seen_old, sc, 2), "00 01 11");
}

void counting() {
  two t;
  with<two>(t, [](two& o) { seen[0] = static_cast<int>(o.x.fetch_add_relaxed(1)); });
  seen[1] = static_cast<int>(t.x.fetch_add_relaxed(1));
  sim::join_others();
  seen[2] = static_cast<int>(t.x.load_relaxed());
}
TEST(coherence, relaxed_counters_lose_nothing) { EXPECT_EQ(outcomes(&counting, c11, 3), "012 102"); }

// ---- 2+2W: in the outcome 11 both first stores are the last ones ----
void two_plus_two() {
  two t;
  with<two>(t, [](two& o) {
    o.y.store_relaxed(1);
    o.x.store_relaxed(2);
  });
  t.x.store_relaxed(1);
  t.y.store_relaxed(2);
  sim::join_others();
  seen[0] = static_cast<int>(t.x.load_relaxed());
  seen[1] = static_cast<int>(t.y.load_relaxed());
}
TEST(two_plus_two_writes, a_store_can_take_an_earlier_place) {
  EXPECT_EQ(outcomes(&two_plus_two, c11, 2), "11 12 21 22");
  EXPECT_EQ(outcomes(&two_plus_two, sc, 2), "12 21 22");
  sim::options newest = in(c11);
  newest.placements_max = 0;
  EXPECT_EQ(outcomes(&two_plus_two, newest, 2), "12 21 22");
}

// A read-modify-write follows the store that it reads, wherever that stands, and nothing comes
// between them.
template <int Lone>  // 0: adds, 1: exchanges, 2: compares and exchanges
void modifies_before_a_store() {
  two t;
  with<two>(t, [](two& o) {
    o.x.store_relaxed(5);
    o.y.store_relaxed(1);
  });
  seen[0] = static_cast<int>(t.y.load_relaxed());
  seen[1] = Lone == 0                                ? static_cast<int>(t.x.fetch_add_relaxed(1))
            : Lone == 1                              ? static_cast<int>(t.x.exchange_relaxed(1))
            : t.x.compare_exchange_relaxed(0, 1).won ? 0
                                                     : 5;
  sim::join_others();
  seen[2] = static_cast<int>(t.x.load_relaxed());
}
TEST(read_modify_writes, can_stand_before_a_store_that_was_executed_earlier) {
  EXPECT_EQ(outcomes(&modifies_before_a_store<0>, c11, 3), "005 056 105 156");
  EXPECT_EQ(outcomes(&modifies_before_a_store<1>, c11, 3), "005 051 105 151");
  EXPECT_EQ(outcomes(&modifies_before_a_store<2>, c11, 3), "005 055 105 155");
}
void store_against_two_modifications() {
  two t;
  with<two>(t, [](two& o) {
    o.x.fetch_add_relaxed(1);
    o.x.fetch_add_relaxed(1);
    o.y.store_relaxed(1);
  });
  seen[0] = static_cast<int>(t.y.load_relaxed());
  t.x.store_relaxed(5);
  sim::join_others();
  seen[1] = static_cast<int>(t.x.load_relaxed());
}
TEST(read_modify_writes, let_no_store_between_them_and_what_they_read) {
  EXPECT_EQ(outcomes(&store_against_two_modifications, c11, 2), "05 06 07 15");
}

// ---- weak compare_exchange ----
template <bool Weak>
void exchanges_alone() {
  two t;
  auto const r = Weak ? t.x.compare_exchange_weak_acquire(0, 1) : t.x.compare_exchange_acquire(0, 1);
  seen[0] = r.won ? 1 : 0;
  seen[1] = static_cast<int>(r.seen);
}
TEST(weak_compare_exchange, may_fail_on_the_value_that_it_expects) {
  EXPECT_EQ(outcomes(&exchanges_alone<true>, c11, 2), "00 10");
  EXPECT_EQ(outcomes(&exchanges_alone<true>, sc, 2), "00 10");
  EXPECT_EQ(outcomes(&exchanges_alone<false>, c11, 2), "10");
  sim::options never = in(c11);
  never.weak_failures_max = 0;
  EXPECT_EQ(outcomes(&exchanges_alone<true>, never, 2), "10");
}
void exchanges_weakly_in_a_loop() {
  two t;
  with<two>(t, [](two& o) {
    while (!o.x.compare_exchange_weak_relaxed(0, 1).won) world::pause();
  });
  sim::join_others();
  seen[0] = static_cast<int>(t.x.load_relaxed());
}
TEST(weak_compare_exchange, in_a_loop_ends) { EXPECT_EQ(outcomes(&exchanges_weakly_in_a_loop, c11, 1), "1"); }

// ---- S is not the order of execution ----
void seq_cst_store_after_its_load() {
  two t;
  with<two>(t, [](two& o) {
    o.x.store_seq_cst(1);
    o.y.store_relaxed(1);
  });
  seen[0] = static_cast<int>(t.y.load_relaxed());
  seen[1] = static_cast<int>(t.x.load_seq_cst());
  sim::join_others();
}
TEST(seq_cst, a_load_may_come_before_a_store_that_was_executed_earlier) {
  EXPECT_EQ(outcomes(&seq_cst_store_after_its_load, c11, 2), "00 01 10 11");
}

// ---- load buffering: not modelled ----
void load_buffering() {
  two t;
  with<two>(t, [](two& o) {
    seen[0] = static_cast<int>(o.x.load_relaxed());
    o.y.store_relaxed(1);
  });
  seen[1] = static_cast<int>(t.y.load_relaxed());
  t.x.store_relaxed(1);
  sim::join_others();
}
TEST(load_buffering, is_not_modelled) { EXPECT_EQ(outcomes(&load_buffering, c11, 2), "00 01 10"); }

// ---- history ----
void many_stores() {
  two t;
  with<two>(t, [](two& o) {
    for (std::uint32_t i = 1; i <= 5; ++i) o.x.store_relaxed(i);
    o.y.store_relaxed(1);
  });
  seen[1] = static_cast<int>(t.y.load_relaxed());
  seen[0] = static_cast<int>(t.x.load_relaxed());
  sim::join_others();
}
TEST(history, its_length_bounds_how_old_a_read_can_be) {
  EXPECT_EQ(outcomes(&many_stores, c11, 2, 2), "00 10 20 30 40 41 50 51");
  EXPECT_EQ(outcomes(&many_stores, c11, 2, 3), "00 10 20 30 31 40 41 50 51");
  EXPECT_EQ(outcomes(&many_stores, c11, 2, 8), "00 01 10 11 20 21 30 31 40 41 50 51");
}

// ---- IRIW by independent readers ----
struct four {
  word x{0}, y{0};
};
template <bool Strong>
void iriw() {
  four t;
  with<four>(t, [](four& o) { Strong ? o.x.store_seq_cst(1) : o.x.store_release(1); });
  with<four>(t, [](four& o) { Strong ? o.y.store_seq_cst(1) : o.y.store_release(1); });
  with<four>(t, [](four& o) {
    seen[0] = static_cast<int>(Strong ? o.x.load_seq_cst() : o.x.load_acquire());
    seen[1] = static_cast<int>(Strong ? o.y.load_seq_cst() : o.y.load_acquire());
  });
  seen[2] = static_cast<int>(Strong ? t.y.load_seq_cst() : t.y.load_acquire());
  seen[3] = static_cast<int>(Strong ? t.x.load_seq_cst() : t.x.load_acquire());
  sim::join_others();
}
void iriw_must_agree() {
  iriw<false>();
  world::require(!(seen[0] == 1 && seen[1] == 0 && seen[2] == 1 && seen[3] == 0), "iriw: the readers disagree");
}
TEST(iriw, acquire_lets_readers_disagree_in_c11_only) {
  EXPECT_EQ(tag_of(search(&iriw_must_agree, in(c11), 1)), "iriw");
  EXPECT_EQ(tag_of(search(&iriw_must_agree, in(sc), 3)), "");
}
TEST(iriw, seq_cst_does_not) {
  depth_first_of_visible d;
  EXPECT_EQ(outcomes_by(d, &iriw<true>, in(c11), 4).find("1010"), std::string::npos);
}

// ---- fences and third parties ----
struct three {
  word x{0}, y{0}, z{0};
};
void read_write_causality() {
  three t;
  with<three>(t, [](three& o) { o.x.store_relaxed(1); });
  with<three>(t, [](three& o) {
    seen[0] = static_cast<int>(o.x.load_relaxed());
    world::fence_seq_cst();
    seen[1] = static_cast<int>(o.y.load_relaxed());
  });
  t.y.store_relaxed(1);
  world::fence_seq_cst();
  seen[2] = static_cast<int>(t.x.load_relaxed());
  sim::join_others();
  world::require(!(seen[0] == 1 && seen[1] == 0 && seen[2] == 0), "rwc: a read before a fence was forgotten");
}
TEST(fences, what_was_read_before_a_fence_is_seen_behind_a_later_one) {
  EXPECT_EQ(tag_of(search(&read_write_causality, in(c11), 3)), "");
}

template <bool Released>
void fence_travels() {
  three t;
  with<three>(t, [](three& o) {
    o.x.store_relaxed(1);
    world::fence_seq_cst();
    seen[0] = static_cast<int>(o.y.load_relaxed());
  });
  with<three>(t, [](three& o) {
    o.y.store_relaxed(1);
    world::fence_seq_cst();
    Released ? o.z.store_release(1) : o.z.store_relaxed(1);
  });
  seen[1] = static_cast<int>(t.z.load_acquire());
  seen[2] = static_cast<int>(t.x.load_relaxed());
  sim::join_others();
  world::require(!(seen[0] == 0 && seen[1] == 1 && seen[2] == 0), "travel: a fence's view did not come along");
}
TEST(fences, their_views_travel_with_release_and_acquire_and_not_without) {
  EXPECT_EQ(tag_of(search(&fence_travels<true>, in(c11), 3)), "");
  EXPECT_EQ(tag_of(search(&fence_travels<false>, in(c11), 3)), "travel");
}

}  // namespace
}  // namespace retake::test
