// folder.hpp: what a path names: lists of folders, and names that are made, changed and removed.
//
//     for (folder_entry const& one : *list_folder("/etc")) ...
//
// All calls: by a goroutine only. The disk is waited for in a blocking call, whose P is handed on
// when the call is long; the goroutine may continue on another thread unless it is locked to its
// own. A path has no zero byte: std::errc::invalid_argument. All may throw std::bad_alloc. To open,
// and the status of a path: file.hpp. Source: os.ReadDir, Mkdir, MkdirAll, Rename, Remove and
// RemoveAll of Go, by std::filesystem.
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "retake/result.hpp"
#include "retake/syscall.hpp"

namespace retake {

enum class entry_kind : std::uint8_t { file, folder, link, other };  // other: a device, FIFO or socket

struct folder_entry {
  std::string name;                     // without the folder's
  entry_kind kind = entry_kind::other;  // of the entry itself: links are not followed
};

namespace detail {

// Answers `call(path..., error)` in a blocking call; the error is its own.
template <class Call, class... Paths>
std::error_code on_paths(Call call, Paths const&... paths) {
  if ((... || (paths.find('\0') != std::string::npos))) return std::make_error_code(std::errc::invalid_argument);
  std::error_code error;
  syscall([&] { call(std::filesystem::path(paths)..., error); });
  return error;
}

[[nodiscard]] inline entry_kind kind_of(std::filesystem::file_type type) noexcept {
  switch (type) {
    case std::filesystem::file_type::regular: return entry_kind::file;
    case std::filesystem::file_type::directory: return entry_kind::folder;
    case std::filesystem::file_type::symlink: return entry_kind::link;
    default: return entry_kind::other;
  }
}

}  // namespace detail

// All entries but "." and "..", by name. What comes or goes meanwhile may be listed or not. Errors:
// opendir(3), readdir(3).
[[nodiscard]] inline result<std::vector<folder_entry>> list_folder(std::string const& path) {
  std::vector<folder_entry> entries;
  const std::error_code failed = detail::on_paths(
      [&](std::filesystem::path const& folder, std::error_code& error) {
        std::filesystem::directory_iterator at(folder, error);
        while (!error && at != std::filesystem::directory_iterator()) {
          std::error_code gone;  // an entry that ends between the two looks is no failure of the list
          entries.push_back({at->path().filename().string(), detail::kind_of(at->symlink_status(gone).type())});
          at.increment(error);
        }
        const auto by_name = [](folder_entry const& a, folder_entry const& b) { return a.name < b.name; };
        std::sort(entries.begin(), entries.end(), by_name);
      },
      path);
  if (failed) return failed;
  return entries;
}

// One new folder, with permissions 0777 less the umask. Errors: mkdir(2); std::errc::file_exists
// when the name is taken.
[[nodiscard]] inline std::error_code make_folder(std::string const& path) {
  return detail::on_paths(
      [](std::filesystem::path const& folder, std::error_code& error) {
        const bool made = std::filesystem::create_directory(folder, error);
        if (!made && !error) error = std::make_error_code(std::errc::file_exists);
      },
      path);
}

// And all that lead to it; those that are there stay. Errors: mkdir(2).
[[nodiscard]] inline std::error_code make_folders(std::string const& path) {
  const auto make = [](std::filesystem::path const& folder, std::error_code& error) {
    std::filesystem::create_directories(folder, error);
  };
  return detail::on_paths(make, path);
}

// What `to` names is replaced, in one step for all who look. Errors: rename(2).
[[nodiscard]] inline std::error_code rename_path(std::string const& from, std::string const& to) {
  const auto rename = [](std::filesystem::path const& a, std::filesystem::path const& b, std::error_code& error) {
    std::filesystem::rename(a, b, error);
  };
  return detail::on_paths(rename, from, to);
}

// A file, a link (not what it leads to) or an empty folder. Errors: unlink(2), rmdir(2);
// std::errc::no_such_file_or_directory.
[[nodiscard]] inline std::error_code remove_path(std::string const& path) {
  return detail::on_paths(
      [](std::filesystem::path const& one, std::error_code& error) {
        const bool removed = std::filesystem::remove(one, error);
        if (!removed && !error) error = std::make_error_code(std::errc::no_such_file_or_directory);
      },
      path);
}

// With all that is in it; nothing there is no error. Links are removed, not followed. After an
// error a part may be gone. Errors: as remove_path().
[[nodiscard]] inline std::error_code remove_tree(std::string const& path) {
  return detail::on_paths([](std::filesystem::path const& one,
                             std::error_code& error) { std::filesystem::remove_all(one, error); },
                          path);
}

}  // namespace retake
