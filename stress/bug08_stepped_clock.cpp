// bug08_stepped_clock.cpp: intervals and timeouts of the wall clock are as wrong as the clock is
// set; those of the monotonic clock are not
//
// Seed.      Bug 8, "Stale Cached Time": log lines a few microseconds apart differ by a second,
//            metrics go wild. The date was set (NTP, a resumed machine), and durations were taken
//            from it. (The seed's code also reads the shared time stamp outside of its lock, which
//            is another bug.)
// Method.    Events every 10 ms, and timeouts of 100 ms in a row, both timed by one of the two
//            clocks. Meanwhile the date is set: 1 s and 0.1 s ahead, 1 s and 0.1 s back. First by a
//            function of this program that stands before clock_gettime(2) of the C library for
//            everybody, the runtime too (injected); then by libfaketime, which the program runs
//            under where it is installed. Nobody sets the machine's clock.
//            Buggy: wall_now(). Fixed: monotonic_now(). What really passed is asked of the kernel,
//            around each look at the clock, so a pause of the machine is no error.
// Symptom.   The greatest error of an interval; and the longest overrun of a timeout: for how long,
// after its time had really passed, a look at the clock still said that it had not. A look
//            that comes late is no overrun. In the fixed variant both are 0 but for the rate that
//            NTP may slew a clock by.
// Not shown: sleeps, deadlines and timers of the runtime that go wrong: all are of the monotonic
// clock (the scenario explores that).
#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "hammer.hpp"
#include "retake/clock.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "twins.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::stage;

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t second = 1'000 * ms;
constexpr std::int64_t event_every_ns = 10 * ms;
constexpr std::int64_t timeout_ns = 100 * ms;
constexpr auto look_every = 5ms;

struct step {
  std::int64_t after_ns, by_ns;
};
// The step back by a second has a second to itself: so long a timeout may be.
constexpr std::array steps{step{150 * ms, second}, step{150 * ms, 100 * ms}, step{150 * ms, -second},
                           step{1'300 * ms, -100 * ms}, step{150 * ms, 0}};

// ---- who sets the date -------------------------------------------------------------------------

std::atomic<std::int64_t> injected_ns{0};

constexpr char const* fake_time_rate = "FAKETIME_TIMESTAMP_FILE";

}  // namespace

// Before the C library's, and before libfaketime's, which is the next one where it is there.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  using function = int (*)(clockid_t, timespec*);
  static auto const next = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "clock_gettime"));
  const int failed = next(clock, time);
  if (failed != 0 || clock != CLOCK_REALTIME) return failed;
  const std::int64_t now_ns =
      std::int64_t{time->tv_sec} * second + time->tv_nsec + injected_ns.load(std::memory_order_relaxed);
  *time = {.tv_sec = now_ns / second, .tv_nsec = now_ns % second};
  return 0;
}

// Past libfaketime, which refuses a sleep until a time that is over already.
extern "C" int clock_nanosleep(clockid_t clock, int flags, timespec const* until, timespec* left) {
  return ::syscall(SYS_clock_nanosleep, clock, flags, until, left) == 0 ? 0 : errno;
}

namespace {

void inject(std::int64_t by_ns) { injected_ns.fetch_add(by_ns); }

// libfaketime reads the offset from the file that this variable names: memory, so that nothing is
// left behind.
void set_fake_time(std::int64_t by_ns) {
  static std::int64_t offset_ns = 0;
  offset_ns += by_ns;
  const std::string text = fmt::format("{:+.3f}\n", static_cast<double>(offset_ns) * 1e-9);
  const int file = std::atoi(std::getenv(fake_time_rate) + std::string_view("/proc/self/fd/").size());
  if (::pwrite(file, text.data(), text.size(), 0) > 0)
    static_cast<void>(::ftruncate(file, static_cast<off_t>(text.size())));
}

std::string library() {
  for (char const* const path : {"/usr/lib/" RETAKE_TRIPLET "/faketime/libfaketimeMT.so.1",
                                 "/usr/lib64/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1"}) {
    if (std::filesystem::exists(path)) return path;
  }
  return {};
}

bool is_under_fake_time() { return std::getenv(fake_time_rate) != nullptr; }

// Starts this program again with libfaketime before the C library. Returns where that cannot be.
void go_under_fake_time(char** argv) {
  const std::string path = library();
  if (path.empty() || is_under_fake_time()) return;
  const int file = static_cast<int>(::syscall(SYS_memfd_create, "faketime", 0));
  if (file < 0 || ::write(file, "+0.000\n", 7) != 7) return;
  ::setenv("LD_PRELOAD", path.c_str(), 1);
  ::setenv(fake_time_rate, fmt::format("/proc/self/fd/{}", file).c_str(), 1);
  ::setenv("FAKETIME_NO_CACHE", "1", 1);
  ::setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1", 1);
  ::setenv("FAKETIME_DISABLE_SHM", "1", 1);
  ::execv("/proc/self/exe", argv);
}

// ---- what is timed -----------------------------------------------------------------------------

// Past everything that fakes a time.
std::int64_t kernels_ns() {
  timespec time{};
  ::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * second + time.tv_nsec;
}

using clock_function = std::int64_t (*)();
std::int64_t date_ns() { return wall_now().time_since_epoch() / 1ns; }
std::int64_t clock_ns() { return monotonic_now().time_since_epoch() / 1ns; }

struct reading {
  std::int64_t before_ns, shown_ns, after_ns;
  explicit reading(clock_function clock) : before_ns(kernels_ns()), shown_ns(clock()), after_ns(kernels_ns()) {}
};

struct seen {
  std::int64_t worst_error_ns = 0, worst_shown_ns = 0, longest_timeout_ns = 0, longest_overrun_ns = 0,
               shortest_timeout_ns = timeout_ns;
  std::uint64_t events = 0, backwards = 0;
  std::vector<std::int64_t> intervals_ns;
};

// How far what was shown is from anything that can have passed.
std::int64_t error_ns(reading const& from, reading const& to) {
  const std::int64_t shown_ns = to.shown_ns - from.shown_ns, least_ns = to.before_ns - from.after_ns,
                     most_ns = to.after_ns - from.before_ns;
  return shown_ns < least_ns ? least_ns - shown_ns : shown_ns > most_ns ? shown_ns - most_ns : 0;
}

void time_events(stage& s, clock_function clock, std::atomic<bool> const& over, seen& into) {
  for (reading last(clock); !over;) {
    sleep_for(std::chrono::nanoseconds(event_every_ns));
    const reading now(clock);
    const std::int64_t wrong_ns = error_ns(last, now);
    if (wrong_ns > into.worst_error_ns) {
      into.worst_error_ns = wrong_ns;
      into.worst_shown_ns = now.shown_ns - last.shown_ns;
    }
    if (now.shown_ns < last.shown_ns) ++into.backwards;
    into.intervals_ns.push_back(now.before_ns - last.before_ns);
    s.point("error", static_cast<double>(wrong_ns) / ms, "ms");
    last = now;
  }
}

// A deadline is a time of the clock, and somebody looks whether it has come.
void time_timeouts(clock_function clock, std::atomic<bool> const& over, seen& into) {
  while (!over) {
    const std::int64_t due_ns = clock() + timeout_ns, began_ns = kernels_ns();
    std::int64_t looked_ns = began_ns;  // just before the last look that said: not yet
    for (std::int64_t look_ns = began_ns; clock() < due_ns && !over; look_ns = kernels_ns()) {
      looked_ns = look_ns;
      sleep_for(look_every);
    }
    if (over) return;
    const std::int64_t took_ns = kernels_ns() - began_ns;
    into.longest_overrun_ns = std::max(into.longest_overrun_ns, looked_ns - began_ns - timeout_ns);
    into.longest_timeout_ns = std::max(into.longest_timeout_ns, took_ns);
    into.shortest_timeout_ns = std::min(into.shortest_timeout_ns, took_ns);
  }
}

double in_ms(std::int64_t ns) { return static_cast<double>(ns) / ms; }

void watch(stage& s, clock_function clock, char const* how, void (*set_date)(std::int64_t)) {
  s.phase(how);
  std::atomic<bool> over{false};
  seen all;
  wait_group done;
  done.add(2);
  go([&] {
    time_events(s, clock, over, all);
    done.done();
  });
  go([&] {
    time_timeouts(clock, over, all);
    done.done();
  });
  for (step const& one : steps) {
    sleep_for(std::chrono::nanoseconds(one.after_ns));
    set_date(one.by_ns);
  }
  over = true;
  done.wait();
  std::sort(all.intervals_ns.begin(), all.intervals_ns.end());
  const auto tell = [&](char const* name, double value, char const* unit) {
    s.figure(fmt::format("{}_{}", name, how), value, unit);
  };
  tell("error", in_ms(all.worst_error_ns), "ms");
  tell("interval_p50", in_ms(all.intervals_ns[all.intervals_ns.size() / 2]), "ms");
  tell("backwards", static_cast<double>(all.backwards), "intervals below 0");
  tell("timeout_longest", in_ms(all.longest_timeout_ns), "ms");
  tell("timeout_shortest", in_ms(all.shortest_timeout_ns), "ms");
  tell("timeout_overrun", in_ms(all.longest_overrun_ns), "ms");
  s.given(fmt::format("timeout_asked_{}", how), in_ms(timeout_ns), "ms");
  if (all.worst_error_ns > 0)
    s.note(how, fmt::format("two events about {} ms apart, {:.3f} ms by their time stamps", event_every_ns / ms,
                            in_ms(all.worst_shown_ns)));
}

void play(stage& s, clock_function clock) {
  run([&] {
    do { watch(s, clock, "injected", inject); } while (s.holds());
    if (is_under_fake_time() && !s.held()) watch(s, clock, "faketime", set_fake_time);
  });
  if (!is_under_fake_time() && !s.held()) s.cannot("the same under libfaketime (apt-get install libfaketime)");
}

}  // namespace

int main(int argc, char** argv) {
  go_under_fake_time(argv);
  return stress::run_bug({.number = 8,
                          .name = "bug08_stepped_clock",
                          .title = "durations taken from the wall clock, whose date is set meanwhile",
                          .variants = {{"buggy", "wall_now() times events and timeouts",
                                        [](stage& s) { play(s, date_ns); }},
                                       {"fixed", "monotonic_now() times both", [](stage& s) { play(s, clock_ns); }}},
                          .measures = {{.name = "error of an interval (injected)",
                                        .figure = "error_injected",
                                        .baseline = "interval_p50_injected",
                                        .from = 5,
                                        .twins = 100},
                                       {.name = "overrun of a timeout (injected)",
                                        .figure = "timeout_overrun_injected",
                                        .baseline = "timeout_asked_injected",
                                        .from = 3,
                                        .twins = 100},
                                       {.name = "error of an interval (libfaketime)",
                                        .figure = "error_faketime",
                                        .baseline = "interval_p50_faketime",
                                        .from = 5,
                                        .twins = 100},
                                       {.name = "overrun of a timeout (libfaketime)",
                                        .figure = "timeout_overrun_faketime",
                                        .baseline = "timeout_asked_faketime",
                                        .from = 3,
                                        .twins = 100}},
                          .looks = {{"journalctl -u 'systemd-timesyncd*' -u 'chrony*' -u 'ntp*' --no-pager | tail",
                                     "who sets the date of this machine, and by how much; no entries where nobody does",
                                     R"(timesyncd|chrony|ntp|-- No entries --|No journal files)"}},
                          .seed = {{"error_injected", "1,000; 100"}, {"error_faketime", "1,000; 100"}},
                          .explained = {{"runtime/time/clock.cpp", "wall_now", "the date: for people"},
                                        {"runtime/time/clock.cpp", "monotonic_now",
                                         "what every timer and deadline is of"}},
                          .pattern = "9",
                          .scenario = "date_steps_move_no_timer",
                          .pictures = {"error"}},
                         argc, argv);
}
