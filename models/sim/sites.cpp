#include "sim/sites.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "sim/engine.hpp"

namespace retake::sim {

namespace {

std::string_view base_of(std::string_view path) {
  auto const slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// GCC names an instance f<int>, clang f. operator< and its kin keep their sign.
std::string_view strip_arguments(std::string_view name) {
  constexpr std::string_view op = "operator";
  std::size_t from = 0;
  if (name.substr(0, op.size()) == op) {
    from = op.size();
    if (name.substr(from, 2) == "()")
      from += 2;
    else
      while (from < name.size() && std::strchr("<>=", name[from]) != nullptr) ++from;
  }
  auto const bracket = name.find('<', from);
  return bracket == std::string_view::npos ? name : name.substr(0, bracket);
}

std::uint32_t hash_name(std::string_view name) {
  std::uint32_t h = 2166136261U;
  for (char const c : name) h = (h ^ static_cast<unsigned char>(c)) * 16777619U;
  return h;
}

constexpr std::string_view mutation_names[] = {"none", "relaxed", "acquire", "release", "acq_rel", "drop", "split"};

bool fits(mutation m, op_kind k) {
  switch (m) {
    case mutation::none: return true;
    case mutation::relaxed: return k == op_kind::load || k == op_kind::store || k == op_kind::rmw || k == op_kind::cas;
    case mutation::acquire: return k == op_kind::load || k == op_kind::rmw || k == op_kind::cas;
    case mutation::release: return k == op_kind::store || k == op_kind::rmw || k == op_kind::cas;
    case mutation::acq_rel:
    case mutation::split: return k == op_kind::rmw || k == op_kind::cas;
    case mutation::drop: return k == op_kind::fence || k == op_kind::heavy || k == op_kind::futex_wake;
  }
  return false;
}

}  // namespace

std::span<std::string_view const> sides_of(op_kind kind) noexcept {
  static constexpr std::string_view cas[] = {"won", "lost"};
  static constexpr std::string_view recheck[] = {"true", "false"};
  static constexpr std::string_view wait[] = {"woken", "changed", "timed_out", "spurious"};
  switch (kind) {
    case op_kind::cas: return cas;
    case op_kind::recheck: return recheck;
    case op_kind::futex_wait: return wait;
    default: return {};
  }
}

std::size_t sides_needed(op_kind kind, bool may_time_out) noexcept {
  return sides_of(kind).empty() ? 0 : may_time_out ? 3 : 2;
}

std::string_view site_record::basename() const noexcept { return base_of(file); }
std::string_view site_record::function_name() const noexcept { return strip_arguments(function); }

bool mutant::parse(std::string_view text, mutant& out, std::string& reason) {
  auto const kind_colon = text.rfind(':');
  auto const line_colon = kind_colon == std::string_view::npos ? kind_colon : text.substr(0, kind_colon).rfind(':');
  reason = "SITE:KIND, as run_queue.hpp:123:relaxed; KIND is relaxed, acquire, release, acq_rel, drop or split";
  if (line_colon == std::string_view::npos || line_colon == 0) return false;
  std::string_view const line = text.substr(line_colon + 1, kind_colon - line_colon - 1);
  std::string_view const kind = text.substr(kind_colon + 1);
  mutant m;
  m.file = std::string(base_of(text.substr(0, line_colon)));
  auto const [end, error] = std::from_chars(line.data(), line.data() + line.size(), m.line);
  if (error != std::errc{} || end != line.data() + line.size() || m.line == 0) return false;
  for (std::size_t i = 1; i < std::size(mutation_names); ++i) {
    if (mutation_names[i] == kind) m.kind = static_cast<mutation>(i);
  }
  if (m.kind == mutation::none) return false;
  out = m;
  return true;
}

std::string mutant::text() const {
  if (file.empty()) return "";
  return fmt::format("{}:{}:{}", file, line, mutation_names[static_cast<std::size_t>(kind)]);
}

site_table::site_table() : cache_(cache_size_first), records_(sites_max) {
  // Record 0 is "no site".
  records_[0].function_hash = hash_name("");
  size_ = 1;
}

site_record& site_table::look_up(world::site const& where, op_kind kind) noexcept {
  site_record* found = nullptr;
  for (std::uint32_t i = 1; i < size_ && found == nullptr; ++i) {
    site_record& r = records_[i];
    if (r.line == where.line && r.kind == kind && std::strcmp(r.file, where.file) == 0) found = &r;
  }
  if (found == nullptr) {
    if (size_ == sites_max) {
      if (the_engine == nullptr) std::abort();
      the_engine->fail("bound", "bound: more sites than sites_max", 0);
    }
    found = &records_[size_];
    found->file = where.file;
    found->line = where.line;
    found->function = where.function;
    found->function_hash = hash_name(strip_arguments(where.function));
    found->kind = kind;
    found->id = static_cast<std::uint16_t>(size_++);
    apply_mutant(*found);
  }
  if (++cached_ > cache_.size() / 2) {
    std::vector<cache_entry> const smaller = std::exchange(cache_, std::vector<cache_entry>(cache_.size() * 2));
    cache_mask_ = cache_.size() - 1;
    for (cache_entry const& e : smaller) {
      if (e.file != nullptr) remember(e);
    }
  }
  remember({where.file, where.line, found->id, kind});
  return *found;
}

// Without a place for it, it is looked up each time.
void site_table::remember(cache_entry const& e) noexcept {
  std::uint64_t const slot = slot_of(e.file, e.line, e.kind);
  for (std::uint32_t probe = 0; probe < probes_max; ++probe) {
    cache_entry& free = cache_[(slot + probe) & cache_mask_];
    if (free.file != nullptr) continue;
    free = e;
    return;
  }
}

void site_table::apply_mutant(site_record& r) noexcept {
  if (mutant_.kind == mutation::none || r.line != mutant_.line || r.basename() != mutant_.file) return;
  // Construction, plain data and re-checks may stand on the same line as the operation that is
  // meant.
  if (r.kind == op_kind::make || r.kind == op_kind::recheck || r.kind == op_kind::plain_read ||
      r.kind == op_kind::plain_write || r.kind == op_kind::require || r.kind == op_kind::split_store) {
    return;
  }
  mutant_reached_ = true;
  if (!fits(mutant_.kind, r.kind)) {
    misfit_ = r.kind;
    return;
  }
  r.mutate = mutant_.kind;
}

void site_table::set_mutant(mutant const& m) {
  mutant_ = m;
  mutant_reached_ = false;
  misfit_ = op_kind::none;
  for (std::uint32_t i = 1; i < size_; ++i) {
    records_[i].mutate = mutation::none;
    apply_mutant(records_[i]);
  }
}

void site_table::clear_counters() noexcept {
  for (std::uint32_t i = 0; i < size_; ++i) {
    records_[i].reached = 0;
    for (auto& o : records_[i].outcomes) o = 0;
  }
}

std::vector<site_record> site_table::merged() const {
  std::vector<site_record> all;
  for (std::uint32_t i = 1; i < size_; ++i) {
    site_record const& r = records_[i];
    if (r.reached == 0) continue;
    site_record* same = nullptr;
    for (auto& a : all) {
      if (a.line == r.line && a.kind == r.kind && a.basename() == r.basename()) same = &a;
    }
    if (same == nullptr) {
      all.push_back(r);
      continue;
    }
    same->reached += r.reached;
    same->may_time_out |= r.may_time_out;
    for (std::size_t o = 0; o < std::size(r.outcomes); ++o) same->outcomes[o] += r.outcomes[o];
  }
  return all;
}

std::string site_table::counters_json() const {
  std::string text;
  for (auto const& r : merged()) {
    nlohmann::ordered_json line = {{"kind", "site"},
                                   {"site", fmt::format("{}:{}", r.basename(), r.line)},
                                   {"op", name_of(r.kind)},
                                   {"function", r.function_name()},
                                   {"reached", r.reached}};
    auto const sides = sides_of(r.kind);
    for (std::size_t i = 0; i < sides.size(); ++i) line[std::string(sides[i])] = r.outcomes[i];
    text += line.dump() + "\n";
  }
  return text;
}

std::vector<std::string> site_table::one_sided() const {
  std::vector<std::string> lines;
  for (auto const& r : merged()) {
    auto const sides = sides_of(r.kind);
    std::size_t const needed = sides_needed(r.kind, r.may_time_out);
    if (std::count(r.outcomes, r.outcomes + needed, 0U) == 0) continue;
    std::string seen;
    std::string unseen;
    for (std::size_t i = 0; i < sides.size(); ++i) {
      if (r.outcomes[i] != 0)
        seen += fmt::format("{}{} {} times", seen.empty() ? "" : ", ", sides[i], r.outcomes[i]);
      else if (i < needed)
        unseen += fmt::format(", never {}", sides[i]);
    }
    lines.push_back(fmt::format("{}:{} {} in {}: {}{}", r.basename(), r.line, name_of(r.kind), r.function_name(),
                                seen.empty() ? "reached" : seen, unseen));
  }
  return lines;
}

}  // namespace retake::sim
