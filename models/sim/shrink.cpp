#include "sim/shrink.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <tuple>
#include <unordered_map>

namespace retake::sim {

namespace {

struct departure {
  std::uint64_t key;
  std::uint32_t value;  // thread: slot; else: alternative
  std::uint32_t rank;   // what is taken away first
};

std::uint64_t key_of(std::uint32_t slot, std::uint32_t local, choice_kind kind, std::uint32_t again) {
  return static_cast<std::uint64_t>(local) << 32 | static_cast<std::uint64_t>(again & 0xffff) << 16 | slot << 8 |
         static_cast<std::uint32_t>(kind);
}

// Counts how often the same question was asked at one place (a clock tick asks again).
class repeat_counter {
 public:
  void clear() { last_.clear(); }
  std::uint32_t next(std::uint32_t slot, std::uint32_t local, choice_kind kind) {
    return last_[key_of(slot, local, kind, 0)]++;
  }

 private:
  std::unordered_map<std::uint64_t, std::uint32_t> last_;
};

class departures_chooser final : public chooser {
 public:
  char const* name() const override { return "shrink"; }
  void begin(std::uint64_t) override { repeats_.clear(); }
  std::uint32_t choose(choice_point const& p) override {
    auto const found = map_.find(key_of(p.running, p.local, p.kind, repeats_.next(p.running, p.local, p.kind)));
    if (found == map_.end()) return 0;
    std::uint32_t const a = p.kind == choice_kind::thread ? p.alternative_of(found->second) : found->second;
    return a < p.n ? a : 0;
  }
  bool end(execution_summary const&) override { return false; }
  void use(std::vector<departure> const& set) {
    map_.clear();
    for (auto const& d : set) map_[d.key] = d.value;
  }

 private:
  std::unordered_map<std::uint64_t, std::uint32_t> map_;
  repeat_counter repeats_;
};

std::vector<departure> departures_of(std::vector<choice_record> const& choices) {
  std::vector<departure> set;
  repeat_counter repeats;
  for (auto const& c : choices) {
    std::uint32_t const again = repeats.next(c.thread, c.local, c.kind);
    if (c.chosen == 0) continue;
    std::uint32_t const rank = c.preempts()                                                       ? 0
                               : c.kind == choice_kind::read_from || c.kind == choice_kind::place ? 1
                               : c.kind == choice_kind::thread                                    ? 3
                                                                                                  : 2;
    set.push_back({key_of(c.thread, c.local, c.kind, again), c.kind == choice_kind::thread ? c.to : c.chosen, rank});
  }
  return set;
}

// The questions of a run that were answered tamely, as departures: one older value read.
std::vector<departure> untried_reads(std::span<choice_record const> choices) {
  std::vector<departure> all;
  repeat_counter repeats;
  for (auto const& c : choices) {
    std::uint32_t const again = repeats.next(c.thread, c.local, c.kind);
    if (c.kind != choice_kind::read_from || c.chosen != 0) continue;
    for (std::uint32_t age = 1; age < c.n && age <= 2; ++age)
      all.push_back({key_of(c.thread, c.local, c.kind, again), age, 1});
  }
  return all;
}

auto weight(execution const& x, std::size_t departures) {
  return std::make_tuple(x.preemptions, x.stale_reads, departures, x.steps);
}

}  // namespace

shrunk shrink(engine& e, scenario const& s, char const* tag, std::vector<choice_record> const& choices,
              std::uint32_t executions_max, double seconds_max) {
  shrunk best;
  departures_chooser c;
  auto const begin = std::chrono::steady_clock::now();
  auto const over = [&] {
    return best.executions >= executions_max ||
           std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() >= seconds_max;
  };
  std::vector<departure> set = departures_of(choices);
  auto const attempt = [&](std::vector<departure> const& candidate) {
    c.use(candidate);
    c.begin(0);
    ++best.executions;
    execution const& x = e.run(s, c);
    return x.failed && std::strcmp(x.what.tag, tag) == 0;
  };
  auto const keep = [&] {
    best.choices.assign(e.choices().begin(), e.choices().end());
    best.result = e.last();
    set = departures_of(best.choices);
  };
  if (!attempt(set)) return best;
  best.reproduced = true;
  keep();
  // Taking away is at its end; but a preemption can stand for a stale read somewhere else: away
  // with one (or with all), and one older value read instead.
  auto const trade = [&] {
    auto const old_weight = weight(best.result, set.size());
    std::vector<std::vector<departure>> bases(1);
    for (std::size_t i = 0; i < set.size(); ++i) {
      if (set[i].rank != 0) continue;
      bases.push_back(set);
      bases.back().erase(bases.back().begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (auto const& base : bases) {
      if (over()) return false;
      attempt(base);
      for (auto const& read : untried_reads(e.choices())) {
        if (over()) return false;
        std::vector<departure> candidate = base;
        candidate.push_back(read);
        if (!attempt(candidate) ||
            !(weight(e.last(), departures_of({e.choices().begin(), e.choices().end()}).size()) < old_weight))
          continue;
        keep();
        return true;
      }
    }
    return false;
  };
  bool smaller = true;
  while (smaller) {
    smaller = false;
    for (std::uint32_t rank = 0; rank < 4; ++rank) {
      auto const count = [&] {
        return static_cast<std::size_t>(
            std::count_if(set.begin(), set.end(), [&](auto const& d) { return d.rank == rank; }));
      };
      for (std::size_t chunk = std::max<std::size_t>(count(), 1); chunk >= 1; chunk /= 2) {
        std::size_t from = 0;
        while (from < count() && !over()) {
          std::vector<departure> candidate;
          std::size_t place = 0;
          for (auto const& d : set) {
            bool const mine = d.rank == rank;
            if (!mine || place < from || place >= from + chunk) candidate.push_back(d);
            place += mine ? 1 : 0;
          }
          auto const old_weight = weight(best.result, set.size());
          if (attempt(candidate) &&
              weight(e.last(), departures_of({e.choices().begin(), e.choices().end()}).size()) < old_weight) {
            keep();
            smaller = true;
          } else {
            from += chunk;
          }
        }
      }
    }
    if (over()) break;
    if (!smaller) smaller = trade();
  }
  return best;
}

}  // namespace retake::sim
