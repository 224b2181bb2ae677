// What the scheduler tells us, and what we do then.
#include "sched/watch.hpp"

#include <new>

#include "observe/schedtrace.hpp"
#include "observe/snapshot.hpp"
#include "observe/watcher.hpp"
#include "world/last_words.hpp"
#include "world/memory.hpp"
#include "world/print.hpp"
#include "world/require.hpp"

namespace retake::watch {

using observe::thread_sites;
using observe::watcher_of;

namespace {

[[gnu::noinline]] void report(void* s) noexcept {
  const observe::registers here = observe::registers_here();
  observe::dump_at_end(*static_cast<scheduler*>(s), &here);
}

}  // namespace

void begin(scheduler& s) noexcept {
  void* const memory = world::allocate(sizeof(observe::watcher), alignof(observe::watcher));
  if (memory == nullptr) world::fatal("runtime: cannot allocate memory for reports");
  s.watcher = new (memory) observe::watcher(s);
  world::on_fatal(report, &s);
}

void end(scheduler& s) noexcept {
  world::forget_quit();
  world::on_fatal(nullptr, nullptr);
  observe::watcher& w = watcher_of(s);
  w.~watcher();
  world::deallocate(&w, sizeof(observe::watcher));
}

void thread_made(machine& m, goroutine* charged) noexcept {
  thread_sites& threads = watcher_of(m.home).threads;
  try {
    m.charged_site = threads.made(charged);
  } catch (std::bad_alloc const&) {
    m.charged_site = nullptr;  // one thread that the profile does not know
  }
}

void thread_ended(machine& m) noexcept {
  if (m.charged_site != nullptr) watcher_of(m.home).threads.ended(static_cast<thread_sites::site*>(m.charged_site));
}

void monitor_begins(scheduler& s) noexcept { world::keep_quit(report, &s); }
void monitor_sleeps(scheduler&) noexcept { world::quit_open(); }
void monitor_wakes(scheduler&) noexcept { world::quit_shut(); }

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
