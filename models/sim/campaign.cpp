#include "sim/campaign.hpp"

#include <algorithm>
#include <chrono>

#include "sim/choices/races.hpp"

namespace retake::sim {

namespace {

// Another strategy whose opportunities are counted, and whose budgets are not spent.
class pilot final : public chooser {
 public:
  explicit pilot(chooser& inner) : inner_(inner) {}
  char const* name() const override { return inner_.name(); }
  void begin(std::uint64_t execution) override {
    inner_.begin(execution);
    ticks_ = faults_ = give_ups_ = 0;
  }
  std::uint32_t choose(choice_point const& p) override {
    std::uint32_t const chosen = inner_.choose(p);
    if (p.kind == choice_kind::fault || p.kind == choice_kind::give_up) {
      ++(p.kind == choice_kind::fault ? faults_ : give_ups_);
      return 0;
    }
    if (p.kind != choice_kind::thread || !p.clock_may_tick) return chosen;
    ++ticks_;
    return chosen == p.n - 1 ? 0 : chosen;
  }
  bool end(execution_summary const& summary) override { return inner_.end(summary); }
  void lengthen(lengths& most, std::uint32_t steps) const {
    most.steps = std::max(most.steps, steps);
    most.ticks = std::max(most.ticks, ticks_);
    most.faults = std::max(most.faults, faults_);
    most.give_ups = std::max(most.give_ups, give_ups_);
  }

 private:
  chooser& inner_;
  std::uint32_t ticks_ = 0;
  std::uint32_t faults_ = 0;
  std::uint32_t give_ups_ = 0;
};

bool is_choice_point(op_kind kind) noexcept {
  switch (kind) {
    case op_kind::plain_read:
    case op_kind::plain_write:
    case op_kind::require:
    case op_kind::note:
    case op_kind::make: return false;
    default: return true;
  }
}

// What each thread did in the last execution, and where.
void count_operations(engine const& e, by_slot& operations, std::vector<by_slot>& accesses) {
  for (std::uint32_t i = 0; i < e.event_count(); ++i) {
    event const& done = e.event_at(i);
    if (!is_choice_point(done.op)) continue;
    ++operations[done.thread];
    if (!is_access(done.op)) continue;
    if (accesses.size() <= done.object) accesses.resize(done.object + std::size_t{1});
    ++accesses[done.object][done.thread];
  }
}

void raise_to(by_slot& most, by_slot const& counted) {
  for (std::size_t slot = 0; slot < most.size(); ++slot) most[slot] = std::max(most[slot], counted[slot]);
}

}  // namespace

measurement measure(engine& e, scenario const& s, chooser& c) {
  measurement m;
  c.learn({});
  pilot p(c);
  for (std::uint32_t i = 0; i < pilots && !m.failed; ++i) {
    m.last = pilots_from + i;
    p.begin(m.last);
    execution const& x = e.run(s, p);
    p.lengthen(m.most, x.steps);
    by_slot operations{};
    std::vector<by_slot> accesses;
    count_operations(e, operations, accesses);
    raise_to(m.most.operations, operations);
    m.most.accesses.resize(std::max(m.most.accesses.size(), accesses.size()));
    for (std::size_t l = 0; l < accesses.size(); ++l) raise_to(m.most.accesses[l], accesses[l]);
    m.failed = x.failed;
    if (x.cut) break;
  }
  return m;
}

campaign explore(engine& e, scenario const& s, chooser& c, campaign_limits const& limits) {
  using steady = std::chrono::steady_clock;
  campaign r;
  auto const begin = steady::now();
  auto const seconds = [&] { return std::chrono::duration<double>(steady::now() - begin).count(); };
  auto over = [&] { return (limits.stop != nullptr && *limits.stop != 0) || seconds() >= limits.seconds_max; };
  e.end_when([](void* context) { return (*static_cast<decltype(over)*>(context))(); }, &over);
  auto const count = [&](execution const& x, std::uint64_t number) {
    r.steps += x.steps;
    r.truncated |= x.truncated;
    r.cut = x.cut;
    if (x.cut) return;
    ++r.executions;
    r.trace_hash = (r.trace_hash ^ x.hash) * 0x9e3779b97f4a7c15ULL;
    r.trace_hash ^= r.trace_hash >> 31;
    r.traces.add(x.hash);
    if (!x.failed) return;
    r.failed = true;
    r.failing_execution = number;
    r.last = x;
    r.choices.assign(e.choices().begin(), e.choices().end());
  };
  bool more = limits.executions_max > 0;
  if (more && c.learns()) {
    measurement const m = measure(e, s, c);
    more = !m.failed && !e.last().cut;
    if (more)
      c.learn(m.most);
    else
      count(e.last(), m.last);
  }
  while (more) {
    std::uint64_t const number = limits.first + r.executions * limits.stride;
    c.begin(number);
    execution const& x = e.run(s, c);
    count(x, number);
    if (r.cut) break;
    more = c.end(summary_of(x));
    if (r.failed || r.executions == limits.executions_max) break;
    if (limits.stop != nullptr && *limits.stop != 0) break;
    // The clock is looked at once in about 64 k steps.
    if ((r.steps >> 16) != ((r.steps - x.steps) >> 16) && seconds() >= limits.seconds_max) break;
  }
  e.end_when(nullptr, nullptr);
  r.seconds = seconds();
  r.exhausted = c.exhausted() && !r.truncated && !r.failed;
  return r;
}

}  // namespace retake::sim
