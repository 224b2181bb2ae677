// hammer_poller.cpp: readiness, a break and a close each end a wait, whenever they come, and none
// of them is lost.
//
// Goal.      Ready against park, break against block, close against wait, at every distance from
//            each other.
// Method.    First the protocols alone (raw_polling.hpp), then the runtime: pairs of goroutines
//            over pipes and TCP connections, a thread that the runtime does not know and that
//            writes when it likes, sleepers whose timers are earlier than the poll that blocks,
//            closers and writers that race for one waiting reader. Everything is numbered: what is
//            lost, doubled or from another connection is seen; a wait that nobody ends stops the
//            rounds.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "hammer.hpp"
#include "io/polled_file.hpp"
#include "load.hpp"
#include "quiescence.hpp"
#include "raw_polling.hpp"
#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/net.hpp"
#include "retake/sync.hpp"
#include "sched/scheduler.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using namespace retake::stress;

enum event_index : std::size_t {
  raw_ready_first,
  raw_commit_won,
  raw_commit_lost,
  raw_broken,
  raw_closed,
  raw_saw_close,
  raw_break_first,
  raw_break_merged,
  raw_drained,
  pipe_round_trips,
  tcp_round_trips,
  from_outside,
  timers,
  timers_late,
  polls_broken,
  close_won,
  data_won,
  second_served,
};

std::vector<event> const events = {
    {"raw_ready_first", 10'000}, {"raw_commit_won", 10'000},  {"raw_commit_lost", 10'000}, {"raw_broken", 1'000},
    {"raw_closed", 100},         {"raw_saw_close", 0},        {"raw_break_first", 1'000},  {"raw_break_merged", 100},
    {"raw_drained", 1'000},      {"pipe_round_trips", 1'000}, {"tcp_round_trips", 300},    {"from_outside", 300},
    {"timers", 1'000},           {"timers_late_1ms", 0},      {"polls_broken", 100},       {"close_won", 100},
    {"data_won", 100},           {"second_served", 10},
};

constexpr double raw_share = 0.3;
constexpr std::uint32_t pairs = 2;
constexpr std::uint32_t sleepers = 3;
constexpr std::int64_t end_patience_ns = 3'000'000'000;  // an end of the stream that nobody noticed by then is lost

using word = std::uint64_t;

// True when a whole word came; false at the end of the stream.
bool read_word(stream& from, word& into) {
  std::array<std::byte, sizeof(word)> bytes;
  for (std::size_t have = 0; have < bytes.size();) {
    auto const got = from.read(std::span(bytes).subspan(have));
    if (!got || *got == 0) return false;
    have += *got;
  }
  std::memcpy(&into, bytes.data(), sizeof into);
  return true;
}

bool write_word(stream& to, word value) {
  auto const done = to.write(std::as_bytes(std::span(&value, 1)));
  return static_cast<bool>(done);
}

// ---- ready against park ----
void echo(load& l, stream& in, stream& out) {
  for (word value = 0; read_word(in, value);) {
    l.touch();
    if (!write_word(out, value + 1)) return;
  }
}

void ping(load& l, stream& out, stream& in, std::size_t which, dice d) {
  for (word n = 0; !l.over(); ++n) {
    word answer = 0;
    if (!write_word(out, n) || !read_word(in, answer)) {
      l.out.found("N8: a stream ends while both sides use it");
      break;
    }
    if (answer != n + 1) l.out.found("N4: a stream gives what was written to another, or twice");
    l.touch();
    l.out.count(which);
    l.out.round();
    if (d.below(8) == 0) yield();
  }
  out = stream();  // the echo's end of the stream
}

// Descriptors that a thread without runtime writes to, whenever it likes.
class outsider {
 public:
  outsider(load& l, std::uint64_t seed) : load_(l), seed_(seed) {
    if (::pipe2(ends_, O_CLOEXEC) != 0) return;
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    thread_ = std::thread([this] { write(); });
  }
  ~outsider() {
    if (thread_.joinable()) thread_.join();
  }
  outsider(outsider const&) = delete;
  outsider& operator=(outsider const&) = delete;

  // By a goroutine: until the thread has closed its end.
  void read() {
    if (!thread_.joinable()) return;
    int failed = 0;
    stream in(detail::polled_file::make(ends_[0], failed));
    if (!in.valid()) return;
    word expected = 0;
    for (word value = 0; read_word(in, value); ++expected) {
      if (value != expected) load_.out.found("N8: what an outsider wrote is lost or doubled");
      load_.out.count(from_outside);
      load_.out.round();
      load_.touch();
    }
  }

 private:
  void write() {
    dice d(seed_);
    for (word n = 0; !load_.over(); ++n) {
      if (::write(ends_[1], &n, sizeof n) != sizeof n) break;
      if (d.below(4) == 0)
        nap_ns(d.below(100'000));
      else
        busy_ns(d.below(3'000));
    }
    ::close(ends_[1]);
  }

  load& load_;
  std::uint64_t const seed_;
  int ends_[2] = {-1, -1};
  std::thread thread_;
};

// ---- break against block: timers that come after the poll has begun to block ----
void sleep_again_and_again(load& l, std::uint32_t longest_ns, dice d) {
  constexpr std::int64_t late_ns = 1'000'000;
  while (!l.over()) {
    const std::int64_t length_ns = 10'000 + d.below(longest_ns);
    const std::int64_t due_ns = now_ns() + length_ns;
    sleep_for(std::chrono::nanoseconds(length_ns));
    const std::int64_t woken_ns = now_ns();
    if (woken_ns < due_ns) l.out.found("V3: a timer fires early");
    if (woken_ns > due_ns + late_ns) l.out.count(timers_late);
    l.out.count(timers);
    l.out.round();
    l.touch();
    busy_ns(d.below(20'000));
  }
}

// ---- close against wait ----
void close_against_wait(load& l, dice d) {
  while (!l.over()) {
    auto made = make_pipe();
    if (!made) {
      l.out.found("N2: no pipe can be made: descriptors are not given back");
      return;
    }
    pipe_ends& ends = *made;
    wait_group both;
    both.add(2);
    go([&] {
      std::array<std::byte, 8> bytes;
      auto const got = ends.reader.read(bytes);
      if (got && *got == 1)
        l.out.count(data_won);
      else if (!got && got.error() == std::errc::operation_canceled)
        l.out.count(close_won);
      else
        l.out.found("N8: a read that a close or a byte should have ended says something else");
      both.done();
    });
    const std::uint32_t pause = d.below(8);
    go([&, pause] {
      if (pause > 4) yield();
      const std::byte one{1};
      if (auto const done = ends.writer.write(std::span(&one, 1)); !done && done.error() != std::errc::broken_pipe)
        l.out.found("N8: a write to a pipe fails");
      both.done();
    });
    for (std::uint32_t i = d.below(4); i > 0; --i) yield();
    if (pause == 0) busy_ns(d.below(5'000));
    ends.reader.close();
    both.wait();
    l.touch();
    l.out.round();
  }
}

// A second reader waits its turn, and neither is forgotten.
void two_readers(load& l, dice d) {
  while (!l.over()) {
    auto made = make_pipe();
    if (!made) return;
    pipe_ends& ends = *made;
    wait_group all;
    std::array<std::error_code, 2> errors;
    std::atomic<std::uint32_t> back{0};
    for (std::error_code& error : errors) {
      all.add(1);
      go([&ends, &all, &error, &back] {
        std::array<std::byte, 8> bytes;
        error = ends.reader.read(bytes).error();
        back.fetch_add(1);
        all.done();
      });
    }
    for (std::uint32_t i = d.below(4); i > 0; --i) yield();
    ends.writer = stream();  // the end of the stream for whoever waits
    const std::int64_t patience_ns = now_ns() + end_patience_ns;
    while (back.load() != errors.size() && now_ns() < patience_ns) sleep_for(50us);
    if (back.load() != errors.size()) {
      l.out.found("N8: the stream has ended and a reader that waits its turn is not woken");
      ends.reader.close();
    }
    all.wait();
    for (std::error_code const error : errors) {
      if (error)
        l.out.found("N1: a reader that waits its turn is refused");
      else
        l.out.count(second_served);
    }
    l.out.round();
    sleep_for(200us);
  }
}

// Runs `body(start)` in a runtime, where start(f) starts f(dice) as a goroutine; waits for them all
// and looks whether everything is even.
template <class Body>
void run_load(load& l, pass const& p, std::uint32_t processors, Body body) {
  policy rules;
  rules.poll_overdue = 100us;  // sysmon polls too
  options chosen;
  chosen.processors = processors;
  chosen.rules = &rules;
  dice seeds(p.seed);
  run(chosen, [&] {
    wait_group all;
    body([&](auto one) {
      all.add(1);
      go([&all, one, d = dice(seeds.next())] {
        one(d);
        all.done();
      });
    });
    all.wait();
    if (char const* const broken = broken_at_rest()) p.out.found(broken);
    p.out.count(polls_broken, this_machine()->home.paths.polls_broken.value.load_relaxed());
  });
  l.check_touches();
}

// The two directions between an echo and its client; gone when both have ended.
struct way {
  stream to, from, back_to, back_from;
};

template <class Start>
void start_pipe_pair(load& l, Start start) {
  auto there = make_pipe();
  auto back = make_pipe();
  if (!there || !back) return l.out.found("N2: no pipe can be made: descriptors are not given back");
  auto const w = std::make_shared<way>(
      way{std::move(there->writer), std::move(there->reader), std::move(back->writer), std::move(back->reader)});
  start([&l, w](dice) { echo(l, w->from, w->back_to); });
  start([&l, w](dice d) { ping(l, w->to, w->back_from, pipe_round_trips, d); });
}

template <class Start>
void start_tcp_pair(load& l, tcp_listener& listener, Start start) {
  auto client = tcp_connect(loopback_address, listener.port());
  auto server = listener.accept();
  if (!client || !server) return l.out.found("N8: a connection over loopback fails");
  auto const w = std::make_shared<way>(way{std::move(*client), std::move(*server), stream(), stream()});
  start([&l, w](dice) { echo(l, w->from, w->from); });
  start([&l, w](dice d) { ping(l, w->to, w->to, tcp_round_trips, d); });
}

// Descriptors, timers and closers all at once: somebody always runs.
void hammer_busy(pass const& p, std::uint32_t processors, double seconds) {
  load l(p, seconds);
  outsider others(l, p.seed);
  run_load(l, p, processors, [&](auto start) {
    auto listener = tcp_listen(loopback_address, 0);
    if (!listener) return l.out.found("N2: no socket can be made: descriptors are not given back");
    for (std::size_t i = 0; i < pairs; ++i) {
      start_pipe_pair(l, start);
      start_tcp_pair(l, *listener, start);
    }
    for (std::uint32_t i = 0; i < sleepers; ++i) start([&l](dice d) { sleep_again_and_again(l, 500'000, d); });
    start([&l](dice d) { close_against_wait(l, d); });
    start([&l](dice d) { two_readers(l, d); });
    start([&others](dice) { others.read(); });
  });
}

// Mostly asleep: an M blocks in the poller until a late timer, and then an early one comes.
void hammer_quiet(pass const& p, std::uint32_t processors, double seconds) {
  load l(p, seconds);
  outsider others(l, p.seed + 1);
  run_load(l, p, processors, [&](auto start) {
    start([&l](dice d) { sleep_again_and_again(l, 5'000'000, d); });
    start([&l](dice d) { sleep_again_and_again(l, 100'000, d); });
    start([&others](dice) { others.read(); });
  });
}

void hammer_raw(pass const& p, double seconds) {
  const raw_waiter_events waits{raw_ready_first, raw_commit_won, raw_commit_lost,
                                raw_broken,      raw_closed,     raw_saw_close};
  const raw_break_events breaks{raw_break_first, raw_break_merged, raw_drained};
  const auto never = [] { return false; };
  for (const std::uint32_t pollers : {1u, 2u}) raw_waiters(p, waits, pollers, seconds / 3, never).run();
  raw_breaks(p, breaks, seconds / 3, never).run();
}

void run_pass(pass const& p) {
  const bool raw_wanted = !p.overtime || missing(events, p.out, raw_ready_first, pipe_round_trips);
  const bool runtime_wanted = !p.overtime || missing(events, p.out, pipe_round_trips, events.size());
  const double share = !runtime_wanted ? 1 : !raw_wanted ? 0 : raw_share;
  if (raw_wanted) hammer_raw(p, p.seconds * share);
  for (const std::uint32_t processors : {1u, 2u, 4u}) {
    if (runtime_wanted && !p.out.has_finding()) hammer_busy(p, processors, p.seconds * (1 - share) / 5);
  }
  for (const std::uint32_t processors : {2u, 4u}) {
    if (runtime_wanted && !p.out.has_finding()) hammer_quiet(p, processors, p.seconds * (1 - share) / 5);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return run_hammer({"poller",
                     "readiness, a break and a close each end a wait, whenever they come, and none of them is lost",
                     events, run_pass},
                    argc, argv);
}
