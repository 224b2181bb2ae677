// files.hpp: the words that calls on files and rings share, the same in every world: how a file is
// opened, what is known of it, what a ring is asked for.
//
// The layouts are Linux's (struct statx; io_slice in sockets.hpp is struct iovec): the os world
// asserts that, and passes them on as they are.
#pragma once

#include <cstddef>
#include <cstdint>

#include "world/sockets.hpp"

namespace retake::world::kernel {

// How a file is opened: bits. Without `write` it is read only, with neither bit likewise.
inline constexpr std::uint32_t open_read = 1;
inline constexpr std::uint32_t open_write = 2;
inline constexpr std::uint32_t open_create = 4;
inline constexpr std::uint32_t open_exclusive = 8;  // with open_create: -EEXIST when it is there
inline constexpr std::uint32_t open_truncate = 16;
inline constexpr std::uint32_t open_append = 32;
inline constexpr std::uint32_t open_direct =
    64;  // past the page cache; offsets and memory aligned as the device wants it

// As struct statx.
struct file_record {
  std::uint32_t mask, block_bytes;
  std::uint64_t attributes;
  std::uint32_t links, user, group;
  std::uint16_t mode, unused;
  std::uint64_t inode, bytes, blocks, attributes_mask;
  struct time {
    std::int64_t seconds;
    std::uint32_t nanoseconds;
    std::int32_t unused;
  } accessed, born, changed, modified;
  std::uint64_t rest[16];
};

inline constexpr std::int64_t at_position = -1;  // as an offset: the file's own position, which moves on

enum class seek_from : std::uint8_t { begin, position, end };

}  // namespace retake::world::kernel

namespace retake::world {

enum class ring_operation : std::uint8_t {
  nothing,  // completes, for tests
  read,
  write,       // `slices` of `fd` at `offset`
  sync,        // `fd`; how == 1: only what is needed to read it back
  open,        // `path`, `how` (kernel::open_*), `permissions`; the result is a descriptor, close-on-exec
  status,      // `fd`, or with fd == -1 `path`, into `status`
  cancel,      // operations under way with the user data `target`: 0, -ENOENT: none, -EALREADY: too late; the operation
               // itself completes all the same
  cancel_all,  // every operation under way
};

// What `slices`, `path` and `status` point at, and the memory that is read or written, stays until
// the completion has been taken.
struct ring_request {
  ring_operation what = ring_operation::nothing;
  int fd = -1;
  kernel::io_slice const* slices = nullptr;
  int count = 0;
  int buffer = -1;  // >= 0: the one slice lies in the registered buffer of this number
  std::int64_t offset = 0;
  std::uint32_t how = 0;
  std::uint32_t permissions = 0;
  char const* path = nullptr;
  kernel::file_record* status = nullptr;
  std::uint64_t target = 0;
  std::uint64_t user_data = 0;
};

struct ring_completion {
  std::uint64_t user_data;
  std::int64_t result;  // of the operation: a value >= 0 or -errno
};

}  // namespace retake::world
