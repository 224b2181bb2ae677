// faults.hpp: what may go wrong by choice. `--faults` takes these names.
//
// A fault strikes only where code asks sim::fault(kind): the place that models the operation
// decides what it means. To add one: a name in each of the two lists, in the same place.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace retake::sim {

enum class fault_kind : std::uint8_t {
  spurious,       // futex_wait returns although nobody woke it
  futex_order,    // futex_wake picks any waiter, not the oldest
  eagain_thread,  // thread_start answers -EAGAIN
  enomem,         // allocate and stack_source::get find nothing
  eintr,          // a system call is interrupted
  eagain,         // a ready descriptor answers -EAGAIN
  short_read,
  short_write,
  emfile,
  econnreset,
  epoll_reorder,
  epoll_duplicate,
  epoll_stale,
  slow_syscall,  // a blocking system call takes long
  clock_step,
  signal,
  ring_refused,
  ring_busy,
  ring_overflow,
  ring_cancelled,
  count
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(fault_kind::count)> fault_names =
    {"spurious",    "futex_order", "eagain_thread", "enomem",        "eintr",           "eagain",        "short_read",
     "short_write", "emfile",      "econnreset",    "epoll_reorder", "epoll_duplicate", "epoll_stale",   "slow_syscall",
     "clock_step",  "signal",      "ring_refused",  "ring_busy",     "ring_overflow",   "ring_cancelled"};

inline constexpr std::uint32_t every_fault = (1U << fault_names.size()) - 1;

constexpr std::uint32_t mask_of(std::initializer_list<fault_kind> kinds) noexcept {
  std::uint32_t mask = 0;
  for (fault_kind const kind : kinds) mask |= 1U << static_cast<unsigned>(kind);
  return mask;
}

// Kinds that some code is not made to bear. A kind without a reason is borne.
struct unbearable {
  std::uint32_t mask = 0;
  char const* why = nullptr;
};

}  // namespace retake::sim
