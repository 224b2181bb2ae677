// Goal.   The CPU quota is found wherever containers put it, and becomes a number of processors as
//         Go 1.25 makes it.
// Method. Trees of /proc and /sys files in a directory of the test's own; one per layout seen in
// the field.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cgroup.hpp"

namespace retake::world::detail {

namespace {

class cgroup : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/retake_cgroup_XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root = name;
  }
  void TearDown() override { std::filesystem::remove_all(root); }

  void put(std::string const& path, std::string const& text) const {
    std::filesystem::create_directories(std::filesystem::path(root + path).parent_path());
    std::ofstream(root + path) << text;
  }
  void version_2(std::string const& group, std::string const& mount_root) const {
    put("/proc/self/cgroup", "0::" + group + "\n");
    put("/proc/self/mountinfo", "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda rw\n31 22 0:27 " + mount_root +
                                    " /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
  }

  std::string root;
};

TEST_F(cgroup, without_files_there_is_no_quota) { EXPECT_FALSE(cgroup_quota(root)); }

TEST_F(cgroup, version_2_reads_cpu_max_of_the_own_group) {
  version_2("/app", "/");
  put("/sys/fs/cgroup/app/cpu.max", "150000 100000\n");
  ASSERT_TRUE(cgroup_quota(root));
  EXPECT_DOUBLE_EQ(*cgroup_quota(root), 1.5);
}

TEST_F(cgroup, version_2_max_is_no_quota) {
  version_2("/app", "/");
  put("/sys/fs/cgroup/app/cpu.max", "max 100000\n");
  EXPECT_FALSE(cgroup_quota(root));
}

TEST_F(cgroup, the_strictest_level_on_the_way_up_holds) {
  version_2("/slice/app/leaf", "/");
  put("/sys/fs/cgroup/slice/cpu.max", "300000 100000\n");
  put("/sys/fs/cgroup/slice/app/cpu.max", "max 100000\n");
  put("/sys/fs/cgroup/slice/app/leaf/cpu.max", "800000 100000\n");
  ASSERT_TRUE(cgroup_quota(root));
  EXPECT_DOUBLE_EQ(*cgroup_quota(root), 3.0);
}

TEST_F(cgroup, a_namespace_shows_its_own_root_at_the_mount_point) {
  version_2("/", "/");
  put("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  ASSERT_TRUE(cgroup_quota(root));
  EXPECT_DOUBLE_EQ(*cgroup_quota(root), 0.5);
}

TEST_F(cgroup, a_mount_of_a_part_of_the_tree_is_taken_off_the_path) {
  version_2("/docker/abc/inner", "/docker/abc");
  put("/sys/fs/cgroup/inner/cpu.max", "400000 100000\n");
  put("/sys/fs/cgroup/cpu.max", "200000 100000\n");
  ASSERT_TRUE(cgroup_quota(root));
  EXPECT_DOUBLE_EQ(*cgroup_quota(root), 2.0);
}

TEST_F(cgroup, version_1_divides_quota_by_period_and_wins_over_an_empty_version_2) {
  put("/proc/self/cgroup", "12:memory:/m\n4:cpu,cpuacct:/docker/x\n0::/ignored\n");
  put("/proc/self/mountinfo",
      "40 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
      "41 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "42 30 0:32 / /sys/fs/cgroup/cpu\\040acct rw - cgroup cgroup rw,cpu,cpuacct\n");
  put("/sys/fs/cgroup/cpu acct/docker/x/cpu.cfs_quota_us", "250000\n");
  put("/sys/fs/cgroup/cpu acct/docker/x/cpu.cfs_period_us", "100000\n");
  put("/sys/fs/cgroup/cpu acct/cpu.cfs_quota_us", "-1\n");
  put("/sys/fs/cgroup/cpu acct/cpu.cfs_period_us", "100000\n");
  ASSERT_TRUE(cgroup_quota(root));
  EXPECT_DOUBLE_EQ(*cgroup_quota(root), 2.5);
}

TEST_F(cgroup, nonsense_in_the_files_is_no_quota) {
  version_2("/app", "/");
  put("/sys/fs/cgroup/app/cpu.max", "0 0\n");
  EXPECT_FALSE(cgroup_quota(root));
  put("/sys/fs/cgroup/app/cpu.max", "");
  EXPECT_FALSE(cgroup_quota(root));
  put("/proc/self/cgroup", "garbage\n::\n0:\n");
  EXPECT_FALSE(cgroup_quota(root));
}

TEST(processors, a_quota_is_rounded_up_never_below_two_never_above_the_affinity) {
  EXPECT_EQ(limited_processors(64, std::nullopt), 64);
  EXPECT_EQ(limited_processors(64, 2.5), 3);
  EXPECT_EQ(limited_processors(64, 3.0), 3);
  EXPECT_EQ(limited_processors(64, 0.5), 2);
  EXPECT_EQ(limited_processors(1, 0.5), 1);
  EXPECT_EQ(limited_processors(4, 1e12), 4);
}

}  // namespace

}  // namespace retake::world::detail
