// better_waits.cpp: connections that are kept, a child's output through a pipe, a channel instead
// of a flag, and whether the clock is in this process' memory
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "ledger.hpp"
#include "retake/channel.hpp"
#include "retake/clock.hpp"
#include "retake/go.hpp"
#include "retake/process.hpp"
#include "retake/run.hpp"
#include "retake/stream.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/tcp.hpp"

namespace retake::costs {

namespace {

using namespace std::chrono_literals;

using stress::now_ns;

void echo(tcp_listener& listener) {
  while (result<tcp_stream> next = listener.accept()) {
    go([connection = std::make_shared<tcp_stream>(std::move(*next))] {
      std::array<std::byte, 64> room;
      for (;;) {
        const result<std::size_t> n = connection->read(room);
        if (!n || *n == 0 || !connection->write(std::span(room).first(*n))) return;
      }
    });
  }
}

void ask(tcp_stream& over) {
  std::array<std::byte, 32> message{};
  static_cast<void>(over.write(message));
  static_cast<void>(over.read(message));
}

void kept_connections(ledger& into) {
  constexpr int requests = 200;
  result<tcp_listener> listener = tcp_listen(loopback_address, 0);
  if (!listener) return;
  wait_group server;
  server.add(1);
  go([&] {
    echo(*listener);
    server.done();
  });
  const std::uint16_t port = listener->port();
  into.compare(
      {"kept_connections", "200 requests, each with a connection of its own", "over one that is kept", "us a request",
       1.5,
       "not when: the other side closes first, or state of the connection must not be seen by the next user; a pool "
       "needs a size and an age"},
      7,
      [&] {
        const std::int64_t began_ns = now_ns();
        for (int i = 0; i < requests; ++i) {
          if (result<tcp_stream> one = tcp_connect(loopback_address, port)) {
            static_cast<void>(one->set_linger(0s));  // no port stays behind in TIME_WAIT
            ask(*one);
          }
        }
        return static_cast<double>(now_ns() - began_ns) * 1e-3 / requests;
      },
      [&] {
        result<tcp_stream> one = tcp_connect(loopback_address, port);
        const std::int64_t began_ns = now_ns();
        for (int i = 0; one && i < requests; ++i) ask(*one);
        return static_cast<double>(now_ns() - began_ns) * 1e-3 / requests;
      });
  listener->close();
  server.wait();
}

void childs_output(ledger& into) {
  constexpr char const* goes_on = "sleep 0.2";
  const auto by_file = [&] {
    char name[] = "/tmp/retake-costs-XXXXXX";
    const int fd = ::mkstemp(name);
    ::unlink(name);
    const std::int64_t began_ns = now_ns();
    process_options what;
    what.arguments = {"sh", "-c", std::string("echo ready >&3; ") + goes_on};
    what.files = {fd};
    if (result<process> child = spawn(what)) static_cast<void>(child->wait());
    char first = 0;
    static_cast<void>(::pread(fd, &first, 1, 0));
    ::close(fd);
    return static_cast<double>(now_ns() - began_ns) * 1e-6;
  };
  const auto by_pipe = [&] {
    const std::int64_t began_ns = now_ns();
    process_options what;
    what.arguments = {"sh", "-c", std::string("echo ready; ") + goes_on};
    what.output = redirect::pipe;
    result<process> child = spawn(what);
    if (!child) return 1e9;
    std::array<std::byte, 16> line;
    static_cast<void>(child->output.read(line));
    const auto took = static_cast<double>(now_ns() - began_ns) * 1e-6;
    static_cast<void>(child->wait());
    return took;
  };
  into.compare({"childs_output", "a child's first line, from a file when it has ended",
                "from a pipe, whose reader is parked in the poller", "ms", 1.5,
                "not when: the output must outlive both, or is larger than anybody reads: a pipe that nobody reads "
                "stops the child"},
               3, by_file, by_pipe);
}

void told_not_asked(ledger& into) {
  static constexpr auto pause = 10ms, ready_after = 14ms;
  // From the moment in which something is ready until the goroutine that waits for it goes on, in
  // us.
  const auto flag = [] {
    std::atomic<std::int64_t> set_ns{0};
    go([&] {
      sleep_for(ready_after);
      set_ns = now_ns();
    });
    while (set_ns == 0) sleep_for(pause);
    return static_cast<double>(now_ns() - set_ns) * 1e-3;
  };
  const auto told = [] {
    channel<std::int64_t> ready(1);
    go([&] {
      sleep_for(ready_after);
      ready.send(now_ns());
    });
    const std::int64_t sent_ns = *ready.receive();
    return static_cast<double>(now_ns() - sent_ns) * 1e-3;
  };
  into.compare({"told_not_asked", "a flag that is looked at every 10 ms: from set to seen",
                "a channel: from sent to received", "us", 3,
                "not when: whoever sets it is no goroutine and cannot send (then an eventfd in the poller)"},
               25, flag, told);
}

// A byte, the goroutine that waits for it, and its answer. `wait_and_take` returns when the byte
// has come.
template <class Wait>
double cpu_of_wakes_us(int writer, Wait wait_and_take) {
  constexpr int turns = 400;
  channel<char> answered(1);
  go([&] {
    for (int i = 0; i < turns; ++i) {
      wait_and_take();
      answered.send(0);
    }
  });
  const auto used_us = [] {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) * 1e-3;
  };
  const double before_us = used_us();
  for (int i = 0; i < turns; ++i) {
    const char byte = 0;
    static_cast<void>(::write(writer, &byte, 1));
    static_cast<void>(answered.receive());
  }
  return (used_us() - before_us) / turns;
}

// A poller of one's own, as exercise 10 has it: a goroutine that sits in epoll_wait and sends to
// the waiter's channel. The runtime's readies the waiter itself.
void woken_directly(ledger& into) {
  const auto by_loop = [] {
    std::array<int, 2> ends{}, over{};
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    if (::pipe2(ends.data(), O_CLOEXEC) != 0 || ::pipe2(over.data(), O_CLOEXEC) != 0) return 0.0;
    for (const int one : {ends[0], over[0]}) {
      epoll_event what{};
      what.events = EPOLLIN | EPOLLET;
      what.data.fd = one;
      ::epoll_ctl(epoll, EPOLL_CTL_ADD, one, &what);
    }
    channel<char> woken(1);
    wait_group loop;
    loop.add(1);
    go([&] {
      epoll_event event{};
      while (syscall_blocking([&] { return ::epoll_wait(epoll, &event, 1, -1); }) == 1 && event.data.fd == ends[0])
        woken.send(0);
      loop.done();
    });
    const double each = cpu_of_wakes_us(ends[1], [&] {
      static_cast<void>(woken.receive());
      char byte = 0;
      static_cast<void>(::read(ends[0], &byte, 1));
    });
    static_cast<void>(::write(over[1], "", 1));
    loop.wait();
    for (const int one : {epoll, ends[0], ends[1], over[0], over[1]}) ::close(one);
    return each;
  };
  const auto by_runtime = [] {
    result<pipe_ends> ends = make_pipe();
    if (!ends) return 1e9;
    return cpu_of_wakes_us(ends->writer.descriptor(), [&] {
      std::array<std::byte, 1> byte;
      static_cast<void>(ends->reader.read(byte));
    });
  };
  into.compare({"woken_directly", "a goroutine that a loop over epoll_wait wakes through a channel",
                "one that the runtime's poller readies", "us of CPU a wake", 1.2,
                "instead of a poller of your own: adopt() the descriptor"},
               7, by_loop, by_runtime);
}

void clock_verdict(ledger& into) {
  const auto in_kernel = [] {
    return stress::once_ns(5'000, [] {
      timespec now{};
      ::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    });
  };
  const auto in_memory = [] { return stress::once_ns(5'000, [] { stress::keep(monotonic_now()); }); };
  const bool mapped = ::getauxval(AT_SYSINFO_EHDR) != 0;
  into.compare({"vdso", "the clock, by a system call", "the clock, as the runtime reads it", "ns", mapped ? 2.0 : 0,
                "nothing to apply: where it is missing (a hardened container, a clock source that needs the kernel) "
                "fix that, or bear it"},
               9, in_kernel, in_memory);
  into.text(mapped ? "verdict: the vDSO is mapped; the row says whether it answers"
                   : "verdict: this process has no vDSO: the clock is a system call");
}

}  // namespace

void better_waits(ledger& into) {
  into.heading("Better waits");
  options chosen;
  chosen.processors = 2;
  run(chosen, [&] {
    if (into.wanted("kept_connections")) kept_connections(into);
    if (into.wanted("childs_output")) childs_output(into);
    if (into.wanted("told_not_asked")) told_not_asked(into);
    if (into.wanted("woken_directly")) woken_directly(into);
    if (into.wanted("vdso")) clock_verdict(into);
  });
}

}  // namespace retake::costs
