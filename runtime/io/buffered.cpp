#include "retake/buffered.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace retake {

// One read of the stream behind what is there.
result<std::size_t> buffered_reader::fill() {
  if (first_ == last_) first_ = last_ = 0;
  const result<std::size_t> got = from_.read(std::span(buffer_.get() + last_, room_ - last_));
  if (got) last_ += *got;
  return got;
}

// Behind what is there; what is there moves to the front, into a larger buffer if it must.
void buffered_reader::make_room(std::size_t bytes) {
  const std::size_t kept = buffered();
  if (room_ - kept < bytes) {
    const std::size_t larger = std::max(kept + bytes, room_ * 2);
    auto buffer = std::make_unique<std::byte[]>(larger);
    std::memcpy(buffer.get(), buffer_.get() + first_, kept);
    buffer_ = std::move(buffer);
    room_ = larger;
  } else if (kept != 0) {
    std::memmove(buffer_.get(), buffer_.get() + first_, kept);
  }
  first_ = 0;
  last_ = kept;
}

result<std::size_t> buffered_reader::read(std::span<std::byte> into) {
  if (into.empty()) return std::size_t{0};
  if (buffered() == 0) {
    if (into.size() >= room_) return from_.read(into);
    const result<std::size_t> got = fill();
    if (!got || *got == 0) return got;
  }
  const std::size_t n = std::min(into.size(), buffered());
  std::memcpy(into.data(), buffer_.get() + first_, n);
  first_ += n;
  return n;
}

transfer_result buffered_reader::read_full(std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const result<std::size_t> some = read(into.subspan(done));
    if (!some) return {some.error(), done};
    if (*some == 0) break;
    done += *some;
  }
  return done;
}

result<std::string> buffered_reader::read_until(char end, std::size_t most) {
  for (std::size_t looked = 0;;) {  // bound: `most` bytes
    char const* const text = reinterpret_cast<char const*>(buffer_.get() + first_);
    const std::string_view there(text, std::min(buffered(), most));
    if (const std::size_t at = there.find(end, looked); at != std::string_view::npos) {
      first_ += at + 1;
      return std::string(there.substr(0, at + 1));
    }
    if (there.size() == most) return std::make_error_code(std::errc::value_too_large);
    looked = there.size();
    if (last_ == room_) make_room(1);
    const result<std::size_t> got = fill();
    if (!got) return got.error();
    if (*got != 0) continue;
    std::string rest(reinterpret_cast<char const*>(buffer_.get() + first_), buffered());
    first_ = last_;
    return rest;
  }
}

result<byte_view> buffered_reader::peek() {
  if (buffered() == 0) {
    const result<std::size_t> got = fill();
    if (!got) return got.error();
  }
  return byte_view(buffer_.get() + first_, buffered());
}

std::error_code buffered_writer::write(byte_view from) {
  if (error_) return error_;
  if (from.size() <= room_ - used_) {
    std::copy(from.begin(), from.end(), buffer_.get() + used_);
    used_ += from.size();
    return {};
  }
  if (from.size() < room_) {
    if (flush()) return error_;
    return write(from);
  }
  const std::array<byte_view, 2> both{byte_view(buffer_.get(), used_), from};
  used_ = 0;
  error_ = to_.writev(both).error();
  return error_;
}

std::error_code buffered_writer::flush() {
  if (error_ || used_ == 0) return error_;
  error_ = to_.write(byte_view(buffer_.get(), std::exchange(used_, 0))).error();
  return error_;
}

}  // namespace retake
