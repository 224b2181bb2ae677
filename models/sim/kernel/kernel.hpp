// kernel.hpp: the simulated kernel, as scenarios and checkers see it.
//
// Problem.   The runtime's hardest bugs stand between it and the kernel: a descriptor closed and
//            reused while an event for it is under way, an edge that comes once, a system call that
//            takes a second. The real kernel shows each of them once a month.
// Rejected.  A mock that answers from a script: knows no interleavings. The real kernel under a
//            fault injector: not deterministic.
// Recipe.    The calls of world/kernel.hpp, against files in the execution's arena. Every call is
//            one choice point; what it does is one step, up to the point where the real call would
//            sleep: then the virtual thread waits, and looks again when it is woken. Buffers hold
//            stream_bytes and are full quickly. Time-outs are on the virtual clock.
//
// What follows the real kernel (Linux 6): the lowest free number is reused; a blocked call keeps
// its file alive after close(); epoll reports a registration as often as the real one does:
// level-triggered while the state lasts, edge-triggered once per activity, with the whole state of
// the moment; HUP, ERR and RDHUP per kind of file; a socket that is closed with unread bytes resets
// its peer; a non-blocking connect is always -EINPROGRESS first. tests/world/conformance_rest.hpp
// holds both kernels against each other.
//
// Faults (--faults), each a choice out of the execution's budget:
//   eintr            a call that would sleep is interrupted; close() says so although the number is
//                    free
//   eagain           a ready descriptor says -EAGAIN, as if the bytes came a moment later: a new
//                    edge follows
//   short_read, short_write   half of what was possible
//   emfile           a call that makes descriptors has none left
//   econnreset       a TCP connection is reset under a read or write
//   epoll_reorder    the ready list is walked from another beginning
//   epoll_duplicate  an edge is reported once more
//   epoll_stale      an event of a registration that was removed comes after all: harsher than
//                    Linux, which only lets it overtake
//   slow_syscall     the call takes slow_syscall_ns before it does anything; so does an operation
//                    of a ring
//   ring_refused     opening a ring is -EPERM
//   ring_busy        the kernel takes fewer requests than were prepared, or none (-EBUSY)
//   ring_overflow    a completion takes the way of those that find the queue full
//   ring_cancelled   an operation ends with -ECANCELED that nobody cancelled, as when its
//                    submitter's thread ends
//   signal           the handler of an installed signal that is not blocked runs here
//
// Happens-before goes through the kernel where TSan believes it too: from a write to the read that
// gets its bytes (pipes, sockets, eventfd), from connect to accept, from epoll_add to epoll_wait.
// Not through close, end of stream, readiness alone, files or rings.
//
// Checked by tests/sim_kernel, tests/world (conformance_rest).
// Not promised: epoll in epoll, dup and fork; listening sockets that are shut down; TIME_WAIT,
// urgent data, delays on the wire; TCP other than to itself over loopback; that signals reach a
// thread that makes no system call (or that sleeps in one since before the process first used
// signals).
#pragma once

#include <cstdint>

#include "world/site.hpp"

namespace retake::sim::kernel {

using world::site;

inline constexpr std::uint32_t stream_bytes = 16;  // capacity of a pipe, and of a socket in each direction
inline constexpr std::uint32_t atomic_write_bytes =
    4;  // a pipe takes up to this many at once or none; also the room that counts as writable
inline constexpr int first_descriptor = 3;  // 0, 1 and 2 are taken, as in any process
inline constexpr int descriptors_max = 64;  // one more is -EMFILE
inline constexpr int disk_files_max = 4;
inline constexpr std::uint32_t disk_file_bytes = 64;  // more is -ENOSPC
inline constexpr std::uint32_t disk_name_bytes = 16;
inline constexpr std::int64_t disk_ns = 30'000;              // what a blocking call waits for the disk
inline constexpr std::int64_t slow_syscall_ns = 20'000'000;  // longer than sysmon's longest sleep
inline constexpr std::uint32_t processors_default = 2;       // cpu_limit(), until the scenario says otherwise

// A system call that takes `duration_ns` of virtual time and does nothing else. Blocks the virtual
// thread. By scenario bodies.
void sleep_syscall(std::int64_t duration_ns, site where = site::current()) noexcept;

// Sends a signal to the simulated process: the handler runs on a thread that does not block it, at
// its next system call, or in the one where it sleeps. One that is pending already is not counted
// twice. Without a handler: most end the execution with finding `signal`.
void raise_signal(int number, site where = site::current()) noexcept;

// What cpu_limit() answers from now on; >= 1.
void set_cpu_limit(int processors) noexcept;

// What memory holds of the disk's files is forgotten: the next read of each waits.
void drop_caches() noexcept;

// From now on opening a ring answers `error` (-EPERM, -ENOSYS); 0: it succeeds.
void refuse_rings(int error) noexcept;

// So often, where the chooser likes it, a ring takes nothing (-EBUSY) or ends an operation unasked:
// the faults ring_busy and ring_cancelled without a budget of faults.
void trouble_rings(std::uint32_t times) noexcept;

// Descriptors that are open now: for leak checks at quiescence. Not a choice point.
[[nodiscard]] std::uint32_t open_descriptors() noexcept;

// There is something to read, and no poll set has an event under way that says so. Not a choice
// point; by checkers.
[[nodiscard]] bool readable_and_unannounced(int descriptor) noexcept;

}  // namespace retake::sim::kernel
