// search.hpp: who decides, at each choice of an execution, what comes next; and what was decided,
// so that it can be repeated.
//
// Problem.   Relacy's own searches fall short here. Its random generator has 32 bits of state of
//            which a choice between two uses one: at most 131,072 different executions of a program
//            with two threads, however many iterations are asked for. Its full search keeps a
//            parked thread back until every other thread has run, and reads two old stores at most
//            instead of three. Neither ends at a deadline.
// Recipe.    One trail of (alternatives, chosen) per execution, whatever the search:
//              random   chosen by a 64-bit generator seeded with (seed, number of the execution).
//                       Half of the executions walk evenly; a
//                       quarter each stays on its thread with 3 of 4 and 7 of 8, so that few
//                       switches in many steps are tried too
//              full     depth first: the trail of the last execution, its last choice with an
//                       alternative left moved on by one
//              bound    as full, with at most `bound` switches away from a thread that could go on
//              replay   the trail is given
// Fields.    Everything before the blank line: set by who starts the search. The rest: by choose()
//            and the explorer.
// Not promised: that full ends. Names nothing of Relacy.
#pragma once

#include <cstdint>

namespace retake::model {

enum class search_kind : std::uint8_t { random, full, bound, replay };

struct choice {
  std::uint16_t alternatives;
  std::uint16_t chosen;
};

struct search {
  static constexpr std::uint32_t trail_max = 16384;

  search_kind kind = search_kind::random;
  unsigned bound = 0;  // switches away from a running thread, for `bound`
  std::uint64_t seed = 0;
  std::uint64_t executions_max = 0;
  std::int64_t deadline_ns = 0;  // on the steady clock; 0: none

  std::uint64_t executions = 0;
  bool exhausted = false;
  bool truncated = false;          // an execution was longer than the trail, or a limit ended the search
  bool diverged = false;           // a given trail did not fit the program
  std::uint32_t depth = 0;         // choices made in this execution
  std::uint32_t open = trail_max;  // choices of this execution whose other alternatives are to be tried
  std::uint32_t given = 0;         // leading choices of this execution that are prescribed
  std::uint32_t steps = 0;         // scheduling points of this execution
  std::uint32_t preemptions = 0;   // switches away from a thread that could go on, in this execution
  std::uint64_t random_state = 0;
  unsigned stay = 0;  // of 256: how often a random walk stays on its thread
  choice trail[trail_max] = {};

  static std::uint64_t mixed(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
  }
  std::uint32_t random() noexcept {
    random_state += 0x9e3779b97f4a7c15ull;
    return static_cast<std::uint32_t>(mixed(random_state) >> 32);
  }

  void begin_execution() noexcept {
    depth = steps = preemptions = 0;
    open = trail_max;
    if (kind != search_kind::random) return;
    given = 0;
    random_state = mixed(seed * 0x9e3779b97f4a7c15ull + 1) + mixed(executions);
    stay = (executions & 3) == 2 ? 192 : (executions & 3) == 3 ? 224 : 0;
  }

  // One of `n`. `keep`: 0 is "the same thread goes on", which some random walks prefer.
  std::uint32_t choose(std::uint32_t n, bool keep = false) noexcept {
    if (n == 1) return 0;
    if (depth == trail_max) [[unlikely]] {
      truncated = true;
      return 0;
    }
    choice& here = trail[depth];
    if (kind == search_kind::random) {
      std::uint32_t const chosen = keep && stay != 0 && (random() >> 24) < stay
                                       ? 0
                                       : static_cast<std::uint32_t>(std::uint64_t{random()} * n >> 32);
      here = {static_cast<std::uint16_t>(n), static_cast<std::uint16_t>(chosen)};
    } else if (depth >= given) {
      if (kind == search_kind::replay) diverged = true;
      here = {static_cast<std::uint16_t>(n), 0};
    } else if (here.alternatives != n) {
      diverged = true;
      here = {static_cast<std::uint16_t>(n), 0};
    }
    ++depth;
    return here.chosen;
  }

  // full and bound: prescribes the next execution; false when there is none.
  bool advance() noexcept {
    for (std::uint32_t i = depth < open ? depth : open; i != 0; --i) {
      choice& last = trail[i - 1];
      if (last.chosen + 1u == last.alternatives) continue;
      ++last.chosen;
      given = i;
      return true;
    }
    return false;
  }

  // Behind a finished execution; true: it was the last.
  bool end_execution() noexcept;
};

// The search that runs. One at a time in a process.
inline search the_search;

}  // namespace retake::model
