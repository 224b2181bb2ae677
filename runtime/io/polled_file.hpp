// polled_file.hpp: a non-blocking descriptor with its entry in the poller, and how many calls are inside it.
//
// Close and use race: close() ends the waits, but a goroutine may stand between its wait and its next read(2) on a number that could by then belong
// to somebody else. So each call holds a use; close() marks the file and drops the owner's use, and the last use to go closes the number (N2).
//
// A call also holds its direction, from its first try to its last. A second goroutine is turned away even while the first is between its try and
// its wait: there it would take the edge that the first one is about to wait for (scenario second_reader_is_refused).
#pragma once

#include <cstddef>
#include <cstdint>

#include "poll/poller.hpp"
#include "retake/syscall.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"
#include "world/sockets.hpp"

namespace retake::detail {

// What calls answer, in the kernel's numbers.
namespace answer {
inline constexpr int interrupted = -4;         // -EINTR
inline constexpr int would_block = -11;        // -EAGAIN
inline constexpr int timed_out = -110;         // -ETIMEDOUT
inline constexpr int already_waiting = -115;   // -EINPROGRESS: what a second goroutine on a direction is told
inline constexpr int cancelled = -125;         // -ECANCELED
}  // namespace answer

class polled_file {
 public:
  // By a goroutine. Takes `fd` (non-blocking) over, also on failure. nullptr and -errno.
  [[nodiscard]] static polled_file* make(int fd, int& failed) noexcept;
  // The same for a descriptor of unknown kind: one that the poller refuses is called in system calls that hand their P over.
  [[nodiscard]] static polled_file* adopt(int fd, int& failed) noexcept;

  // By a goroutine: makes `call`, which returns a value >= 0 or -errno and is made again after -EINTR, and after each wait for its direction while it says -EAGAIN.
  // -ECANCELED when closed, -ETIMEDOUT when the direction's deadline is over, -EINPROGRESS while another goroutine is inside.
  template <class Call>
  [[nodiscard]] std::int64_t reading(Call call) noexcept {
    return alone(call, true);
  }
  template <class Call>
  [[nodiscard]] std::int64_t writing(Call call) noexcept {
    return alone(call, false);
  }

  // Values >= 0 or -errno; block the goroutine.
  [[nodiscard]] std::int64_t read(void* into, std::size_t bytes) noexcept;
  [[nodiscard]] std::int64_t write(void const* from, std::size_t bytes) noexcept;  // all of them
  [[nodiscard]] int accept() noexcept;
  [[nodiscard]] int connect(world::kernel::socket_address const& where) noexcept;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] bool polled() const noexcept { return entry_ != nullptr; }

  // By a goroutine: until when calls of a direction may take; 0: without limit. 0, -ECANCELED, or -EOPNOTSUPP where the poller refuses the kind.
  [[nodiscard]] int set_deadlines(std::int64_t due_ns, bool reading, bool writing) noexcept;

  // By a goroutine: ends all waits. The owner's use stays until release().
  void close() noexcept;
  // The owner's last word; the object is gone when the last call has left.
  void release() noexcept;

 private:
  polled_file(int fd, poller& network, poll_descriptor* entry) noexcept : fd_(fd), network_(network), entry_(entry), uses_(1), closed_(0), reading_(0), writing_(0) {}

  [[nodiscard]] static polled_file* make_with(int fd, poller& network, poll_descriptor* entry, int& failed) noexcept;
  template <class Call>
  [[nodiscard]] std::int64_t alone(Call& call, bool reads) noexcept;
  template <class Call>
  [[nodiscard]] std::int64_t try_and_wait(Call& call, bool reads) noexcept;
  template <class Call>
  [[nodiscard]] std::int64_t block_in(Call& call) noexcept;
  void drop_use() noexcept;

  int const fd_;
  poller& network_;
  poll_descriptor* const entry_;          // nullptr: the poller refuses this kind
  world::atomic<std::uint32_t> uses_;
  world::atomic<std::uint32_t> closed_;   // without an entry: close() was called
  world::atomic<std::uint32_t> reading_;  // 1: a goroutine is inside a call of this direction
  world::atomic<std::uint32_t> writing_;
};

template <class Call>
std::int64_t polled_file::alone(Call& call, bool reads) noexcept {
  world::atomic<std::uint32_t>& direction = reads ? reading_ : writing_;
  if (world::recheck(direction.exchange_acquire(1) != 0)) return answer::already_waiting;
  uses_.fetch_add_relaxed(1);  // by a goroutine that reaches the object, so some use is held
  const std::int64_t done = entry_ != nullptr ? try_and_wait(call, reads) : block_in(call);
  direction.store_release(0);
  drop_use();
  return done;
}

template <class Call>
std::int64_t polled_file::try_and_wait(Call& call, bool reads) noexcept {
  for (;;) {  // bound: an answer, a close or a deadline
    if (entry_->closed.announced()) return answer::cancelled;
    if ((reads ? entry_->reader : entry_->writer).deadline.over()) return answer::timed_out;
    const std::int64_t done = call();
    if (done == answer::interrupted) continue;
    if (done != answer::would_block) return done;
    const poll_result waited = reads ? network_.wait_readable(*entry_) : network_.wait_writable(*entry_);
    if (waited == poll_result::busy) return answer::already_waiting;
  }
}

template <class Call>
std::int64_t polled_file::block_in(Call& call) noexcept {
  for (;;) {  // bound: an answer or a close
    if (closed_.load_relaxed() != 0) return answer::cancelled;
    const std::int64_t done = syscall(call);
    if (done != answer::interrupted) return done;
  }
}

}  // namespace retake::detail
