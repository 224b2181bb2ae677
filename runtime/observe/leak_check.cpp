#include "retake/leak_check.hpp"

#include "io/signals.hpp"
#include "observe/frames.hpp"
#include "retake/clock.hpp"
#include "retake/go.hpp"
#include "sched/scheduler.hpp"

namespace retake {

namespace {
constexpr std::chrono::milliseconds look_every(1);
}

leak_check::leak_check() noexcept : newest_(machine_here().home.goroutines_created.load_relaxed()) {}

std::string leak_check::report_after(std::int64_t patience_ns) const {
  const time_point until = detail::deadline_in_ns(patience_ns);
  scheduler& s = machine_here().home;
  while (observe::count_newer(s, newest_) != 0 && monotonic_now() < until) sleep_for(look_every);
  std::string text;
  const std::uint64_t self = goroutine_id();
  for (goroutine_info const& one : all_goroutines()) {
    if (one.id > newest_ && one.id != self && !detail::signal_service::is_relay(s, one.id))
      text += observe::text_of(one) + "\n";
  }
  return text;
}

}  // namespace retake
