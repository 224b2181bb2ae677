// leak_check.hpp: for tests: which goroutines that a piece of code started are still there when it
// is over, and where they are parked.
//
//     retake::leak_check leaks;
//     serve_one_connection();
//     EXPECT_EQ(leaks.report(), "");
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "retake/clock.hpp"
#include "retake/debug.hpp"

namespace retake {

class leak_check {
 public:
  // By a goroutine: what lives now is not looked for. Does not block.
  leak_check() noexcept;

  // Goroutine context only. Gives those that were started since and still live up to `patience`
  // (one second) to end, letting others run; then the dump of the rest, "" when there are none. A
  // goroutine in a system call counts as any other.
  template <class Rep, class Period>
  [[nodiscard]] std::string report(std::chrono::duration<Rep, Period> const& patience) const {
    return report_after(detail::nanoseconds_of(patience));
  }
  [[nodiscard]] std::string report() const { return report(std::chrono::seconds(1)); }

 private:
  [[nodiscard]] std::string report_after(std::int64_t patience_ns) const;
  std::uint64_t const newest_;  // ids are given in order
};

}  // namespace retake
