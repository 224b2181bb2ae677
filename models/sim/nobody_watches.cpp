// The simulator does not compile runtime/observe: here nobody watches (sched/watch.hpp).
#include "sched/watch.hpp"

namespace retake::watch {

void begin(scheduler&) noexcept {}
void end(scheduler&) noexcept {}
void main_begins(scheduler&) noexcept {}
void main_returned(scheduler&) noexcept {}
void monitor_begins(scheduler&) noexcept {}
void monitor_sleeps(scheduler&) noexcept {}
void monitor_wakes(scheduler&) noexcept {}
void monitor_round(scheduler&, std::int64_t) noexcept {}
void monitor_ends(scheduler&) noexcept {}
void hogs(processor&, std::int64_t, std::int64_t) noexcept {}
void limit_changed(scheduler&, std::uint32_t, std::uint32_t) noexcept {}
void thread_made(machine&, goroutine*, lock_site) noexcept {}
void thread_refused(scheduler&) noexcept {}
void waited(machine&, std::int64_t) noexcept {}
void contended(machine&, std::int64_t) noexcept {}
void thread_ended(machine&) noexcept {}
bool monitor_stays_awake(scheduler&) noexcept { return false; }

}  // namespace retake::watch
