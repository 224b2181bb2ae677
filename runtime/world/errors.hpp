// errors.hpp: what kernel calls answer when they fail, in Linux's numbers, the same in every world.
// A call returns a value >= 0 or one of these; the os world asserts that they are the platform's.
#pragma once

namespace retake::world::errors {

inline constexpr int not_permitted = -1;         // EPERM
inline constexpr int no_entry = -2;              // ENOENT
inline constexpr int interrupted = -4;           // EINTR
inline constexpr int io_error = -5;              // EIO: also a write that is neither refused nor done
inline constexpr int no_device = -6;             // ENXIO: also a FIFO without a reader
inline constexpr int bad_descriptor = -9;        // EBADF: also of a handle that has none
inline constexpr int would_block = -11;          // EAGAIN
inline constexpr int out_of_memory = -12;        // ENOMEM
inline constexpr int bad_address = -14;          // EFAULT
inline constexpr int invalid = -22;              // EINVAL
inline constexpr int too_many_in_system = -23;   // ENFILE
inline constexpr int too_many_open = -24;        // EMFILE
inline constexpr int no_function = -38;          // ENOSYS
inline constexpr int not_supported = -95;        // EOPNOTSUPP
inline constexpr int connection_aborted = -103;  // ECONNABORTED: it ended in the queue
inline constexpr int no_buffer_space = -105;     // ENOBUFS
inline constexpr int already_connected = -106;   // EISCONN
inline constexpr int timed_out = -110;           // ETIMEDOUT
inline constexpr int already_connecting = -114;  // EALREADY
inline constexpr int in_progress = -115;         // EINPROGRESS
inline constexpr int cancelled = -125;           // ECANCELED

}  // namespace retake::world::errors
