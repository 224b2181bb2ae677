// ring.hpp: io_uring: requests in a queue that the kernel takes many of at once, completions in
// another that anybody may look at.
//
// Problem.   A file that is not in memory blocks its reader; a thread for each such reader is what
//            the runtime is there to avoid.
// Recipe.    {prepare, submit, reap} over liburing, which this header does not name: whoever
//            includes it needs no liburing. The caller serialises each of the two sides.
//
// A request that its submitter's thread leaves behind when it ends may complete with -ECANCELED or
// -EFAULT: ask again.
//
// Checked by tests/world (conformance_rest: the same observations from the real ring and from the
// simulated one; os_world_test).
// Not promised: an order of completions; that a cancelled operation has not been done.
#pragma once

#include <cstdint>

#include "world/files.hpp"
#include "world/site.hpp"

namespace retake::world {

// prepare, submit and withdraw: one thread at a time. reap: one thread at a time, which may be
// another. Nothing here orders memory between the two.
class ring {
 public:
  ring() noexcept = default;
  ~ring();
  ring(ring const&) = delete;
  ring& operator=(ring const&) = delete;

  // Room for `entries` requests that the kernel has not taken yet (a power of two). 0 or -errno:
  // -ENOSYS and -EPERM where the kernel, a sysctl or a filter refuses, or where it is older than
  // Linux 5.19; -EMFILE, -ENOMEM. Once.
  [[nodiscard]] int open(std::uint32_t entries, site = site::current()) noexcept;

  // Readable while there are completions to reap.
  [[nodiscard]] int descriptor() const noexcept;

  // False: the queue is full, submit first.
  [[nodiscard]] bool prepare(ring_request const& request, site = site::current()) noexcept;
  // Gives the kernel what was prepared, in that order; waits until `wait_for` completions can be
  // reaped. How many it has taken, or -errno: -EAGAIN and -EBUSY: not now; -EINTR.
  [[nodiscard]] int submit(std::uint32_t wait_for = 0, site = site::current()) noexcept;
  // Takes back what was prepared and not taken: its user data, how many. It will not be done; its
  // places in the queue are free after the next submit.
  [[nodiscard]] std::uint32_t withdraw(std::uint64_t* user_data, std::uint32_t max) noexcept;
  // Completions, at most `max`, in the order in which the kernel reported them; fewer than `max`:
  // there are no more.
  [[nodiscard]] std::uint32_t reap(ring_completion* into, std::uint32_t max, site = site::current()) noexcept;

  // Registered buffers: numbers 0 to buffers_max - 1, empty at first; the kernel keeps the memory's
  // pages at hand. No address: empties the place, once what is under way has ended. 0 or -errno.
  // Any thread.
  static constexpr std::uint32_t buffers_max = 64;
  [[nodiscard]] int set_buffer(std::uint32_t number, void* address, std::size_t bytes, site = site::current()) noexcept;

 private:
  struct state;
  state* state_ = nullptr;
};

}  // namespace retake::world
