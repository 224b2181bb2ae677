// Goal: the end of an atomic, of a plain and of memory is a write: every touch by another thread
// happens before it, or it is a race, in both memory modes; and what comes after it is
// use_after_free. Method: the smallest program for each, searched exhaustively; each twin that
// orders the end has no finding.
#include "exhaust.hpp"
#include "world/memory.hpp"

namespace retake::test {
namespace {

std::string first_claim(void (*body)(), sim::memory_mode memory) {
  sim::campaign const c = search(body, in(memory));
  return c.failed ? c.last.what.claim : c.exhausted ? "" : "not exhausted";
}
void expect_race(void (*body)(), char const* later, char const* earlier) {
  for (sim::memory_mode const m : {sc, c11}) {
    std::string const claim = first_claim(body, m);
    EXPECT_EQ(claim.rfind(std::string("race: ") + later, 0), 0U) << claim;
    EXPECT_NE(claim.find(std::string("and ") + earlier), std::string::npos) << claim;
    EXPECT_NE(claim.find("lifetime_test.cpp:"), std::string::npos) << claim;
    EXPECT_NE(claim.find("lifetime_test.cpp:", claim.find(" and ")), std::string::npos) << claim;
  }
}
void expect_nothing(void (*body)()) {
  EXPECT_EQ(first_claim(body, sc), "");
  EXPECT_EQ(first_claim(body, c11), "");
}

// ---- the last holder destroys ----

enum class order { relaxed, release_only, both };

template <order Order>
std::uint32_t give_up(word& uses) {
  if constexpr (Order == order::relaxed) return uses.fetch_sub_relaxed(1);
  if constexpr (Order == order::release_only) return uses.fetch_sub_release(1);
  return uses.fetch_sub_acq_rel(1);
}
template <class T, order Order>
void counted() {
  struct object {
    T held{0};
    word uses{2};
    static void drop(object& o) {
      if constexpr (std::is_same_v<T, word>) {
        o.held.load_relaxed();
      } else {
        o.held.get();
      }
      if (give_up<Order>(o.uses) != 1) return;
      o.~object();
      world::deallocate(&o, sizeof(object));
    }
  };
  auto* const o = new (world::allocate(sizeof(object))) object;
  with<object>(*o, &object::drop);
  object::drop(*o);
  sim::join_others();
}
TEST(end_of_life, of_a_counted_object_races_when_the_count_is_relaxed) {
  expect_race(&counted<world::plain<int>, order::relaxed>, "end by M", "rmw by M");
  expect_race(&counted<word, order::relaxed>, "end by M", "rmw by M");
}
TEST(end_of_life, of_a_counted_object_races_when_its_last_holder_does_not_acquire) {
  expect_race(&counted<word, order::release_only>, "end by M", "rmw by M");
}
TEST(end_of_life, of_a_counted_object_is_in_order_when_the_count_is) {
  expect_nothing(&counted<world::plain<int>, order::both>);
  expect_nothing(&counted<word, order::both>);
}

// ---- each kind of touch, said to be over by a flag ----

enum class touch { load, store, add, won, lost, wait_changed, wait_timed_out, read, write };

struct pair {
  word data{0};
  world::plain<int> value{0};
};
struct job {
  pair* object;
  word over{0};
};

template <touch Touch>
void touched(pair& o) {
  if constexpr (Touch == touch::load) o.data.load_relaxed();
  if constexpr (Touch == touch::store) o.data.store_relaxed(1);
  if constexpr (Touch == touch::add) o.data.fetch_add_relaxed(1);
  if constexpr (Touch == touch::won) static_cast<void>(o.data.compare_exchange_relaxed(0, 1));
  if constexpr (Touch == touch::lost) static_cast<void>(o.data.compare_exchange_relaxed(5, 1));
  if constexpr (Touch == touch::wait_changed) world::futex_wait(o.data, 5);
  if constexpr (Touch == touch::wait_timed_out) world::futex_wait_until(o.data, 0, 1'000);
  if constexpr (Touch == touch::read) o.value.get();
  if constexpr (Touch == touch::write) o.value.set(1);
}
enum class how { destroyed, deallocated };

template <touch Touch, how How, bool Released>
void ended() {
  job j{new (world::allocate(sizeof(pair))) pair};
  with<job>(j, [](job& o) {
    touched<Touch>(*o.object);
    Released ? o.over.store_release(1) : o.over.store_relaxed(1);
  });
  while (j.over.load_acquire() == 0) world::pause();
  if (How == how::destroyed) j.object->~pair();
  world::deallocate(j.object, sizeof(pair));
  sim::join_others();
}
template <touch Touch>
void expect_judged(char const* earlier) {
  expect_race(&ended<Touch, how::destroyed, false>, "end by M0 after ", earlier);
  expect_race(&ended<Touch, how::deallocated, false>, "deallocation by M0 in ", earlier);
  expect_nothing(&ended<Touch, how::destroyed, true>);
  expect_nothing(&ended<Touch, how::deallocated, true>);
}
TEST(end_of_life, comes_after_every_load) { expect_judged<touch::load>("load by M1"); }
TEST(end_of_life, comes_after_every_store) { expect_judged<touch::store>("store by M1"); }
TEST(end_of_life, comes_after_every_read_modify_write) { expect_judged<touch::add>("rmw by M1"); }
TEST(end_of_life, comes_after_every_compare_exchange_lost_or_won) {
  expect_judged<touch::won>("cas by M1");
  expect_judged<touch::lost>("cas by M1");
}
TEST(end_of_life, comes_after_every_look_of_a_futex_wait) {
  expect_judged<touch::wait_changed>("futex_wait by M1");
  expect_judged<touch::wait_timed_out>("futex_wait by M1");
}
TEST(end_of_life, comes_after_every_plain_touch) {
  expect_judged<touch::read>("read by M1");
  expect_judged<touch::write>("write by M1");
}

// Who unlocks may still wake when the next holder has freed the lock: the kernel gets an address.
void wakes_what_has_ended() {
  auto* const w = new (world::allocate(sizeof(word))) word(1);
  with<word>(*w, [](word& o) {
    o.store_release(0);
    world::futex_wake(o, 1);
  });
  while (w->load_acquire() != 0) world::pause();
  w->~word();
  world::deallocate(w, sizeof(word));
  sim::join_others();
}
// Nothing orders the touch and the end: whichever of them comes first, the execution has a finding.
template <touch Touch>
void touched_and_ended() {
  auto* const o = new (world::allocate(sizeof(pair))) pair;
  with<pair>(*o, &touched<Touch>);
  sim::op(sim::op_kind::kernel, 0);
  o->~pair();
  sim::join_others();
}
template <touch Touch>
void expect_a_finding_in_each_order() {
  sim::engine e(in(c11));
  sim::scenario const s = of(&touched_and_ended<Touch>);
  sim::random_walk random(1);
  std::set<std::string> tags;
  for (std::uint64_t i = 0; i < 100; ++i) {
    random.begin(i);
    sim::execution const& x = e.run(s, random);
    EXPECT_TRUE(x.failed) << "execution " << i;
    tags.insert(x.what.tag);
  }
  EXPECT_EQ(tags, (std::set<std::string>{"race", "use_after_free"}));
}
TEST(end_of_life, between_the_choice_of_a_touch_and_the_touch_is_found) {
  expect_a_finding_in_each_order<touch::load>();
  expect_a_finding_in_each_order<touch::store>();
  expect_a_finding_in_each_order<touch::add>();
  expect_a_finding_in_each_order<touch::won>();
}

TEST(end_of_life, need_not_come_after_a_wake) { expect_nothing(&wakes_what_has_ended); }

// ---- memory ----

// The object ended in its thread, and nothing orders that before the memory is given back.
template <class T, bool Released>
void ended_elsewhere() {
  struct room {
    T* object;
    word over{0};
  };
  room r{new (world::allocate(sizeof(T))) T(0)};
  with<room>(r, [](room& o) {
    o.over.load_relaxed();
    o.object->~T();
    Released ? o.over.store_release(1) : o.over.store_relaxed(1);
  });
  while (r.over.load_acquire() == 0) world::pause();
  world::deallocate(r.object, sizeof(T));
  sim::join_others();
}
TEST(end_of_life, of_memory_comes_after_the_end_of_what_lived_there) {
  expect_race(&ended_elsewhere<word, false>, "deallocation by M0", "end by M1");
  expect_race(&ended_elsewhere<world::plain<int>, false>, "deallocation by M0", "end by M1");
  expect_nothing(&ended_elsewhere<word, true>);
  expect_nothing(&ended_elsewhere<world::plain<int>, true>);
}

// The touched one lies far inside of a large block, behind others.
void inside_of_a_block() {
  struct block {
    unsigned char before[3000];
    word many[20]{word{0}, word{1}, word{2}, word{3}, word{4}, word{5}, word{6}, word{7}, word{8}, word{9},
                  word{0}, word{1}, word{2}, word{3}, word{4}, word{5}, word{6}, word{7}, word{8}, word{9}};
    unsigned char behind[3000];
  };
  auto* const b = new (world::allocate(sizeof(block))) block;
  struct both {
    word* inner;
    word over{0};
  } j{&b->many[7]};
  with<both>(j, [](both& o) {
    o.inner->load_relaxed();
    o.over.store_relaxed(1);
  });
  while (j.over.load_acquire() == 0) world::pause();
  world::deallocate(b, sizeof(block));
  sim::join_others();
}
TEST(end_of_life, of_memory_ends_all_that_lives_in_it) {
  expect_race(&inside_of_a_block, "deallocation by M0", "load by M1");
}

enum class back { put, pages, destroyed };

// An object on a goroutine's stack, which is given back.
template <back Back, bool Released>
void on_a_stack() {
  world::stack_source stacks(16 * 1024);
  world::stack s{};
  world::require(stacks.get(s) == 0, "stack: none");
  job j{new (static_cast<char*>(s.low) + 8192) pair};
  with<job>(j, [](job& o) {
    o.object->data.load_relaxed();
    Released ? o.over.store_release(1) : o.over.store_relaxed(1);
  });
  while (j.over.load_acquire() == 0) world::pause();
  if (Back == back::put) stacks.put(s);
  if (Back == back::pages) world::give_back_pages(s.low, s.bytes);
  if (Back == back::destroyed) stacks.~stack_source();
  sim::join_others();
  if (Back == back::destroyed) new (&stacks) world::stack_source(16 * 1024);
}
TEST(end_of_life, of_a_stack_ends_what_lives_on_it) {
  expect_race(&on_a_stack<back::put, false>, "end by M0", "load by M1");
  expect_race(&on_a_stack<back::pages, false>, "return of the pages by M0", "load by M1");
  expect_race(&on_a_stack<back::destroyed, false>, "end by M0", "load by M1");
  expect_nothing(&on_a_stack<back::put, true>);
  expect_nothing(&on_a_stack<back::pages, true>);
  expect_nothing(&on_a_stack<back::destroyed, true>);
}

// ---- after the end ----

void freed() {
  auto* const w = new (world::allocate(sizeof(word))) word(5);
  with<word>(*w, [](word& o) { o.store_relaxed(1); });
  world::deallocate(w, sizeof(word));
  sim::join_others();
}
void destroyed() {
  alignas(word) static unsigned char room[sizeof(word)];
  auto* const w = new (room) word(5);
  with<word>(*w, [](word& o) { o.store_relaxed(1); });
  w->~word();
  sim::join_others();
}
void reborn() {
  alignas(word) static unsigned char room[sizeof(word)];
  auto* const w = new (room) word(5);
  w->~word();
  auto* const again = new (room) word(6);
  world::require(again->load_relaxed() == 6, "reborn: an old value");
  again->~word();
}
void freed_twice() {
  void* const p = world::allocate(32);
  world::deallocate(p, 32);
  world::deallocate(p, 32);
}
TEST(use_after_free, is_reported) {
  EXPECT_EQ(first_tag(&freed, sc), "use_after_free");
  EXPECT_EQ(first_tag(&destroyed, sc), "use_after_free");
  EXPECT_EQ(first_tag(&freed_twice, sc), "use_after_free");
  EXPECT_EQ(first_tag(&reborn, sc), "");
}
// The compiler, which may take what a destructor leaves for undefined, does not see through the
// pointer.
template <class T>
void (*volatile end_it)(T*) = [](T* object) { object->~T(); };
template <class T>
void ended_twice() {
  auto* const object = new (world::allocate(sizeof(T))) T(5);
  end_it<T>(object);
  end_it<T>(object);
}
template <class T>
void ended_after_its_memory() {
  auto* const object = new (world::allocate(sizeof(T))) T(5);
  world::deallocate(object, sizeof(T));
  end_it<T>(object);
}
void touched_on_a_stack_that_was_put_back() {
  world::stack_source stacks(16 * 1024);
  world::stack s{};
  world::require(stacks.get(s) == 0, "stack: none");
  auto* const w = new (s.low) word(5);
  stacks.put(s);
  w->load_relaxed();
}
TEST(use_after_free, a_second_end_is_one) {
  EXPECT_EQ(first_claim(&ended_twice<word>, sc), "use_after_free: an atomic ends twice");
  EXPECT_EQ(first_claim(&ended_twice<world::plain<int>>, sc), "use_after_free: a plain ends twice");
  EXPECT_EQ(first_claim(&ended_after_its_memory<word>, sc),
            "use_after_free: an atomic ends after its memory was deallocated");
  EXPECT_EQ(first_claim(&ended_after_its_memory<world::plain<int>>, sc),
            "use_after_free: a plain ends after its memory was deallocated");
}
TEST(use_after_free, is_reported_on_a_stack_that_was_put_back) {
  EXPECT_EQ(first_tag(&touched_on_a_stack_that_was_put_back, sc), "use_after_free");
}

}  // namespace
}  // namespace retake::test
