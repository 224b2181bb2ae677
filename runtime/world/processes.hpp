// processes.hpp: the plain words of the process calls, the same in every world.
#pragma once

#include <cstddef>
#include <cstdint>

namespace retake::world::kernel {

inline constexpr int no_file = -1;  // as a source: /dev/null

// What a child begins with. Strings end with a zero byte, lists with nullptr.
struct spawn_request {
  char const* path = nullptr;             // searched in PATH when it has no slash
  char* const* arguments = nullptr;       // [0] is the name that the child sees
  char* const* environment = nullptr;     // nullptr: this process'
  char const* directory = nullptr;        // nullptr: this process'
  int const* files = nullptr;             // files[i] becomes descriptor i of the child; all others are closed
  std::size_t file_count = 0;
};

struct exit_status {
  int code = 0;    // what it returned, or 0
  int signal = 0;  // what ended it, or 0
};

}  // namespace retake::world::kernel
