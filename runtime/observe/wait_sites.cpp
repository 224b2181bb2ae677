#include "observe/wait_sites.hpp"

#include <utility>

#include "observe/watcher.hpp"
#include "sched/watch.hpp"
#include "world/random.hpp"

namespace retake {

namespace observe {

void wait_sites::add(still_stack stack, double count, double wait_ns) {
  call_site from = call_site_of(std::move(stack));
  const locked hold(lock_);
  site& at = site_for(sites_, std::move(from));
  at.count += count;
  at.wait_ns += wait_ns;
}

std::vector<wait_sites::site> wait_sites::all() {
  const locked hold(lock_);
  return {sites_.begin(), sites_.end()};
}

}  // namespace observe

namespace {

void add_here(observe::wait_sites& sites, observe::registers const& here, double count, double wait_ns) noexcept {
  try {
    sites.add(observe::stack_of_caller(here), count, wait_ns);
  } catch (std::bad_alloc const&) {
    return;  // one wait that the profile does not know
  }
}

}  // namespace

// A wait shorter than the rate is sampled as often as it is long, and stands for as many as it was
// not: the profile is the same at every rate, but for chance.
[[gnu::noinline]] void watch::waited(machine& m, std::int64_t wait_ns) noexcept {
  const std::int64_t rate_ns = m.home.block_profile_ns.get();
  if (rate_ns <= 0 || wait_ns <= 0) return;
  double count = 1, length_ns = static_cast<double>(wait_ns);
  if (wait_ns < rate_ns) {
    if (world::random_below(static_cast<std::uint32_t>(rate_ns)) >= wait_ns) return;
    count = static_cast<double>(rate_ns) / length_ns;
    length_ns = static_cast<double>(rate_ns);
  }
  add_here(observe::watcher_of(m.home).waits, observe::registers_here(), count, length_ns);
}

[[gnu::noinline]] void watch::contended(machine& m, std::int64_t wait_ns) noexcept {
  const std::uint32_t one_in = m.home.mutex_profile_one_in.get();
  if (one_in == 0 || world::random_below(one_in) != 0) return;
  add_here(observe::watcher_of(m.home).contentions, observe::registers_here(), one_in,
           static_cast<double>(wait_ns) * one_in);
}

}  // namespace retake
