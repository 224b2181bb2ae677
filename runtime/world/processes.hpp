// processes.hpp: the plain words of the process calls, the same in every world.
#pragma once

#include <cstddef>
#include <cstdint>

namespace retake::world::kernel {

inline constexpr int no_file = -1;     // as a source: /dev/null
inline constexpr int kill_signal = 9;  // SIGKILL
inline constexpr int same_group = -1;

// Whose rights a child has. A process without privileges may give its own alone.
struct spawn_credentials {
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  std::uint32_t const* groups = nullptr;  // the supplementary ones, group_count of them
  std::size_t group_count = 0;
};

// What a child begins with. Strings end with a zero byte, lists with nullptr.
struct spawn_request {
  char const* path = nullptr;          // searched in PATH when it has no slash
  char* const* arguments = nullptr;    // [0] is the name that the child sees
  char* const* environment = nullptr;  // nullptr: this process'
  char const* directory = nullptr;     // nullptr: this process'
  int const* files = nullptr;          // files[i] becomes descriptor i of the child; all others are closed
  std::size_t file_count = 0;
  int group = same_group;  // the process group: same_group: this process'; 0: its own; else this one
  bool session = false;    // leads a session of its own, without a terminal, and so a group
  spawn_credentials const* credentials = nullptr;  // nullptr: this process'
};

struct exit_status {
  int code = 0;    // what it returned, or 0
  int signal = 0;  // what ended it, or 0
  // What it and the children that it waited for have used.
  std::int64_t user_ns = 0;
  std::int64_t system_ns = 0;
  std::uint64_t memory_max_bytes = 0;  // of the largest of them, resident
};

}  // namespace retake::world::kernel
