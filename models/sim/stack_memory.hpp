// stack_memory.hpp: a stack that looks the same at the start of every execution.
//
// Problem.   An execution leaves its frames behind. A local that is read before it is written then
//            depends on what ran before, and a finding that depends on it does not replay.
// Rejected.  Filling all of it each time (256 KiB a thread, for an execution of 1 us). Asking the
//            kernel which pages were touched (a system call a stack). Looking for the end of what
//            was used each time (three times the price of filling it).
// Recipe.    All of it holds `fresh_byte` at first. renew() fills again what executions have used
//            so far, and looks at the `window` bytes
//            below: frames are dense, so an execution that went deeper shows there, and then the
//            whole stack is looked through. It is also at the 1st, 2nd, 4th, 8th ... renewal, which
//            brings back a mark that one deep execution has set.
// Not promised: a frame that leaves more than `window` bytes unwritten, just where the deepest
//            execution before ended, hides what is below it until the next renewal that looks
//            through everything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "sim/arena.hpp"
#include "switch/sanitizer.hpp"

namespace retake::sim {

class stack_memory {
 public:
  static constexpr std::size_t window = 128;

  stack_memory() = default;
  stack_memory(char* low, std::size_t bytes) noexcept : low_(low), bytes_(bytes) {
    std::memset(low, arena::fresh_byte, bytes);
  }

  char* low() const noexcept { return low_; }
  std::size_t bytes() const noexcept { return bytes_; }
  bool contains(void const* p) const noexcept { return p >= low_ && p < low_ + bytes_; }
  void all_used() noexcept { used_ = bytes_; }

  // Before its first frame in an execution.
  void renew() noexcept {
    floor::unpoison_stack(low_, bytes_);  // an execution that ended in the middle of a frame did not unwind it
    ++renewals_;
    bool const deeper = used_ + window <= bytes_ && !is_fresh<window>(low_ + bytes_ - used_ - window);
    if (deeper || (renewals_ & (renewals_ - 1)) == 0) [[unlikely]]
      used_ = find_used();
    std::memset(low_ + bytes_ - used_, arena::fresh_byte, used_);
  }

 private:
  static constexpr std::size_t grain = 64;

  // In lanes, because the compiler makes vectors of nothing else at -O2.
  template <std::size_t Bytes>
  static bool is_fresh(char const* from) noexcept {
    using lane = std::uint64_t __attribute__((vector_size(16)));
    lane fresh;
    std::memset(&fresh, arena::fresh_byte, sizeof fresh);
    lane other = {};
    for (std::size_t i = 0; i < Bytes; i += sizeof fresh) {
      lane part;
      std::memcpy(&part, from + i, sizeof part);
      other |= part ^ fresh;
    }
    return (other[0] | other[1]) == 0;
  }
  std::size_t find_used() const noexcept {
    std::size_t at = 0;
    while (at < bytes_ && is_fresh<grain>(low_ + at)) at += grain;
    return bytes_ - at;
  }

  char* low_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t used_ = 0;
  std::uint64_t renewals_ = 0;
};

}  // namespace retake::sim
