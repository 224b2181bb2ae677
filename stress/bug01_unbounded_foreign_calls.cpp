// bug01_unbounded_foreign_calls.cpp: a service whose every request makes a foreign call of its own
// has as many threads as requests; a bound that sheds load keeps both threads and latency
//
// Seed.      Bug 1, "Unbounded Cgo Concurrency": an image service; under a burst its threads climb
//            from about 20 to hundreds in seconds, and its p99 with them.
// Method.    The HTTP server of stress/programs answers POST /image with what a library makes of
//            the body: a foreign call of about 50 ms, most of it waiting for one of the 8 engines
//            of a device. Who finds no engine free waits for one inside the library, where he holds
//            a thread. The clients are a process of their own: a trickle (steady), 600 within 0.2 s
//            (burst), the trickle again (plateau).
//            Buggy: each request calls the library. Fixed: `bounded` admits 16, and who has no turn
//            after 100 ms is told so (503).
// Symptom.   Threads, against what 16 calls could need; and the 99th percentile of the answers that
//            were given (200; the 503s of the fixed variant come sooner still and are not among
//            them), against the median of the quiet service. That the fixed variant turns requests
//            away is the price, and is measured: the buggy one admits all.
// Afterwards the runtime keeps its idle Ms as Go does. Trimming: the buggy code under a policy that
// keeps 48 of them, so that the threads go back to about 50.
// Limits:    the same burst where memory for 128 more threads is left (RLIMIT_AS): it ends the
//            process (in_limit), and does not when it is bounded (in_limit_bounded).
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <fstream>
#include <mutex>
#include <span>
#include <string>

#include "hammer.hpp"
#include "http_service.hpp"
#include "retake/bounded.hpp"
#include "retake/clock.hpp"
#include "retake/go.hpp"
#include "retake/policy.hpp"
#include "retake/run.hpp"
#include "retake/thread_lock.hpp"
#include "twins.hpp"
#include "world/limits.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::latencies;
using stress::now_ns;
using stress::stage;

constexpr std::uint32_t engines = 8;
constexpr std::uint32_t admitted_max = 16;
constexpr std::uint32_t few = 8;  // threads beside admitted calls and Ps: main's, sysmon's, those on their way to sleep
constexpr auto patience = 100ms;
constexpr std::int64_t device_ns = 50'000'000;
constexpr std::uint32_t trickle_requests = 50, burst_requests = 600, volley = 12;
constexpr std::uint32_t idle_kept = 48;  // by the policy that trims
constexpr std::uint32_t threads_in_limit = 128, goroutines_max = 2 * burst_requests;
constexpr rlim_t room_for_the_rest_bytes = rlim_t{1536} << 20;  // goroutines, connections, the C library's arenas
constexpr auto trickle_every = 20ms, volley_every = 4ms;
constexpr std::size_t image_bytes = 4096;
constexpr auto retry_pause = 10ms;

// ---- the library: knows nothing of goroutines --------------------------------------------------

// First come, first served.
class device {
 public:
  void take_engine() {
    std::unique_lock hold(guard_);
    if (free_ > 0) {
      --free_;
      return;
    }
    waiter mine;
    queue_.push_back(&mine);
    mine.called.wait(hold, [&] { return mine.has_turn; });
  }
  void give_back() {
    const std::lock_guard hold(guard_);
    if (queue_.empty()) {
      ++free_;
      return;
    }
    queue_.front()->has_turn = true;
    queue_.front()->called.notify_one();
    queue_.pop_front();
  }

 private:
  struct waiter {
    std::condition_variable called;
    bool has_turn = false;
  };
  std::mutex guard_;
  std::deque<waiter*> queue_;
  std::uint32_t free_ = engines;
} the_device;

std::uint32_t process_image(std::string const& image) {
  the_device.take_engine();
  std::uint32_t sum = 0;
  for (char const pixel : image) sum = sum * 31 + static_cast<unsigned char>(pixel);
  stress::nap_ns(device_ns);
  the_device.give_back();
  return sum;
}

// ---- the service -------------------------------------------------------------------------------

using programs::page;
using programs::request;

std::optional<page> answer_unbounded(request const& asked) {
  const std::uint32_t sum = foreign_call([&] { return process_image(asked.body); });
  return page{.body = fmt::format("{}\n", sum)};
}

std::optional<page> answer_bounded(bounded& images, request const& asked) {
  const cancellable soon = with_timeout(background(), patience);
  const result<std::uint32_t> sum = images.foreign_call(soon.ctx, [&] { return process_image(asked.body); });
  if (!sum) return page{.status = 503, .body = "too busy\n"};
  return page{.body = fmt::format("{}\n", *sum)};
}

// ---- the clients: another process --------------------------------------------------------------

// The status of the answer; 0: there was none.
int ask(std::uint16_t port, std::string const& image) {
  result<tcp_stream> peer = tcp_connect(loopback_address, port);
  if (!peer) return 0;
  const std::string text =
      fmt::format("POST /image HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
                  image.size(), image);
  if (!peer->write(std::as_bytes(std::span(text)))) return 0;
  std::string answer;
  std::array<std::byte, 1024> some;
  for (;;) {
    const result<std::size_t> n = peer->read(some);
    if (!n) return 0;
    if (*n == 0) break;
    answer.append(reinterpret_cast<char const*>(some.data()), *n);
  }
  return answer.starts_with("HTTP/1.1 ") ? std::atoi(answer.c_str() + std::strlen("HTTP/1.1 ")) : 0;
}

class clients {
 public:
  clients(stage& s, std::uint16_t port) : stage_(s), port_(port), took_(s), quiet_(s), dice_(s.seed()) {}

  void play() {
    if (stage_.held()) return keep_busy();
    stage_.phase("steady");
    trickle(quiet_);
    stage_.phase("burst");
    const std::uint64_t served_before = served_, refused_before = refused_;
    const std::int64_t began_ns = now_ns();
    for (std::uint32_t i = 0; i < burst_requests; ++i) {
      arrive(took_);
      if (i % volley == volley - 1) sleep_for(volley_every);
    }
    in_flight_.wait();
    stage_.figure("burst_answered_in", static_cast<double>(now_ns() - began_ns) * 1e-9, "s");
    const std::uint64_t served = served_ - served_before, refused = refused_ - refused_before;
    stage_.phase("plateau");
    trickle(quiet_);
    stage_.phase("");
    stage_.given("burst", burst_requests, "requests");
    stage_.figure("burst_served", static_cast<double>(served), "requests");
    stage_.figure("burst_refused", static_cast<double>(refused), "answers 503");
    stage_.figure("burst_lost", static_cast<double>(burst_requests - served - refused), "requests");
    stage_.figure("latency_quiet_p50", quiet_.percentile_ms(0.5), "ms");
    stage_.figure("latency_burst_p50", took_.percentile_ms(0.5), "ms");
    stage_.figure("latency_burst_p99", took_.percentile_ms(0.99), "ms");
  }

 private:
  void arrive(latencies& into) {
    in_flight_.add(1);
    go([this, &into, first = static_cast<char>(dice_.below(256))] {
      const std::int64_t arrived_ns = now_ns();
      const int status = ask(port_, std::string(image_bytes, first));
      if (status == 200) {
        into.add(now_ns() - arrived_ns);
        ++served_;
      } else if (status == 503) {
        ++refused_;
      }
      in_flight_.done();
    });
  }

  void trickle(latencies& into) {
    for (std::uint32_t i = 0; i < trickle_requests; ++i) {
      arrive(into);
      sleep_for(trickle_every);
    }
    in_flight_.wait();
  }

  // The burst without an end: who has an answer asks again.
  void keep_busy() {
    for (std::uint32_t i = 0; i < burst_requests; ++i) {
      in_flight_.add(1);
      go([this] {
        while (stage_.holds()) {
          if (ask(port_, std::string(image_bytes, 'h')) != 200) sleep_for(retry_pause);
        }
        in_flight_.done();
      });
    }
    in_flight_.wait();
  }

  stage& stage_;
  std::uint16_t const port_;
  latencies took_, quiet_;
  stress::dice dice_;
  wait_group in_flight_;
  std::atomic<std::uint64_t> served_{0}, refused_{0};
};

// ---- both --------------------------------------------------------------------------------------

struct ends {
  int reader, writer;
};
ends pipe_for(stage& s) {
  std::array<int, 2> both{};
  if (::pipe2(both.data(), O_CLOEXEC) != 0) s.cannot("a pipe: no free descriptor");
  return {both[0], both[1]};
}

void serve(stage& s, decltype(programs::service_options::answers_first) answer, policy const* rules = nullptr,
           void (*first)(stage&) = nullptr) {
  const ends port = pipe_for(s), over = pipe_for(s);  // to the clients, and from them: its end
  s.beside([&] {
    ::close(port.writer);
    ::close(over.reader);
    std::uint16_t number = 0;
    if (::read(port.reader, &number, sizeof number) == sizeof number) run([&] { clients(s, number).play(); });
  });
  ::close(port.reader);
  ::close(over.writer);
  options chosen;
  chosen.rules = rules;
  run(chosen, [&] {
    if (first != nullptr) first(s);
    result<tcp_listener> listener = tcp_listen(loopback_address, 0);
    result<programs::document_root> root = programs::document_root::at("/");
    result<stream> ended = adopt(over.reader);
    if (!listener || !root || !ended) s.cannot("a listener on loopback");
    programs::http_service service(std::move(*root), {.answers_first = std::move(answer)});
    const std::uint16_t number = listener->port();
    if (::write(port.writer, &number, sizeof number) != sizeof number) s.cannot("a pipe");
    go([&] {
      std::array<std::byte, 1> nothing;
      static_cast<void>(ended->read(nothing));
      service.stop(*listener);
    });
    static_cast<void>(service.serve(*listener));
    s.given("threads_bounded", admitted_max + processors() + few, "threads");
    s.figure("threads_kept", thread_count(), "threads");
    s.given("threads_kept_as_told", idle_kept + processors() + few, "threads");
    stress::tell_thread_sites(s, __FILE__);
  });
}

void play_buggy(stage& s) { serve(s, answer_unbounded); }

void play_bounded(stage& s, void (*first)(stage&) = nullptr) {
  bounded images(admitted_max);
  serve(
      s, [&images](request const& asked) { return answer_bounded(images, asked); }, nullptr, first);
}
void play_fixed(stage& s) { play_bounded(s); }

void play_trimming(stage& s) {
  policy rules;
  rules.idle_machines_max = idle_kept;
  serve(s, answer_unbounded, &rules);
}

// What this process has when it has had all its goroutines, and the stacks of so many threads more:
// what there is not enough of is threads.
void leave_memory_for_threads(stage& s) {
  wait_group all;
  all.add(goroutines_max);
  for (std::uint32_t i = 0; i < goroutines_max; ++i) {
    go([&] {
      all.done();
      all.wait();
    });
  }
  all.wait();
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t most = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) +
                      rlim_t{threads_in_limit} * world::limits::machine_stack_bytes + room_for_the_rest_bytes;
  const rlimit limit{most, most};
  if (pages == 0 || ::setrlimit(RLIMIT_AS, &limit) != 0) s.cannot("a limit to memory (RLIMIT_AS)");
  s.given("memory_allowed", static_cast<double>(most >> 20), "MB");
}

void play_in_limit(stage& s) { serve(s, answer_unbounded, nullptr, leave_memory_for_threads); }
void play_in_limit_bounded(stage& s) { play_bounded(s, leave_memory_for_threads); }

}  // namespace

int main(int argc, char** argv) {
  return stress::run_bug({.number = 1,
                          .name = "bug01_unbounded_foreign_calls",
                          .title = "a foreign call for every request: a burst of requests is a burst of threads",
                          .variants =
                              {{"buggy", "every request calls the library at once, as many as come", play_buggy},
                               {"fixed", "16 calls at a time; who has no turn after 100 ms is told 503", play_fixed},
                               {"trimming", "as buggy, under a policy that keeps 48 idle threads", play_trimming},
                               {"in_limit", "as buggy, with memory for 128 threads more", play_in_limit},
                               {"in_limit_bounded", "as fixed, under the same limit", play_in_limit_bounded}},
                          .measures = {{.name = "threads at their peak",
                                        .figure = "threads_peak",
                                        .baseline = "threads_bounded",
                                        .from = 2,
                                        .twins = 5},
                                       {.name = "p99 of answers in the burst",
                                        .figure = "latency_burst_p99",
                                        .baseline = "latency_quiet_p50",
                                        .from = 20,
                                        .twins = 3},
                                       {.name = "requests of the burst that are admitted",
                                        .figure = "burst_served",
                                        .baseline = "burst",
                                        .from = 1},
                                       {.name = "threads that stay after the burst",
                                        .figure = "threads_in_plateau",
                                        .baseline = "threads_kept_as_told",
                                        .from = 3,
                                        .twins = 3,
                                        .fixed = "trimming"},
                                       {.name = "the burst ends in the limit of memory",
                                        .figure = "fatal_newosproc",
                                        .from = 1,
                                        .buggy = "in_limit",
                                        .fixed = "in_limit_bounded"}},
                          .looks = {{"RETAKE_DEBUG=pprof=127.0.0.1:6061 ./retake bug 1 --variant buggy --hold 20 &",
                                     "the burst without an end, with its reports on loopback"},
                                    {"curl -s 'http://127.0.0.1:6061/debug/pprof/threadcreate?debug=1' | head",
                                     "the line of the foreign call, with nearly all threads",
                                     R"(^[1-9]\d\d created, [1-9]\d\d live @.*bug01_unbounded_foreign_calls\.cpp:\d)"},
                                    {"curl -s 'http://127.0.0.1:6061/debug/pprof/goroutine?debug=1' | head",
                                     "hundreds of goroutines at that line",
                                     R"(^[1-9]\d\d @.*bug01_unbounded_foreign_calls\.cpp:\d)"},
                                    {"RETAKE_DEBUG=schedtrace=1000 ./retake bug 1 --variant buggy --hold 5",
                                     "threads= rises with the burst while runqueue= stays short",
                                     R"( threads=[1-9]\d\d .* runqueue=\d\d? )"}},
                          .seed = {{"threads_peak", "20, then 800"},
                                   {"latency_burst_p99", "spikes"},
                                   {"threads_kept", "about 50"},
                                   {"burst_lost", "some fail"}},
                          .explained = {{"runtime/syscall/foreign.cpp", "enter_foreign",
                                         "a foreign call is a system call to the scheduler"},
                                        {"runtime/sched/sysmon.cpp", "retake",
                                         "sysmon finds the P there at two visits and takes it"},
                                        {"runtime/sched/machines.cpp", "handoff",
                                         "the P goes to another thread, a new one if none is idle"},
                                        {"runtime/sync/permits.cpp", "take_or_wait",
                                         "behind a bound a goroutine waits without a thread"}},
                          .pattern = "1",
                          .pictures = {"threads", "latency"},
                          .may_end_with = {{"fatal_newosproc", "fatal error: newosproc", "in_limit"}}},
                         argc, argv);
}
