// Goal: slabs of stacks are laid out and guarded as they say. Method: each guard method by name,
// addresses, /proc/self/maps.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>

#include "slab_helpers.hpp"
#include "switch/context.hpp"

namespace retake::floor {
namespace {

TEST(stack_slab, stacks_are_disjoint_writable_and_found_by_address) {
  for (const guard_method method : {guard_method::canary, guard_method::mprotect, guard_method::madvise}) {
    stack_slab slab;
    ASSERT_EQ(slab.create(options_for(method, 5, 100)), 0);
    const char* previous_end = nullptr;
    for (std::size_t i = 0; i < slab.count(); ++i) {
      const stack_bounds s = slab.stack(i);
      auto* low = static_cast<char*>(s.low);
      EXPECT_EQ(s.bytes, 64u * 1024);
      EXPECT_GT(low, previous_end);
      low[0] = 1;
      low[s.bytes - 1] = 1;
      for (const char* inside : {low, low + s.bytes - 1}) {
        const stack_location at = slab.contains(inside);
        EXPECT_TRUE(at.inside && !at.in_guard && at.index == i);
      }
      const stack_location below = slab.contains(low - 1);
      EXPECT_TRUE(below.inside && below.in_guard && below.index == i);
      EXPECT_TRUE(slab.check_canary(i));
      previous_end = low + s.bytes;
    }
    EXPECT_FALSE(slab.contains(previous_end).inside);
    EXPECT_FALSE(slab.contains(&slab).inside);
  }
}

TEST(stack_slab, impossible_numbers_are_refused_with_a_value) {
  stack_slab slab;
  EXPECT_EQ(slab.create(options_for(guard_method::canary, 0, 0)), -EINVAL);
  EXPECT_EQ(slab.create(options_for(guard_method::canary, SIZE_MAX / 2, 0)), -EINVAL);
  stack_slab_options o = options_for(guard_method::canary, 1, 0);
  o.stack_bytes = 0;
  EXPECT_EQ(slab.create(o), -EINVAL);
  o.stack_bytes = SIZE_MAX;
  EXPECT_EQ(slab.create(o), -EINVAL);
#if !defined(RETAKE_FLOOR_TSAN)  // TSan's mmap dies where the kernel says ENOMEM
  o.stack_bytes = (std::size_t{1} << 46) - 8192;
  const int error = slab.create(o);
  EXPECT_TRUE(error == -ENOMEM || error == 0);  // 64 TiB fit into the address space, or not
  slab.destroy();
#endif
  ASSERT_EQ(slab.create(options_for(guard_method::canary, 1, 0)), 0);
  EXPECT_EQ(slab.create(options_for(guard_method::canary, 1, 0)), -EINVAL);  // exists already
}

TEST(stack_slab, mprotect_stays_within_the_mapping_budget_and_the_rest_gets_canaries) {
  stack_slab slab;
  ASSERT_EQ(slab.create(options_for(guard_method::mprotect, 100, 50)), 0);
  EXPECT_EQ(mappings_of(slab), 50u);
  EXPECT_EQ(slab.guard_of(0), guard_method::mprotect);
  EXPECT_EQ(slab.guard_of(24), guard_method::mprotect);
  EXPECT_EQ(slab.guard_of(25), guard_method::canary);
  EXPECT_EQ(slab.weakest_guard(), guard_method::canary);
  EXPECT_STREQ(guard_method_name(slab.weakest_guard()), "canary");
}

TEST(stack_slab, the_budget_has_a_system_limit) { EXPECT_GE(system_mapping_limit(), 1000u); }

}  // namespace
}  // namespace retake::floor
