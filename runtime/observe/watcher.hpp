// watcher.hpp: what this room keeps for one scheduler.
#pragma once

#include <cstdint>
#include <memory>

#include "observe/settings.hpp"
#include "observe/symbols.hpp"
#include "observe/thread_sites.hpp"
#include "observe/tracer.hpp"
#include "observe/wait_sites.hpp"
#include "sched/scheduler.hpp"

namespace retake {
class pprof_server;
}

namespace retake::observe {

struct watcher {
  explicit watcher(scheduler& s) noexcept
      : home(s), began_ns(s.clock_ns.get()), chosen(settings_from_environment()), next_trace_ns(began_ns) {}
  scheduler& home;
  std::int64_t const began_ns;
  settings const chosen;
  std::int64_t next_trace_ns;  // sysmon's
  thread_sites threads;
  wait_sites waits;
  wait_sites contentions;
  tracer traces;
  std::shared_ptr<pprof_server> server;  // the main goroutine's
};

[[nodiscard]] inline watcher& watcher_of(scheduler& s) noexcept { return *static_cast<watcher*>(s.watcher); }

// All goroutines onto standard error, on a process that is about to end: takes no lock. `here`: of
// the thread that reports.
void dump_at_end(scheduler& s, registers const* here) noexcept;

}  // namespace retake::observe
