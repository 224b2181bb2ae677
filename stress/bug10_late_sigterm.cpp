// bug10_late_sigterm.cpp: goroutines that come back from system calls together queue before the
// receiver of SIGTERM; a bounded number of them, or a thread that waits for the signal itself, does
// not
//
// Seed.      Bug 10, "Signals Lost When All Ms Are in Syscalls": under load SIGTERM is "ignored"
//            for seconds. Nothing is lost, and no M has to come back: the handler runs at once, on
//            whatever thread the kernel picks. What is late is the goroutine that receives from the
//            channel: it needs a P, and its turn.
// Method.    A device does not answer: 1,000 goroutines sit in a read of it, each on a thread. Then
//            it answers all of them at once, and each has 2 ms of computing to do; there are two
//            Ps. A thread outside of the runtime sends SIGTERM to the process 100 ms later (and
//            again, 100 ms after it was received) and takes the time until a goroutine has it.
//            Buggy: as said; a second receiver is locked to a thread of its own. Fixed: two workers
//            make the reads, so two at most come back together.
//            Thread: SIGTERM is blocked in every thread, and one goroutine, locked to its thread,
//            waits for it in a foreign call and acts there, without a P.
//            In calls: the same 1,000 threads, the signal while all sit in their reads and the Ps
//            are free: harmless.
// Symptom.   The latency from kill(2) to the receiver, as a share of the time in which the whole
//            crowd is served, and against the other variants.
// Not shown: a collector that is in the way during the shutdown (the seed's GOGC=off): there is
// none here.
#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "hammer.hpp"
#include "retake/channel.hpp"
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/signal.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/thread_lock.hpp"
#include "twins.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::now_ns;
using stress::stage;

constexpr std::uint32_t requests = 1'000;
constexpr std::uint32_t threads_wanted = requests + 100;
constexpr std::uint32_t workers = 2;
constexpr std::uint32_t processors_used = 2;
constexpr std::int64_t computing_ns = 2'000'000;
constexpr std::int64_t signal_after_ns = 100'000'000;
constexpr std::int64_t look_every_ns = 10'000'000;
constexpr auto pause = 1ms;
constexpr std::int64_t limit_ns =
    15'000'000'000;  // many times what a late signal takes: what has not come by then is lost

// Whether the machine gives so many threads: pids limits, ulimit -u and memory are all asked at
// once by trying.
bool threads_are_to_be_had(std::uint32_t wanted) {
  std::mutex guard;
  std::condition_variable over;
  bool end = false;
  std::vector<std::thread> all;
  bool enough = true;
  try {
    while (all.size() < wanted) {
      all.emplace_back([&] {
        std::unique_lock hold(guard);
        over.wait(hold, [&] { return end; });
      });
    }
  } catch (std::system_error const&) { enough = false; }
  {
    const std::lock_guard hold(guard);
    end = true;
  }
  over.notify_all();
  for (std::thread& one : all) one.join();
  return enough;
}

// A file on a server that is away: a read of it waits; once the server is back, every read returns
// at once.
class remote_file {
 public:
  explicit remote_file(stage& s) {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) s.cannot("a pipe: no free descriptor");
  }
  ~remote_file() { ::close(ends_[0]); }
  remote_file(remote_file const&) = delete;
  remote_file& operator=(remote_file const&) = delete;

  void read() {
    waiting_.fetch_add(1);
    retake::syscall([this] {
      char nothing = 0;
      return ::read(ends_[0], &nothing, sizeof nothing);
    });
    waiting_.fetch_sub(1);
  }
  void server_is_back() { ::close(ends_[1]); }
  [[nodiscard]] std::uint32_t waiting() const { return waiting_; }

 private:
  std::array<int, 2> ends_{};
  std::atomic<std::uint32_t> waiting_{0};
};

std::atomic<std::int64_t> sent_ns{0};

// By a thread that no signal reaches: the kernel picks another one.
void send_sigterm() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
  sent_ns = now_ns();
  ::kill(::getpid(), SIGTERM);
}

void block_sigterm() {
  sigset_t term;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &term, nullptr);
}

// From kill(2) to a receiver, each time.
class receipts {
 public:
  // No call of the runtime.
  void received() {
    const std::lock_guard hold(guard_);
    took_ns_.push_back(now_ns() - sent_ns);
  }
  [[nodiscard]] std::size_t count() const {
    const std::lock_guard hold(guard_);
    return took_ns_.size();
  }
  std::vector<std::int64_t> take() {
    const std::lock_guard hold(guard_);
    return std::exchange(took_ns_, {});
  }

 private:
  mutable std::mutex guard_;
  std::vector<std::int64_t> took_ns_;
};

double median_ms(std::vector<std::int64_t> values_ns) {
  std::sort(values_ns.begin(), values_ns.end());
  return values_ns.empty() ? 0 : static_cast<double>(values_ns[values_ns.size() / 2]) * 1e-6;
}

// ---- who waits for SIGTERM ---------------------------------------------------------------------

constexpr std::array numbers{SIGTERM};

// The idiom: a channel and a goroutine.
class receiving_goroutine {
 public:
  explicit receiving_goroutine(bool locked) {
    static_cast<void>(notify(came_, numbers));
    ended_.add(1);
    go([this, locked] {
      std::optional<os_thread_lock> own_thread;
      if (locked) own_thread.emplace();
      while (came_.receive()) receipts_.received();
      ended_.done();
    });
  }
  ~receiving_goroutine() {
    stop_notify(came_);
    came_.close();
    ended_.wait();
  }
  receiving_goroutine(receiving_goroutine const&) = delete;
  receiving_goroutine& operator=(receiving_goroutine const&) = delete;
  receipts& seen() { return receipts_; }

 private:
  channel<int> came_{1};
  receipts receipts_;
  wait_group ended_;
};

// A thread that waits in the kernel and acts there. SIGTERM is blocked everywhere, before the
// runtime begins.
class receiving_thread {
 public:
  receiving_thread() {
    ended_.add(1);
    go([this] {
      const os_thread_lock own_thread;
      foreign_call([this] { wait_for_signals(); });
      ended_.done();
    });
  }
  ~receiving_thread() {
    over_ = true;
    ::kill(::getpid(), SIGTERM);
    ended_.wait();
  }
  receiving_thread(receiving_thread const&) = delete;
  receiving_thread& operator=(receiving_thread const&) = delete;
  receipts& seen() { return receipts_; }

 private:
  void wait_for_signals() {
    sigset_t awaited;
    ::sigemptyset(&awaited);
    ::sigaddset(&awaited, SIGTERM);
    for (int number = 0; !over_ && ::sigwait(&awaited, &number) == 0;) receipts_.received();
  }
  std::atomic<bool> over_{false};
  receipts receipts_;
  wait_group ended_;
};

// ---- the service -------------------------------------------------------------------------------

struct crowd {
  std::atomic<std::uint32_t> computed{0};
  wait_group done;

  void serve_one(remote_file& file) {
    file.read();
    stress::busy_ns(computing_ns);
    computed.fetch_add(1);
    done.done();
  }
  // A goroutine for each request.
  void come(remote_file& file) {
    done.add(requests);
    for (std::uint32_t i = 0; i < requests; ++i) go([this, &file] { serve_one(file); });
  }
  // Workers take one after the other.
  void come_to_workers(remote_file& file, channel<char>& queue) {
    done.add(requests);
    for (std::uint32_t i = 0; i < requests; ++i) queue.send(0);
    queue.close();
    for (std::uint32_t i = 0; i < workers; ++i) {
      go([this, &file, &queue] {
        while (queue.receive()) serve_one(file);
      });
    }
  }
};

struct plan {
  bool by_workers = false;
  bool own_thread = false;
  bool in_calls = false;  // what is told is the signal while all are in their calls
};

// While the crowd is served: SIGTERM, and 100 ms after it was received another one. On a thread
// outside of the runtime, which also looks how many are not served yet.
void send_during(stage& s, crowd const& all, receipts const& seen) {
  std::size_t sent = 0;
  for (std::int64_t at_ns = now_ns(); all.computed < requests; stress::nap_ns(look_every_ns)) {
    s.level("unserved", requests - all.computed, "goroutines");
    if (seen.count() < sent)
      at_ns = now_ns();
    else if (now_ns() - at_ns >= signal_after_ns)
      send_sigterm(), ++sent;
  }
}

// Until each receiver has one. Where that lasts longer than the limit there is no latency: the
// figure is missing, so that neither verdict is as documented.
bool all_received(stage& s, receipts const& seen, receipts const* locked) {
  const std::int64_t until_ns = now_ns() + limit_ns;
  while (seen.count() == 0 || (locked != nullptr && locked->count() == 0)) {
    if (now_ns() > until_ns) {
      s.note("lost", fmt::format("a SIGTERM was not received within {} s", limit_ns / 1'000'000'000));
      return false;
    }
    sleep_for(pause);
  }
  return true;
}

void storm(stage& s, plan const& what, receipts& seen, receipts* locked) {
  remote_file file(s);
  crowd all;
  channel<char> queue(requests);
  s.phase("silent");
  if (what.by_workers)
    all.come_to_workers(file, queue);
  else
    all.come(file);
  while (file.waiting() < (what.by_workers ? workers : requests)) sleep_for(pause);
  sleep_for(std::chrono::nanoseconds(signal_after_ns));
  std::thread(send_sigterm).join();
  const bool in_calls_received = all_received(s, seen, locked);
  const double in_calls_ms = median_ms(seen.take());
  if (locked != nullptr) static_cast<void>(locked->take());

  s.phase("storm");
  std::thread outside([&] { send_during(s, all, seen); });
  const std::int64_t began_ns = now_ns();
  file.server_is_back();
  all.done.wait();
  s.figure("crowd_served_in", static_cast<double>(now_ns() - began_ns) * 1e-6, "ms");
  outside.join();
  if (!in_calls_received || !all_received(s, seen, locked)) return;
  const std::vector<std::int64_t> latencies_ns = seen.take();
  for (std::int64_t const one : latencies_ns) s.point("latency", static_cast<double>(one) * 1e-6, "ms");
  s.figure("latency", what.in_calls ? in_calls_ms : median_ms(latencies_ns), "ms");
  if (locked != nullptr) s.figure("latency_locked_receiver", median_ms(locked->take()), "ms");
}

void play(stage& s, plan const& what) {
  if (!what.by_workers && !threads_are_to_be_had(threads_wanted))
    s.cannot(fmt::format("{} threads at a time: ulimit -u, or a pids limit", threads_wanted));
  if (what.own_thread) block_sigterm();
  options chosen;
  chosen.processors = processors_used;
  run(chosen, [&] {
    std::optional<receiving_thread> thread;
    std::optional<receiving_goroutine> plain, locked;
    if (what.own_thread) {
      thread.emplace();
    } else {
      plain.emplace(false);
      if (!what.by_workers && !what.in_calls) locked.emplace(true);
    }
    do {
      storm(s, what, thread ? thread->seen() : plain->seen(), locked ? &locked->seen() : nullptr);
    } while (s.holds());
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::
      run_bug({.number = 10,
               .name = "bug10_late_sigterm",
               .title = "goroutines that come back from system calls together queue before the receiver of SIGTERM",
               .variants = {{"buggy", "1,000 goroutines in system calls, then 2 ms of computing each",
                             [](stage& s) { play(s, {}); }},
                            {"fixed", "two workers make the calls, one after the other",
                             [](stage& s) { play(s, {.by_workers = true}); }},
                            {"thread",
                             "as buggy; a thread of its own waits for the signal in the kernel and acts there",
                             [](stage& s) { play(s, {.own_thread = true}); }},
                            {"in_calls", "as buggy; the signal comes while all are in their calls",
                             [](stage& s) { play(s, {.in_calls = true}); }}},
               .measures = {{.name = "SIGTERM to receiver",
                             .figure = "latency",
                             .baseline = "crowd_served_in",
                             .from = 0.3,
                             .twins = 20},
                            {.name = "the same with a thread of its own",
                             .figure = "latency",
                             .baseline = "crowd_served_in",
                             .from = 0.3,
                             .twins = 20,
                             .fixed = "thread"},
                            {.name = "all in calls is harmless",
                             .figure = "latency",
                             .baseline = "crowd_served_in",
                             .from = 0.3,
                             .twins = 20,
                             .fixed = "in_calls"}},
               .looks = {{"RETAKE_DEBUG=schedtrace=200 ./retake bug 10 --variant buggy --hold 20",
                          "runqueue: hundreds, while idleprocs is 0; they stand before the receiver",
                          R"( idleprocs=0 .* runqueue=[1-9]\d\d)"}},
               .seed = {{"latency", "10,000"}},
               .explained = {{"runtime/io/signals.cpp", "notify",
                              "what came goes into a channel, and its receiver needs a P"},
                             {"runtime/sched/schedule.cpp", "find_runnable",
                              "the receiver's turn comes behind all that is ready"}},
               .pattern = "3",
               .scenario = "signal_behind_returns",
               .pictures = {"unserved", "latency", "threads"},
               .seconds_max = 120},
              argc, argv);
}
