#include "observe/schedtrace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <vector>

#include "observe/inspector.hpp"
#include "observe/watcher.hpp"
#include "retake/debug.hpp"
#include "world/clock.hpp"
#include "world/peek.hpp"

namespace retake {

namespace observe {

namespace {

constexpr std::int64_t millisecond_ns = 1'000'000;

template <class T, class Member>
T seen(Member const& where) noexcept {
  static_assert(sizeof(T) == sizeof(Member), "a member is bare bytes in the os world");
  return world::peek_word<T>(&where, T{});
}

// An id, or "nil".
template <class T>
std::string id_of(T const* what) {
  return what != nullptr ? fmt::format("{}", seen<std::remove_const_t<decltype(what->id)>>(what->id)) : "nil";
}

int status_of(processor_state state) noexcept {
  return static_cast<int>(state);
}  // idle, running, syscall, gcstop, dead: as in Go

int status_of(goroutine_state state) noexcept {
  switch (state) {
    case goroutine_state::runnable: return 1;
    case goroutine_state::running: return 2;
    case goroutine_state::syscall: return 3;
    case goroutine_state::waiting: return 4;
    case goroutine_state::dead: break;
  }
  return 6;
}

using out = std::back_insert_iterator<std::string>;

void add_processors(out to, scheduler& s) {
  for (processor& p : s.processors.all()) {
    fmt::format_to(to, "  P{}: status={} schedtick={} syscalltick={} m={} runqsize={} gfreecnt={} timerslen={}\n", p.id,
                   status_of(p.status.load_relaxed()), p.schedule_tick.load_relaxed(), p.syscall_tick.load_relaxed(),
                   id_of(p.machine.load_relaxed()), p.queue.size_hint(), seen<std::uint32_t>(p.free_goroutines.count),
                   inspector::timers(p.timers));
  }
}

void add_machines(out to, scheduler& s) {
  std::vector<machine const*> idle;
  for (machine* m = inspector::first_machine(s.idle); m != nullptr; m = m->idle_link.get()) idle.push_back(m);
  for (machine* m = s.machines.get(); m != nullptr; m = m->all_link.get()) {
    const bool blocked = m->waiting_locked.get() != 0 || std::find(idle.begin(), idle.end(), m) != idle.end();
    fmt::format_to(to,
                   "  M{}: p={} curg={} mallocing=0 throwing=0 preemptoff= locks={} dying=0 spinning={} blocked={} "
                   "lockedg={}\n",
                   m->id, id_of(seen<processor_side*>(m->p)), id_of(seen<goroutine*>(m->current)),
                   seen<std::uint32_t>(m->locks), seen<std::uint32_t>(m->spinning) != 0, blocked,
                   id_of(seen<goroutine*>(m->locked_g)));
  }
}

void add_goroutines(out to, scheduler& s) {
  for (goroutine* g = s.goroutines.get(); g != nullptr; g = g->all_link.get()) {
    const goroutine_state state = seen<goroutine_state>(g->state);
    fmt::format_to(to, "  G{}: status={}({}) m={} lockedm={}\n", id_of(g), status_of(state),
                   name_of(state == goroutine_state::dead ? wait_reason::none : seen<wait_reason>(g->reason)),
                   id_of(seen<machine*>(g->m)), id_of(seen<machine*>(g->locked_m)));
  }
}

}  // namespace

std::string schedtrace_text(scheduler& s, std::int64_t began_ns, bool detailed) {
  std::string text;
  const out to = std::back_inserter(text);
  const std::int64_t ms = (world::nanotime() - began_ns) / millisecond_ns;
  const locked hold(s.lock);
  fmt::format_to(to,
                 "SCHED {}ms: gomaxprocs={} idleprocs={} threads={} spinningthreads={} needspinning={} idlethreads={} "
                 "runqueue={}",
                 ms, s.processors.count(), s.idle.processors_hint(), s.machine_count.get(), s.gate.spinning_hint(),
                 inspector::spinner_wanted(s.gate) ? 1 : 0, s.idle.machines(), s.global.size_hint());
  if (!detailed) {
    for (processor& p : s.processors.all()) fmt::format_to(to, " {}{}", p.id == 0 ? "[" : "", p.queue.size_hint());
    text += "]\n";
    return text;
  }
  fmt::format_to(to, " gcwaiting={} nmidlelocked={} stopwait={} sysmonwait={}\n", s.stop.requested(),
                 s.machines_idle_locked.get(), s.stop.missing(), s.monitor.hint() == monitor_rest::asleep);
  add_processors(to, s);
  add_machines(to, s);
  add_goroutines(to, s);
  return text;
}

}  // namespace observe

std::string sched_trace(bool detailed) {
  scheduler& s = machine_here().home;
  return observe::schedtrace_text(s, observe::watcher_of(s).began_ns, detailed);
}

}  // namespace retake
