// sites.hpp: what is kept per source line: the one mutant, and how often each outcome of a
// two-sided question was seen.
//
// Problem.   Weakening one order must not need a rebuild, and must cost the operations that are not
//            meant nothing.
// Recipe.    One mutant per process, chosen before the search. Each operation compares its line
//            with the mutant's (0: none) and only on equality its file; the line is a constant
//            where the operation is inlined.
//            Outcomes: a small open-addressed table, by (line, question); counted over all
//            executions of a process.
//
// Fields.    mutant: written before a search; `reached` and `misfit` by the operations. outcomes:
//            by the operations.
// Not promised: two operations of one kind on one line are one site. More than outcomes_max sites:
// the rest is not counted. Names nothing of Relacy: the harness reads it too.
#pragma once

#include <cstdint>
#include <cstring>

#include "world/site.hpp"

namespace retake::world::relacy {

enum class mutation : std::uint8_t { none, relaxed, acquire, release, acq_rel, drop, split };

struct mutant_site {
  unsigned line = 0;  // 0: no mutant
  char const* file = "";
  mutation kind = mutation::none;
  bool reached = false;
  char const* misfit = nullptr;  // the operation at the site, when the kind does not weaken it
};
inline mutant_site mutant;

[[nodiscard]] inline char const* base_name(char const* path) noexcept {
  char const* const slash = std::strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

// Behind the comparison of the line. Marks the mutant as reached.
[[nodiscard, gnu::cold, gnu::noinline]] inline bool is_mutant(site const& where) noexcept {
  if (std::strcmp(base_name(where.file), mutant.file) != 0) return false;
  mutant.reached = true;
  return true;
}

// cas: won, lost. recheck: true, false. futex_wait: slept, changed, timed out.
enum class question : std::uint8_t { cas, recheck, futex_wait };

struct outcome_record {
  char const* file = nullptr;
  unsigned line = 0;
  question what = question::cas;
  std::uint64_t seen[3] = {};
};
inline constexpr std::uint32_t outcomes_max = 256;
inline outcome_record outcomes[outcomes_max];

inline void count_outcome(question what, unsigned answer, site const& where) noexcept {
  std::uint32_t const start = where.line * 4 + static_cast<std::uint32_t>(what);
  for (std::uint32_t probe = 0; probe < 16; ++probe) {
    outcome_record& r = outcomes[(start + probe) % outcomes_max];
    if (r.file == nullptr) r.file = where.file, r.line = where.line, r.what = what;
    if (r.line != where.line || r.what != what || r.file != where.file) continue;
    ++r.seen[answer];
    return;
  }
}

}  // namespace retake::world::relacy
