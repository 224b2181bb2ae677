// Folders and names of the real system, in a folder of the test's own.
#include "retake/folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "../program.hpp"

namespace retake::test {
namespace {

using entries = std::vector<std::pair<std::string, entry_kind>>;

entries listed(std::string const& path) {
  entries found;
  const auto list = list_folder(path);
  EXPECT_TRUE(list) << list.error().message();
  if (!list) return found;
  for (folder_entry const& one : *list) found.emplace_back(one.name, one.kind);
  return found;
}

TEST(folder, is_made_listed_renamed_and_removed) {
  std::string root = testing::TempDir() + "retake_folder_XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  run_on(2, [&] {
    EXPECT_EQ(listed(root), entries{});
    EXPECT_FALSE(make_folder(root + "/b"));
    EXPECT_EQ(make_folder(root + "/b"), std::errc::file_exists);
    EXPECT_EQ(make_folder(root + "/x/y"), std::errc::no_such_file_or_directory);
    EXPECT_FALSE(make_folders(root + "/c/d/e"));
    EXPECT_FALSE(make_folders(root + "/c/d/e"));
    std::ofstream(root + "/a") << "text";
    EXPECT_EQ(::symlink("c", (root + "/l").c_str()), 0);
    EXPECT_EQ(::mkfifo((root + "/p").c_str(), 0600), 0);
    EXPECT_EQ(listed(root), (entries{{"a", entry_kind::file},
                                     {"b", entry_kind::folder},
                                     {"c", entry_kind::folder},
                                     {"l", entry_kind::link},
                                     {"p", entry_kind::other}}));
    EXPECT_FALSE(rename_path(root + "/a", root + "/b/a"));
    EXPECT_EQ(rename_path(root + "/a", root + "/b/a"), std::errc::no_such_file_or_directory);
    EXPECT_EQ(remove_path(root + "/b"), std::errc::directory_not_empty);
    EXPECT_EQ(remove_path(root + "/a"), std::errc::no_such_file_or_directory);
    EXPECT_FALSE(remove_path(root + "/b/a"));
    EXPECT_FALSE(remove_path(root + "/b"));
    EXPECT_FALSE(remove_tree(root + "/l"));
    EXPECT_EQ(listed(root + "/c"), (entries{{"d", entry_kind::folder}})) << "a link was followed";
    EXPECT_EQ(list_folder(root + "/p").error(), std::errc::not_a_directory);
    EXPECT_FALSE(remove_tree(root));
    EXPECT_FALSE(remove_tree(root));
    EXPECT_EQ(list_folder(root).error(), std::errc::no_such_file_or_directory);
  });
}

TEST(folder, of_a_path_with_a_zero_byte_is_refused_and_the_shorter_path_stays) {
  std::string root = testing::TempDir() + "retake_folder_XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  run_on(1, [&] {
    const std::string cut = root + std::string("\0/more", 6);
    EXPECT_EQ(list_folder(cut).error(), std::errc::invalid_argument);
    EXPECT_EQ(make_folder(cut), std::errc::invalid_argument);
    EXPECT_EQ(make_folders(cut), std::errc::invalid_argument);
    EXPECT_EQ(rename_path(cut, root + "2"), std::errc::invalid_argument);
    EXPECT_EQ(rename_path(root, cut), std::errc::invalid_argument);
    EXPECT_EQ(remove_path(cut), std::errc::invalid_argument);
    EXPECT_EQ(remove_tree(cut), std::errc::invalid_argument);
    EXPECT_FALSE(remove_path(root));
  });
}

}  // namespace
}  // namespace retake::test
