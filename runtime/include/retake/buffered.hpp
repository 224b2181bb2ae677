// buffered.hpp: fewer system calls for small reads and writes: a buffer before a stream.
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "retake/stream.hpp"

namespace retake {

inline constexpr std::size_t buffer_bytes_default = 4096;  // as in Go's bufio

// Reads ahead of what is asked for. By one goroutine at a time; blocks it as the stream's read()
// does. The stream must outlive it.
class buffered_reader {
 public:
  // Throws std::bad_alloc. `bytes`: 0 counts as 1.
  explicit buffered_reader(stream& from, std::size_t bytes = buffer_bytes_default)
      : from_(from), room_(bytes > 0 ? bytes : 1) {}

  // At least one byte, 0 at the end. What is asked for beyond the buffer's size goes past it.
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> into);
  // All of `into`. Fewer, and no error, only at the end of the stream; bytes() says how many are in
  // `into` when an error came.
  [[nodiscard]] transfer_result read_full(std::span<std::byte> into);
  // Up to and with `end`; without it only at the end of the stream (empty: nothing was left).
  // std::errc::value_too_large when `most` bytes have no `end` among them: then they are still
  // there to be read.
  [[nodiscard]] result<std::string> read_until(char end, std::size_t most = 64 * 1024);
  // What read() would give next, without taking it; blocks until there is a byte. Empty: the end.
  // Valid until the next call.
  [[nodiscard]] result<byte_view> peek();

  [[nodiscard]] std::size_t buffered() const noexcept { return last_ - first_; }

 private:
  [[nodiscard]] result<std::size_t> fill();
  void make_room(std::size_t bytes);

  stream& from_;
  std::size_t room_;
  std::unique_ptr<std::byte[]> buffer_ = std::make_unique<std::byte[]>(room_);
  std::size_t first_ = 0;  // of what was read and not taken
  std::size_t last_ = 0;
};

// Collects small writes. By one goroutine at a time. An error stays: every later call returns it.
// What was not flushed when it ends is lost.
class buffered_writer {
 public:
  // Throws std::bad_alloc. `bytes`: 0 counts as 1.
  explicit buffered_writer(stream& to, std::size_t bytes = buffer_bytes_default)
      : to_(to), room_(bytes > 0 ? bytes : 1) {}

  // Blocks only when the buffer is full; what is larger than the buffer goes out together with it,
  // in one call.
  std::error_code write(byte_view from);
  std::error_code write(std::string_view text) { return write(std::as_bytes(std::span(text.data(), text.size()))); }
  // Blocks until all is written.
  std::error_code flush();

  [[nodiscard]] std::size_t buffered() const noexcept { return used_; }

 private:
  stream& to_;
  std::size_t room_;
  std::unique_ptr<std::byte[]> buffer_ = std::make_unique<std::byte[]>(room_);
  std::size_t used_ = 0;
  std::error_code error_;
};

}  // namespace retake
