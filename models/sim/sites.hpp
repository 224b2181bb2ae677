// sites.hpp: the table of source sites that executed an operation: names, hashes, counters, the
// mutant.
//
// Problem.   A site arrives as three pointers and a line, a few times in every 100 ns, and must
//            become a record with counters and a name whose hash is the same in every process and
//            from both compilers.
// Rejected.  Hashing the strings at each step. A static object per call site: data of ours in the
//            image, and order of initialisation.
// Recipe.    An open-addressed cache keyed by (file pointer, line, kind of operation); a miss looks
//            the strings up among the records. The pointer serves the look-up alone. Functions are
//            named up to their template arguments (GCC writes them, clang not).
//
// Fields.    reached, outcomes: counted over all executions of the engine; only clear_counters()
//            resets them.
// Not promised: two operations of one kind on one line are one site. More than sites_max sites: the
//            execution ends with the finding `bound`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/operations.hpp"
#include "world/site.hpp"

namespace retake::sim {

struct site_record {
  char const* file = "";
  char const* function = "";
  unsigned line = 0;
  std::uint32_t function_hash = 0;
  std::uint16_t id = 0;
  op_kind kind = op_kind::none;
  mutation mutate = mutation::none;
  bool may_time_out = false;  // a futex_wait that was given a deadline
  std::uint64_t reached = 0;
  static constexpr std::size_t outcomes_max = 4;
  std::uint64_t outcomes[outcomes_max] = {};  // by the place of their name in sides_of()

  std::string_view basename() const noexcept;
  std::string_view function_name() const noexcept;  // without template arguments
};

// The names of the answers to a two-sided question; empty for an operation that asks none.
// cas: won, lost. recheck: true, false. futex_wait: woken by a wake, changed (the word differed
// before the sleep), timed_out, spurious (a fault or a signal, and no wake).
std::span<std::string_view const> sides_of(op_kind kind) noexcept;
// How many of them, from the first on, a site has to see. A wait that may time out has to see that
// too, and no time-out counts as a wake; a spurious wake is counted and not asked for.
std::size_t sides_needed(op_kind kind, bool may_time_out) noexcept;

// `--mutate basename:line:kind`. Empty file: none.
struct mutant {
  std::string file;
  unsigned line = 0;
  mutation kind = mutation::none;

  // False and a one-line reason when the text is not SITE:KIND.
  static bool parse(std::string_view text, mutant& out, std::string& reason);
  std::string text() const;
};

class site_table {
 public:
  static constexpr std::uint32_t sites_max = 4096;

  site_table();
  site_record& intern(world::site const& where, op_kind kind) noexcept {
    std::uint64_t const slot = slot_of(where.file, where.line, kind);
    for (std::uint32_t probe = 0; probe < probes_max; ++probe) {
      cache_entry const& e = cache_[(slot + probe) & cache_mask_];
      if (e.file == where.file && e.line == where.line && e.kind == kind) return records_[e.record];
      if (e.file == nullptr) break;
    }
    return look_up(where, kind);
  }
  site_record const& operator[](std::uint16_t id) const noexcept { return records_[id]; }
  std::uint32_t size() const noexcept { return size_; }

  void set_mutant(mutant const& m);
  bool mutant_reached() const noexcept { return mutant_reached_; }
  // The kind of mutation does not fit the operation at the site: bad usage. Which operation it was.
  op_kind mutant_misfit() const noexcept { return misfit_; }
  void clear_counters() noexcept;

  // One JSON object per site with counters, merged by file name, line and kind: lines, each ends
  // with '\n'. Merge across runs by adding.
  std::string counters_json() const;
  // Sites that were asked a two-sided question and did not see each answer: text for people, one a
  // line.
  std::vector<std::string> one_sided() const;

 private:
  static constexpr std::uint32_t cache_size_first = 1024;  // it doubles when half of it is in use
  static constexpr std::uint32_t probes_max = 16;
  struct cache_entry {
    char const* file = nullptr;
    unsigned line = 0;
    std::uint16_t record = 0;
    op_kind kind = op_kind::none;
  };

  static std::uint64_t slot_of(char const* file, unsigned line, op_kind kind) noexcept {
    return (reinterpret_cast<std::uintptr_t>(file) >> 3) * 31 + line * 2654435761U +
           static_cast<std::uint64_t>(kind) * 97;
  }
  void remember(cache_entry const& e) noexcept;
  site_record& look_up(world::site const& where, op_kind kind) noexcept;
  void apply_mutant(site_record& r) noexcept;
  std::vector<site_record> merged() const;

  std::vector<cache_entry> cache_;
  std::uint64_t cache_mask_ = cache_size_first - 1;
  std::uint32_t cached_ = 0;
  std::vector<site_record> records_;
  std::uint32_t size_ = 0;
  mutant mutant_;
  bool mutant_reached_ = false;
  op_kind misfit_ = op_kind::none;
};

}  // namespace retake::sim
