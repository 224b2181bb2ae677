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
#include "protocol/spin_lock.hpp"
#include "retake/net.hpp"
#include "world/atomic.hpp"

namespace retake::detail {

class polled_file {
 public:
  // By a goroutine. Takes `fd` (non-blocking) over, also on failure. nullptr and -errno.
  [[nodiscard]] static polled_file* make(int fd, int& failed) noexcept;

  // Values >= 0 or -errno; block the goroutine.
  [[nodiscard]] std::int64_t read(void* into, std::size_t bytes) noexcept;
  [[nodiscard]] std::int64_t write(void const* from, std::size_t bytes) noexcept;
  [[nodiscard]] int accept() noexcept;
  [[nodiscard]] int connect(std::uint32_t address, std::uint16_t port) noexcept;

  [[nodiscard]] int fd() const noexcept { return fd_; }

  // By a goroutine: ends all waits. The owner's use stays until release().
  void close() noexcept;
  // The owner's last word; the object is gone when the last call has left.
  void release() noexcept;

 private:
  polled_file(int fd, poller& network, poll_descriptor& entry) noexcept : fd_(fd), network_(network), entry_(entry), uses_(1), reading_(0), writing_(0) {}

  template <class Call>
  [[nodiscard]] std::int64_t retry(Call call, bool reading) noexcept;
  void drop_use() noexcept;

  int const fd_;
  poller& network_;
  poll_descriptor& entry_;
  world::atomic<std::uint32_t> uses_;
  world::atomic<std::uint32_t> reading_;  // 1: a goroutine is inside a call of this direction
  world::atomic<std::uint32_t> writing_;
};

}  // namespace retake::detail
