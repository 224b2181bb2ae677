#include "sim/campaign.hpp"

#include <chrono>

namespace retake::sim {

campaign explore(engine& e, scenario const& s, chooser& c, campaign_limits const& limits) {
  using steady = std::chrono::steady_clock;
  campaign r;
  auto const begin = steady::now();
  auto const seconds = [&] { return std::chrono::duration<double>(steady::now() - begin).count(); };
  auto over = [&] { return (limits.stop != nullptr && *limits.stop != 0) || seconds() >= limits.seconds_max; };
  e.end_when([](void* context) { return (*static_cast<decltype(over)*>(context))(); }, &over);
  bool more = limits.executions_max > 0;
  while (more) {
    std::uint64_t const number = limits.first + r.executions * limits.stride;
    c.begin(number);
    execution const& x = e.run(s, c);
    r.steps += x.steps;
    r.truncated |= x.truncated;
    r.cut = x.cut;
    if (x.cut) break;
    ++r.executions;
    r.trace_hash = (r.trace_hash ^ x.hash) * 0x9e3779b97f4a7c15ULL;
    r.trace_hash ^= r.trace_hash >> 31;
    r.traces.add(x.hash);
    more = c.end(summary_of(x));
    if (x.failed) {
      r.failed = true;
      r.failing_execution = number;
      r.last = x;
      r.choices.assign(e.choices().begin(), e.choices().end());
      break;
    }
    if (r.executions == limits.executions_max) break;
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
