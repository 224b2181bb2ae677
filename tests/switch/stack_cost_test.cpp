// Goal: a hundred thousand stacks fit, and a canary costs nothing until it is hit. Method: count
// mappings and resident pages.
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>

#include "slab_helpers.hpp"
#include "switch/context.hpp"

namespace retake::floor {
namespace {

std::size_t resident_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(stack_slab, canaries_cost_no_memory_until_they_are_hit) {
  stack_slab slab;
  ASSERT_EQ(slab.create(options_for(guard_method::canary, 10000, 0)), 0);
  const std::size_t before = resident_bytes();
  for (std::size_t i = 0; i < slab.count(); ++i) ASSERT_TRUE(slab.check_canary(i));
  EXPECT_LT(resident_bytes(), before + 10000u * 4096 / 8);
}

// A hundred thousand, all parked at once. TSan: fewer contexts (see sanitizer.hpp on GCC 12), as
// many stacks.
#if defined(RETAKE_FLOOR_TSAN)
constexpr std::size_t contexts_alive = 500;
#else
constexpr std::size_t contexts_alive = 100000;
#endif

TEST(stack_slab, a_hundred_thousand_stacks_fit_the_default_mapping_limit) {
  constexpr std::size_t count = 100000;
  for (const guard_method strongest : {guard_method::madvise, guard_method::mprotect}) {
    stack_slab slab;
    ASSERT_EQ(slab.create(options_for(strongest, count, system_mapping_limit() / 2)), 0);
    struct crowd {
      context main;
      std::size_t running = 0;
    } all;
    struct member {
      crowd* all = nullptr;
      context self;
    };
    adopt_thread_context(all.main);
    std::unique_ptr<member[]> members(new member[contexts_alive]);
    for (std::size_t i = 0; i < contexts_alive; ++i) {
      members[i].all = &all;
      const stack_bounds s = slab.stack(count - contexts_alive + i);
      make_context(
          members[i].self, s.low, s.bytes,
          [](void* raw) {
            auto& mine = *static_cast<member*>(raw);
            ++mine.all->running;
            switch_context(mine.self, mine.all->main);
            --mine.all->running;
            switch_final(mine.self, mine.all->main);
          },
          &members[i]);
      switch_context(all.main, members[i].self);
    }
    EXPECT_EQ(all.running, contexts_alive);
    EXPECT_LE(mappings_of(slab), system_mapping_limit() / 2);
    if (slab.weakest_guard() == guard_method::madvise) { EXPECT_LE(mappings_of(slab), 2u); }
    for (std::size_t i = 0; i < contexts_alive; ++i) {
      switch_context(all.main, members[i].self);
      retire_context(members[i].self);
    }
    EXPECT_EQ(all.running, 0u);
    for (std::size_t i = 0; i < count; i += 997) EXPECT_TRUE(slab.check_canary(i));
    retire_context(all.main);
  }
}

}  // namespace
}  // namespace retake::floor
