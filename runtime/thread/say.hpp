// say.hpp: lines of fatal errors, put together without memory.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "world/print.hpp"

namespace retake {

struct hexadecimal {
  std::uint64_t value;
};

// As many pieces as fit one line; what is too long is cut off. Any thread, also in a signal
// handler.
class line {
 public:
  void add(char const* text) noexcept { add(text, std::strlen(text)); }
  void add(std::uint64_t number) noexcept { add_number(number, 10); }
  void add(hexadecimal number) noexcept {
    add("0x");
    add_number(number.value, 16);
  }
  void print() const noexcept { world::print(text_, length_); }

 private:
  void add(char const* text, std::size_t bytes) noexcept {
    if (bytes > sizeof(text_) - length_) bytes = sizeof(text_) - length_;
    std::memcpy(text_ + length_, text, bytes);
    length_ += bytes;
  }
  void add_number(std::uint64_t number, int base) noexcept {
    char digits[20];
    add(digits, static_cast<std::size_t>(std::to_chars(digits, digits + sizeof(digits), number, base).ptr - digits));
  }
  char text_[320];
  std::size_t length_ = 0;
};

template <class... Pieces>
void say(Pieces... pieces) noexcept {
  line whole;
  (whole.add(pieces), ...);
  whole.print();
}

}  // namespace retake
