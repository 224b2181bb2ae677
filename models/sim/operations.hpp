// operations.hpp: the kinds of visible operations, memory orders and mutations: small enums that
// everybody shares.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace retake::sim {

inline constexpr std::uint32_t threads_max = 16;      // alive at one time; the width of every clock
inline constexpr std::uint32_t history_max = 16;      // stores kept per location (--history, default 8)
inline constexpr std::uint32_t objects_max = 65'535;  // atomics and plains made in one execution

enum class order : std::uint8_t { relaxed, acquire, release, acq_rel, seq_cst };
enum class rmw : std::uint8_t { exchange, add_, sub_, or_, and_ };

struct value_traits {
  std::uint8_t bytes;
  bool pointer;  // an address by its type: only "zero or not" enters a hash
};

enum class op_kind : std::uint8_t {
  none,
  thread_begin,
  thread_exit,
  thread_start,
  load,
  store,
  rmw,
  cas,
  split_store,
  fence,
  heavy,
  futex_wait,
  futex_resume,
  futex_wake,
  pause,
  clock,
  sleep,
  random,
  named,
  plain_read,
  plain_write,
  recheck,
  require,
  kernel,
  kernel_wait,
  signal,
  note,
  make,
  join,
  count
};
// As they stand in replays and timelines. Part of the replay format: never renamed, only added.
inline constexpr std::array<std::string_view, static_cast<std::size_t>(op_kind::count)> op_names =
    {"none",        "thread_begin", "thread_exit", "thread_start", "load",         "store",      "rmw",     "cas",
     "split_store", "fence",        "heavy",       "futex_wait",   "futex_resume", "futex_wake", "pause",   "clock",
     "sleep",       "random",       "named",       "plain_read",   "plain_write",  "recheck",    "require", "kernel",
     "kernel_wait", "signal",       "note",        "make",         "join"};

inline std::string_view name_of(op_kind k) { return op_names[static_cast<std::size_t>(k)]; }

enum class mutation : std::uint8_t { none, relaxed, acquire, release, acq_rel, drop, split };

}  // namespace retake::sim
