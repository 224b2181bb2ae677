// kernel.hpp: the system calls of the simulated world.
//
// The same calls as in the os world, against the kernel of models/sim/kernel: kernel/kernel.hpp
// says what it follows, which faults it has and what it does not simulate. Each call is one choice
// point. "Blocks" means the virtual thread. Without a handler for SIGPIPE a write that nobody can
// read ends the execution: install ignore_signal (signal.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "world/files.hpp"
#include "world/processes.hpp"
#include "world/site.hpp"
#include "world/sockets.hpp"

namespace retake::world::kernel {

// As struct epoll_event, which is packed on x86-64 and nowhere else.
#if defined(__x86_64__)
struct [[gnu::packed]] poll_event {
#else
struct poll_event {
#endif
  std::uint32_t events;
  std::uint64_t data;
};

inline constexpr std::uint32_t poll_in = 0x001;
inline constexpr std::uint32_t poll_out = 0x004;
inline constexpr std::uint32_t poll_err = 0x008;  // reported whether asked for or not
inline constexpr std::uint32_t poll_hup = 0x010;  // reported whether asked for or not
inline constexpr std::uint32_t poll_rdhup = 0x2000;
inline constexpr std::uint32_t poll_edge = 1u << 31;  // report new activity, not a state

inline constexpr std::uint32_t loopback_ipv4 = 0x7f000001;

enum class shutdown_how : int { read = 0, write = 1, both = 2 };

enum class socket_option : int {
  reuse_address,         // 0 or 1
  no_delay,              // 0 or 1
  keep_alive,            // 0 or 1
  keep_alive_idle_s,     // seconds of silence before the first probe
  keep_alive_every_s,    // seconds between probes
  keep_alive_count,      // probes without an answer before the connection is dead
  send_buffer_bytes,     // a wish
  receive_buffer_bytes,  // a wish
  linger_s,              // -1: off; 0: close() sends a reset; n: close() waits n seconds for the data to go out
};

// --- bytes. A count may be smaller than asked for; read returns 0 at the end of the stream.
// -EAGAIN when non-blocking and not ready.
[[nodiscard]] std::int64_t read(int fd, void* buffer, std::size_t bytes, site = site::current()) noexcept;
[[nodiscard]] std::int64_t write(int fd, void const* data, std::size_t bytes, site = site::current()) noexcept;

// The number is free on return, even when -EINTR: never call it twice.
int close(int fd, site = site::current()) noexcept;
// The simulated process has its three standard descriptors.
[[nodiscard]] inline int hold_standard_descriptors(site = site::current()) noexcept { return 0; }

// --- pipes. ends[0] reads, ends[1] writes. The second is for scenarios that need a system call
// that really blocks.
[[nodiscard]] int pipe(int (&ends)[2], site = site::current()) noexcept;
[[nodiscard]] int pipe_blocking(int (&ends)[2], site = site::current()) noexcept;

// --- a counter: write adds a uint64_t, read takes all of it. Non-blocking.
[[nodiscard]] int eventfd(std::uint32_t initial = 0, site = site::current()) noexcept;

// --- readiness.
[[nodiscard]] int epoll_create(site = site::current()) noexcept;
[[nodiscard]] int epoll_add(int ep, int fd, std::uint32_t events, std::uint64_t data,
                            site = site::current()) noexcept;                  // -EEXIST, -EPERM (a file), -EBADF
[[nodiscard]] int epoll_del(int ep, int fd, site = site::current()) noexcept;  // -ENOENT, -EBADF
// Blocks until there are events, at most timeout_ms (-1: for ever; 0: not at all). How many events
// were stored, 0 after the timeout.
[[nodiscard]] int epoll_wait(int ep, poll_event* events, int max, int timeout_ms, site = site::current()) noexcept;

[[nodiscard]] int set_nonblocking(int fd, bool on, site = site::current()) noexcept;
// 1: each write goes to the end, whatever its offset (O_APPEND); 0: not; -EBADF.
[[nodiscard]] int appends(int fd, site = site::current()) noexcept;

// --- bytes of several places, in one call.
[[nodiscard]] std::int64_t readv(int fd, io_slice const* slices, std::size_t count, site = site::current()) noexcept;
[[nodiscard]] std::int64_t writev(int fd, io_slice const* slices, std::size_t count, site = site::current()) noexcept;

// --- bytes that never enter this process. One end of splice is a pipe; sendfile reads `from` at
// `offset` and moves no position. -EINVAL: not these two kinds.
[[nodiscard]] std::int64_t splice(int from, int to, std::size_t bytes, site = site::current()) noexcept;
[[nodiscard]] std::int64_t sendfile(int to, int from, std::int64_t offset, std::size_t bytes,
                                    site = site::current()) noexcept;
// --- files. `at_once`: -EAGAIN instead of waiting for a disk (RWF_NOWAIT, RESOLVE_CACHED);
// -EOPNOTSUPP where that cannot be asked for. open_file at once: -EAGAIN also for what makes or
// empties a file; -ENXIO: neither a file nor a folder, its open may wait for a partner.
[[nodiscard]] int open_file(char const* path, std::uint32_t how, std::uint32_t permissions, bool at_once,
                            site = site::current()) noexcept;
[[nodiscard]] std::int64_t read_at(int fd, io_slice const* slices, int count, std::int64_t offset, bool at_once,
                                   site = site::current()) noexcept;
[[nodiscard]] std::int64_t write_at(int fd, io_slice const* slices, int count, std::int64_t offset, bool at_once,
                                    site = site::current()) noexcept;
[[nodiscard]] int sync_file(int fd, bool data_only, site = site::current()) noexcept;
[[nodiscard]] int truncate_file(int fd, std::int64_t bytes, site = site::current()) noexcept;
// lseek(2): the position afterwards, from the beginning. -ESPIPE: it has none; -EINVAL: before the
// beginning.
[[nodiscard]] std::int64_t seek(int fd, std::int64_t offset, seek_from from, site = site::current()) noexcept;
// Of `fd`, or with fd == -1 of `path`, links followed.
[[nodiscard]] int status_of_file(int fd, char const* path, file_record& status, site = site::current()) noexcept;

// --- sockets.
[[nodiscard]] int socketpair(int (&ends)[2], site = site::current()) noexcept;  // a local stream in both directions
[[nodiscard]] int socket(address_family family, socket_kind kind, site = site::current()) noexcept;
[[nodiscard]] int bind(int fd, socket_address const& name,
                       site = site::current()) noexcept;  // port 0: any; a local name must be new
[[nodiscard]] int listen(int fd, int backlog, site = site::current()) noexcept;
[[nodiscard]] int accept(int fd, site = site::current()) noexcept;  // the new descriptor, non-blocking
// TCP: -EINPROGRESS, then poll_out and socket_error. Local stream: at once, -EAGAIN when the
// listener's queue is full. Datagram: at once, the default receiver.
[[nodiscard]] int connect(int fd, socket_address const& name, site = site::current()) noexcept;
int remove_name(char const* path,
                site = site::current()) noexcept;  // unlink(2); a local socket's name stays when the socket is closed
[[nodiscard]] int local_address(int fd, socket_address& name, site = site::current()) noexcept;
[[nodiscard]] int peer_address(int fd, socket_address& name, site = site::current()) noexcept;
// A datagram goes as a whole or not at all. Bytes beside which descriptors came are never read
// together with bytes beside which others came.
[[nodiscard]] std::int64_t send_message(int fd, socket_message const& message, site = site::current()) noexcept;
[[nodiscard]] std::int64_t receive_message(int fd, socket_message& message, site = site::current()) noexcept;
[[nodiscard]] int socket_error(
    int fd,
    site = site::current()) noexcept;  // SO_ERROR: 0, or the pending error as a positive number; it is cleared
[[nodiscard]] int shutdown(int fd, shutdown_how how, site = site::current()) noexcept;
[[nodiscard]] int set_option(int fd, socket_option option, int value, site = site::current()) noexcept;

// --- processes. spawn answers the child's number; it begins with no signal blocked and SIGPIPE at
// its default. Blocks until the child runs its program.
[[nodiscard]] int spawn(spawn_request const& what, site = site::current()) noexcept;
[[nodiscard]] int process_descriptor(int process,
                                     site = site::current()) noexcept;  // readable when the process has ended (pidfd)
// -EAGAIN: it runs still; 0: it had ended, once. -ECHILD: somebody has asked before.
[[nodiscard]] int reap_process(int descriptor, exit_status& status, site = site::current()) noexcept;
[[nodiscard]] int signal_process(int descriptor, int number,
                                 site = site::current()) noexcept;  // 0: only whether it is there

// Processors this process may use: what the scenario said by sim::kernel::set_cpu_limit.
[[nodiscard]] int cpu_limit(site = site::current()) noexcept;

}  // namespace retake::world::kernel
