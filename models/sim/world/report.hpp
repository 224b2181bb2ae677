// report.hpp: what only reports read; here nobody does. Bare memory and clocks that stand still: no
// choice points.
#pragma once

#include <cstdint>

#include "world/one_world.hpp"

namespace retake::world {

template <class T>
class report_only {
 public:
  explicit constexpr report_only(T initial) noexcept : value_(initial) {}
  report_only(report_only const&) = delete;
  report_only& operator=(report_only const&) = delete;

  [[nodiscard]] T get() const noexcept { return value_; }
  void set(T value) noexcept { value_ = value; }

 private:
  T value_;
};

[[nodiscard]] inline std::int64_t report_time_ns() noexcept { return 0; }
[[nodiscard]] inline std::uint64_t report_ticks() noexcept { return 0; }

}  // namespace retake::world
