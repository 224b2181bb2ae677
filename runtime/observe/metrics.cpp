#include "retake/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>

#include "retake/go.hpp"
#include "retake/thread_lock.hpp"
#include "sched/scheduler.hpp"
#include "world/clock.hpp"

namespace retake {

namespace {

struct family {
  char const* name;
  char const* label;
  char const* help;
};

constexpr family exits{"retake_syscall_exit_total", "path", "How goroutines came back from system and foreign calls."};
constexpr family retakes{"retake_retake_total", "reason",
                         "Why sysmon took a P out of a call, and how often it lost it to the returning thread."};
constexpr family
    handoffs{"retake_handoff_total", "case",
             "What became of Ps that no M had, by case of the hand-off: its name, which was a number from 1 to 9."};
constexpr family stops{"retake_stop_total", "way", "How Ps in calls met a stop of the world."};
constexpr family blocking{"retake_syscall_enter_blocking_total", "", "Calls that gave their P away before they began."};
constexpr family files{"retake_file_operation_total", "way",
                       "How operations on files were done: at once, through a ring, by a call that blocks its thread."};
constexpr family rings{"retake_ring_trouble_total", "what",
                       "Ps for which the kernel refuses io_uring; operations that a ring did not take; operations that "
                       "were sent again."};
constexpr family accepts{"retake_accept_put_off_total", "",
                         "Accepts that waited for a descriptor or memory to become free."};
constexpr family breaks{"retake_poll_break_total", "", "Blocking polls that an earlier timer ended."};
constexpr family starts{"retake_machine_start_total", "", "Ms that were started or woken with a P."};
constexpr family signals_told{"retake_signal_told_total", "",
                              "Times that signals that had come were told to the channels that want them."};
constexpr family signals_waited{"retake_signal_wait_ns_total", "",
                                "How long the first signal of each time had waited for that."};
constexpr family wall_reads{"retake_wall_clock_read_total", "", "Looks of goroutines at the date: wall_now()."};
constexpr family threads_made{"retake_thread_create_total", "", "Threads that were made."};

struct counted {
  family const& of;
  char const* value;
  counter path_counters::*count;
};

constexpr counted all_counted[] = {
    {exits, "old_p", &path_counters::exit_old},
    {exits, "old_p_aba", &path_counters::exit_old_aba},
    {exits, "idle_p", &path_counters::exit_idle},
    {exits, "slow", &path_counters::exit_slow},
    {exits, "slow_locked", &path_counters::exit_slow_locked},
    {retakes, "queue", &path_counters::retake_queue},
    {retakes, "nobody_idle", &path_counters::retake_nobody_idle},
    {retakes, "grace", &path_counters::retake_grace},
    {retakes, "lost", &path_counters::retake_lost},
    {stops, "taken_from_call", &path_counters::stop_took_call},
    {stops, "stopped_at_enter", &path_counters::enter_stopped},
    {blocking, "", &path_counters::enter_blocking},
    {files, "at_once", &path_counters::file_at_once},
    {files, "ring", &path_counters::file_ring},
    {files, "blocking", &path_counters::file_blocking},
    {rings, "refused", &path_counters::rings_refused},
    {rings, "busy", &path_counters::ring_busy},
    {rings, "asked_again", &path_counters::ring_asked_again},
    {accepts, "", &path_counters::accepts_put_off},
    {breaks, "", &path_counters::polls_broken},
    {starts, "", &path_counters::machines_started},
    {threads_made, "", &path_counters::threads_started},
    {signals_told, "", &path_counters::signals_told},
    {signals_waited, "", &path_counters::signals_waited_ns},
    {wall_reads, "", &path_counters::wall_reads},
};

void add(std::vector<metric>& all, family const& of, char const* label_value, bool counter, std::uint64_t value) {
  all.push_back({of.name, of.label, label_value, of.help, counter, static_cast<double>(value)});
}

void add_gauges(std::vector<metric>& all, scheduler& s) {
  const auto gauge = [&all](char const* name, char const* help, std::uint64_t value) {
    add(all, {name, "", help}, "", false, value);
  };
  std::uint32_t processors = 0, threads = 0, threads_idle = 0, waiting_locked = 0;
  {
    const locked hold(s.lock);
    processors = s.processors.count();
    threads = s.machine_count.get();
    threads_idle = s.idle.machines();
    waiting_locked = static_cast<std::uint32_t>(
        std::max(0, s.machines_idle_locked.get()));  // pre-paid by whoever starts one: below zero for moments
  }
  gauge("retake_processors", "Ps: GOMAXPROCS.", processors);
  gauge("retake_processors_idle", "Ps that nobody needs.", s.idle.processors_hint());
  gauge("retake_threads", "Threads of the runtime, sysmon's among them.", threads);
  gauge("retake_threads_idle", "Of them asleep, for somebody to wake.", threads_idle);
  gauge("retake_threads_waiting_locked", "Of them asleep until the goroutine that is locked to them can run.",
        waiting_locked);
  gauge("retake_threads_spinning", "Of them looking for work.", s.gate.spinning_hint());
  gauge("retake_goroutines", "Goroutines that have begun and not ended.", goroutine_count());
  gauge("retake_run_queue_global", "Runnable goroutines in the global queue.", s.global.size_hint());
  std::uint64_t local = 0;
  for (processor& p : s.processors.made()) local += p.queue.size_hint();
  gauge("retake_run_queue_local", "Runnable goroutines in the Ps' queues.", local);
  const std::int64_t wall_ns = world::walltime();
  const std::int64_t monotonic_ns = world::nanotime();
  gauge("retake_wall_clock_ahead_ns", "The date less the monotonic clock: another one when the date was set.",
        static_cast<std::uint64_t>(std::max(std::int64_t{0}, wall_ns - monotonic_ns)));
}

// A place without any is not there.
void add_ended_locked(std::vector<metric>& all) {
  std::array<unreleased_lock, 16> places;
  const std::size_t known = std::min(threads_ended_locked(places), places.size());
  for (unreleased_lock const& one : std::span(places).first(known)) {
    add(all,
        {"retake_ended_locked_total", "place",
         "Goroutines that ended without undoing a lock of their thread, which ended with them, by the place of the "
         "lock."},
        fmt::format("{}:{}", one.file, one.line).c_str(), true, one.times);
  }
}

}  // namespace

std::vector<metric> read_metrics() {
  scheduler& s = machine_here().home;
  std::vector<metric> all;
  add_gauges(all, s);
  add(all, {"retake_goroutines_created_total", "", "Goroutines that were ever started."}, "", true,
      s.goroutines_created.load_relaxed());
  for (counted const& one : all_counted) add(all, one.of, one.value, true, (s.paths.*one.count).value.load_relaxed());
  add_ended_locked(all);
  for (std::size_t i = 0; i < handoff_case_names.size(); ++i) {
    add(all, handoffs, handoff_case_names[i], true, s.paths.handoff.by_case[i].value.load_relaxed());
  }
  return all;
}

std::string metrics_text() {
  std::string text;
  std::string last;
  for (metric const& one : read_metrics()) {
    const auto to = std::back_inserter(text);
    if (one.name != last)
      fmt::format_to(to, "# HELP {} {}\n# TYPE {} {}\n", one.name, one.help, one.name,
                     one.counter ? "counter" : "gauge");
    last = one.name;
    if (one.label_name.empty()) {
      fmt::format_to(to, "{} {}\n", one.name, one.value);
    } else {
      fmt::format_to(to, "{}{{{}=\"{}\"}} {}\n", one.name, one.label_name, one.label_value, one.value);
    }
  }
  return text;
}

}  // namespace retake
