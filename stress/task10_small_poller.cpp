// task10_small_poller.cpp: a poller in sixty lines: epoll, a table of who waits for which
// descriptor, and a loop that wakes them
//
// Seed.      Exercise 10, "Implement a Simple Netpoller": wait(fd) registers one-shot and
//            edge-triggered and receives from a channel, the loop sends. What does the runtime's do
//            differently, and why edge-triggered?
// Method.    The seed's sketch, made to work; 200 goroutines wait through it, each for a byte of
//            its own, ten times, and through the runtime's own poller. Both once more with half of
//            the descriptors. epoll_ctl is counted where both pollers call it: by a function of
//            this program that stands before the C library's, refused calls included. Then one pipe
//            with a byte that nobody reads, watched both ways.
// Twin.      The loop forgets to wake every 16th waiter.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include "hammer.hpp"
#include "observed.hpp"
#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/select.hpp"
#include "retake/stream.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "worksheet.hpp"

namespace {

std::atomic<std::uint64_t> controls{0}, controls_refused{0};

}  // namespace

// Before the C library's, for the runtime too.
extern "C" int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  const long failed = ::syscall(SYS_epoll_ctl, epoll, operation, fd, event);
  controls.fetch_add(1, std::memory_order_relaxed);
  if (failed != 0) controls_refused.fetch_add(1, std::memory_order_relaxed);
  return static_cast<int>(failed);
}

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::worksheet;

constexpr std::uint32_t waiters = 200, turns = 10, forgotten_each = 16, few = 4;
constexpr auto wake_patience = 3s;

class small_poller {
 public:
  explicit small_poller(bool forgets) : forgets_(forgets), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (::pipe2(stop_, O_CLOEXEC) == 0) arm(stop_[0]);
    go([this] { loop(); });
  }
  // The loop is through when this returns.
  void end() {
    const char byte = 0;
    static_cast<void>(::write(stop_[1], &byte, 1));
    ended_.wait();
    for (const int one : {epoll_, stop_[0], stop_[1]}) ::close(one);
  }

  // Parks the goroutine until `fd` can be read; false: nobody woke it in time.
  bool wait(int fd) {
    auto woken = std::make_shared<channel<char>>(1);
    guard_.lock();
    parked_[fd] = woken;
    guard_.unlock();
    arm(fd);  // behind the entry: the event may come at once
    bool in_time = false;
    select(on_receive(*woken, [&](auto) { in_time = true; }), after(wake_patience, [] {}));
    return in_time;
  }

 private:
  // One-shot: an event is delivered once, to the waiter of the moment.
  void arm(int fd) {
    epoll_event what{};
    what.events = EPOLLIN | EPOLLET | EPOLLONESHOT;
    what.data.fd = fd;
    if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &what) != 0) ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &what);
  }

  void loop() {
    std::array<epoll_event, 128> events;
    for (std::uint64_t seen = 0;;) {
      const int n =
          syscall_blocking([&] { return ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1); });
      for (int i = 0; i < n; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == stop_[0]) {
          ended_.done();
          return;
        }
        if (forgets_ && ++seen % forgotten_each == 0) continue;
        guard_.lock();
        const auto found = parked_.find(fd);
        const std::shared_ptr<channel<char>> woken = found != parked_.end() ? found->second : nullptr;
        if (woken != nullptr) parked_.erase(found);
        guard_.unlock();
        if (woken != nullptr) woken->send(0);
      }
    }
  }

  bool const forgets_;
  int epoll_;
  int stop_[2] = {-1, -1};
  mutex guard_;
  std::map<int, std::shared_ptr<channel<char>>> parked_;
  struct end_of_loop : wait_group {
    end_of_loop() { add(1); }
  } ended_;
};

struct outcome {
  std::uint64_t woken = 0, controls = 0, refused = 0;
  double wake_us = 0, threads = 0;  // of the median wake: from the write until the waiter runs
};

// The calls of epoll_ctl from here until they are put into an outcome.
class counted_controls {
 public:
  void put_into(outcome& seen) const {
    seen.controls = controls - before_;
    seen.refused = controls_refused - refused_before_;
  }

 private:
  std::uint64_t const before_ = controls, refused_before_ = controls_refused;
};

// Each waiter has a pipe; `wait_and_take` returns when its byte has come.
template <class Wait>
outcome turns_of(std::vector<std::array<int, 2>> const& pipes, Wait wait_and_take) {
  const auto many = static_cast<std::uint32_t>(pipes.size());
  std::vector<double> took_us(many * turns);
  std::vector<std::atomic<std::int64_t>> written_ns(many);
  std::atomic<std::uint64_t> woken{0};
  stress::thread_peak threads;
  for (std::uint32_t turn = 0; turn < turns && woken == std::uint64_t{turn} * many; ++turn) {
    wait_group all;
    all.add(static_cast<std::int32_t>(many));
    for (std::uint32_t i = 0; i < many; ++i) {
      go([&, i] {
        if (wait_and_take(i)) {
          took_us[woken.fetch_add(1)] = static_cast<double>(stress::now_ns() - written_ns[i]) * 1e-3;
        }
        all.done();
      });
    }
    sleep_for(2ms);
    for (std::uint32_t i = 0; i < many; ++i) {
      const char byte = 1;
      written_ns[i] = stress::now_ns();
      static_cast<void>(::write(pipes[i][1], &byte, 1));
    }
    all.wait();
  }
  outcome seen;
  seen.woken = woken;
  took_us.resize(seen.woken);
  seen.wake_us = stress::median(took_us);
  seen.threads = static_cast<double>(threads.end());
  return seen;
}

outcome through_small(bool forgets, std::uint32_t descriptors) {
  std::vector<std::array<int, 2>> pipes(descriptors);
  for (auto& one : pipes) {
    if (::pipe2(one.data(), O_CLOEXEC | O_NONBLOCK) != 0) return {};
  }
  small_poller poller(forgets);
  const counted_controls counted;
  outcome seen = turns_of(pipes, [&](std::uint32_t i) {
    char byte = 0;
    return poller.wait(pipes[i][0]) && ::read(pipes[i][0], &byte, 1) == 1;
  });
  counted.put_into(seen);
  poller.end();
  for (auto const& one : pipes) {
    for (const int end : one) ::close(end);
  }
  return seen;
}

outcome through_runtime(std::uint32_t descriptors) {
  std::vector<std::array<int, 2>> pipes(descriptors);
  const counted_controls counted;
  std::vector<stream> readers;
  for (auto& one : pipes) {
    if (::pipe2(one.data(), O_CLOEXEC | O_NONBLOCK) != 0) return {};
    result<stream> reader = adopt(one[0]);
    if (!reader) return {};
    readers.push_back(std::move(*reader));
  }
  outcome seen = turns_of(pipes, [&](std::uint32_t i) {
    std::array<std::byte, 1> byte;
    const result<std::size_t> n = readers[i].read(byte);
    return n && *n == 1;
  });
  readers.clear();
  counted.put_into(seen);
  for (auto const& one : pipes) ::close(one[1]);
  return seen;
}

// How often epoll says it of a byte that nobody reads, asked 100 times.
std::uint32_t told(std::uint32_t flags) {
  std::array<int, 2> ends{};
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0 || ::pipe2(ends.data(), O_CLOEXEC) != 0) return 0;
  epoll_event what{};
  what.events = EPOLLIN | flags;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &what);
  const char byte = 1;
  static_cast<void>(::write(ends[1], &byte, 1));
  std::uint32_t times = 0;
  for (int i = 0; i < 100; ++i) times += ::epoll_wait(epoll, &what, 1, 0) == 1 ? 1 : 0;
  for (const int one : {epoll, ends[0], ends[1]}) ::close(one);
  return times;
}

void build(worksheet& out) {
  options chosen;
  chosen.processors = 2;
  run(chosen, [&] {
    sleep_for(20ms);
    const auto baseline = static_cast<double>(stress::kernel_threads());
    const outcome small = through_small(out.broken(), waiters), small_half = through_small(out.broken(), waiters / 2);
    const outcome own = through_runtime(waiters), own_half = through_runtime(waiters / 2);
    const std::uint32_t level = told(0), edge = told(EPOLLET);
    constexpr double wanted = waiters * turns;
    out.row("woken_small", fmt::format("the small poller: waits that ended, of {}", waiters * turns), "all",
            static_cast<double>(small.woken), "waits");
    out.row("woken_runtime", "the runtime's", "all", static_cast<double>(own.woken), "waits");
    out.row("wake_small", "from the byte to the goroutine, small", "", small.wake_us, "us");
    out.row("wake_runtime", "from the byte to the goroutine, runtime's", "cheaper", own.wake_us, "us");
    out.row("controls_small", "calls of epoll_ctl, small", "each wait", static_cast<double>(small.controls), "calls");
    out.row("controls_small_refused", "  of them refused: the first of each descriptor, which is no member yet", "",
            static_cast<double>(small.refused), "calls");
    out.row("controls_small_half", "  with half of the descriptors", "", static_cast<double>(small_half.controls),
            "calls");
    out.row("controls_runtime", "calls of epoll_ctl, runtime's", "each descriptor", static_cast<double>(own.controls),
            "calls");
    out.row("controls_runtime_half", "  with half of the descriptors", "", static_cast<double>(own_half.controls),
            "calls");
    out.row("threads_small", "threads at most, small", "", small.threads, "threads");
    out.row("told_level", "a byte nobody reads: told of 100 times asked, level", "each time", level, "events");
    out.row("told_edge", "  edge-triggered", "once", edge, "events");
    out.at_least("waits that the small poller ended", static_cast<double>(small.woken), wanted);
    out.at_least("waits that the runtime's ended", static_cast<double>(own.woken), wanted);
    out.holds("the small poller's calls: one for each wait, one more for each descriptor, refused",
              small.controls == small.woken + small.refused && small.refused == waiters);
    out.holds("the runtime's calls: no more than two for each descriptor, none refused",
              own.controls >= waiters && own.controls <= 2 * waiters && own.refused == 0);
    out.holds("half of the descriptors: half of the calls of both",
              2 * small_half.controls == small.controls && 2 * own_half.controls == own.controls);
    out.at_most("threads for 200 waits, beside the baseline's", small.threads - baseline, few);
    out.at_least("level-triggered tells of it again and again", level, 100);
    out.at_most("edge-triggered tells of it once", edge, 1);
    out.answer("What does the runtime do differently?",
               fmt::format("It makes {} calls of epoll_ctl for {} descriptors, against {} of which {} were refused. "
                           "From byte to goroutine it takes {:.0f} us against {:.0f}.",
                           own.controls, waiters, small.controls, small.refused, own.wake_us, small.wake_us),
               "It registers a descriptor once in its life, keeps a word with the waiter in the descriptor instead of "
               "a channel in a table under a lock, and the M that polls runs what it found: "
               "no thread of its own sits in epoll_wait.");
    out.answer("Why edge-triggered?",
               fmt::format("Of a byte that nobody had read epoll told {} times out of 100 level-triggered, and {} "
                           "edge-triggered.",
                           level, edge),
               "A poller that parks no goroutine for that byte would spin.");
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_exercise({10,
                               "task10_small_poller",
                               "a poller of one's own, beside the runtime's",
                               "its loop forgets every 16th waiter",
                               build,
                               nullptr,
                               {{"runtime/poll/poller.cpp", "open", "registers a descriptor, once, edge-triggered"},
                                {"runtime/poll/poller.cpp", "commit_wait",
                                 "the goroutine is parked in its descriptor's entry: no thread waits"},
                                {"runtime/poll/poller.cpp", "collect",
                                 "one epoll_wait finds whose descriptors are ready"}}},
                              argc, argv);
}
