// What the scheduler tells us, and what we do then.
#include "sched/watch.hpp"

#include <fmt/format.h>

#include <new>

#include "observe/layout.hpp"
#include "observe/schedtrace.hpp"
#include "observe/snapshot.hpp"
#include "observe/watcher.hpp"
#include "world/fault.hpp"
#include "world/kernel.hpp"
#include "world/last_words.hpp"
#include "world/memory.hpp"
#include "world/print.hpp"
#include "world/require.hpp"

namespace retake::watch {

using observe::thread_sites;
using observe::watcher_of;

namespace {

[[gnu::noinline]] void report(void* s) noexcept {
  observe::registers here = observe::registers_here();
  if (world::thread_registers const* const fault = world::fatal_fault()) here = observe::registers_of(*fault);
  sched::freeze_the_world(*static_cast<scheduler*>(s));
  observe::dump_at_end(*static_cast<scheduler*>(s), &here);
}

// In a handler, on the monitor's thread while it sleeps.
void wake_monitor(void* argument) noexcept {
  scheduler& s = *static_cast<scheduler*>(argument);
  const locked hold(s.lock);
  s.monitor.wake();
}

}  // namespace

void begin(scheduler& s) noexcept {
  void* const memory = world::allocate(sizeof(observe::watcher), alignof(observe::watcher));
  if (memory == nullptr) world::fatal("runtime: cannot allocate memory for reports");
  observe::watcher* const w = new (memory) observe::watcher(s);
  s.watcher = w;
  if (w->chosen.gomaxprocs) {
    const std::string text = fmt::format("runtime: gomaxprocs={}; affinity and cgroup allow {}\n", s.processors.count(),
                                         world::kernel::cpu_limit());
    world::print(text.data(), text.size());
  }
  world::on_fatal(report, &s);
  world::require(retake_layout.scheduler == &world::at_fatal.argument,
                 "retake_layout leads debuggers elsewhere");  // also what links it
  world::keep_quit(report, wake_monitor, &s);
}

void end(scheduler& s) noexcept {
  world::forget_quit(&s);
  world::on_fatal(nullptr, nullptr);
  observe::watcher& w = watcher_of(s);
  w.~watcher();
  world::deallocate(&w, sizeof(observe::watcher));
}

void limit_changed(scheduler& s, std::uint32_t before, std::uint32_t now) noexcept {
  if (!watcher_of(s).chosen.gomaxprocs || before == now) return;
  const std::string text =
      fmt::format("runtime: gomaxprocs={}; it was {}: affinity or cgroup have changed\n", now, before);
  world::print(text.data(), text.size());
}

void thread_made(machine& m, goroutine* charged, lock_site ended) noexcept {
  thread_sites& threads = watcher_of(m.home).threads;
  try {
    m.charged_site = threads.made(charged, ended);
    watcher_of(m.home).traces.attach(m);
  } catch (std::bad_alloc const&) {
    return;  // one thread that the profile or the trace does not know
  }
}

void thread_ended(machine& m) noexcept {
  watcher_of(m.home).traces.detach(m);
  if (m.charged_site != nullptr) watcher_of(m.home).threads.ended(static_cast<thread_sites::site*>(m.charged_site));
}

void monitor_begins(scheduler& s) noexcept { world::attend_quit(&s); }
void monitor_sleeps(scheduler&) noexcept { world::quit_open(); }
void monitor_wakes(scheduler&) noexcept { world::quit_shut(); }
void monitor_ends(scheduler& s) noexcept { world::leave_quit(&s); }

void monitor_round(scheduler& s, std::int64_t now_ns) noexcept {
  observe::watcher& w = watcher_of(s);
  if (w.chosen.schedtrace_ms == 0 || now_ns < w.next_trace_ns) return;
  w.next_trace_ns = now_ns + w.chosen.schedtrace_ms * std::int64_t{1'000'000};
  try {
    const std::string text = observe::schedtrace_text(s, w.began_ns, w.chosen.scheddetail);
    world::print(text.data(), text.size());
  } catch (std::bad_alloc const&) {
    return;  // one line less
  }
}

bool monitor_stays_awake(scheduler& s) noexcept { return watcher_of(s).chosen.schedtrace_ms != 0; }

}  // namespace retake::watch
