// cost_table.cpp: the seed's table of orders of magnitude, measured here
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "ledger.hpp"
#include "retake/clock.hpp"
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"

namespace retake::costs {

namespace {

using stress::cost_ns;

void (*volatile noop)() = [] {};

constexpr char const* busy = "other load on this machine, or one that is slower";

constexpr std::size_t page_bytes = 4'096;

// A file of one page that memory holds, without a name.
int one_page() {
  char name[] = "/tmp/retake-costs-XXXXXX";
  const int fd = ::mkstemp(name);
  ::unlink(name);
  std::array<char, page_bytes> page{};
  static_cast<void>(::pwrite(fd, page.data(), page.size(), 0));
  return fd;
}

void whole_file() {
  std::array<char, page_bytes> into;
  const int fd = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  static_cast<void>(::read(fd, into.data(), into.size()));
  ::close(fd);
}

// With one P: from the entry of a call that blocks until the goroutine that waits behind it runs.
double handoff_us() {
  std::vector<double> took;
  for (int i = 0; i < 30; ++i) {
    std::atomic<std::int64_t> entered{0};
    wait_group other;
    other.add(1);
    go([&] {
      took.push_back(static_cast<double>(stress::now_ns() - entered) * 1e-3);
      other.done();
    });
    entered = stress::now_ns();
    retake::syscall([] { stress::nap_ns(3'000'000); });
    other.wait();
  }
  return stress::median(took);
}

double goroutine_ns() {
  constexpr std::uint64_t batch = 1'000;
  double least = 1e18;
  for (int i = 0; i < stress::rounds_of_cost; ++i) {
    wait_group all;
    all.add(batch);
    const std::int64_t began_ns = stress::now_ns();
    for (std::uint64_t k = 0; k < batch; ++k) go([&all] { all.done(); });
    all.wait();
    least = std::min(least, static_cast<double>(stress::now_ns() - began_ns) / batch);
  }
  return least;
}

double event_ns() {
  constexpr int events = 128;
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::array<int, events> all{};
  for (int& one : all) {
    one = ::eventfd(1, EFD_CLOEXEC);
    epoll_event what{};
    what.events = EPOLLIN;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, one, &what);
  }
  std::array<epoll_event, events> ready;
  const double each = cost_ns(200, [&] { stress::keep(::epoll_wait(epoll, ready.data(), events, 0)); }) / events;
  for (const int one : all) ::close(one);
  ::close(epoll);
  return each;
}

}  // namespace

void cost_table(ledger& into) {
  if (!into.wanted("table")) return;
  into.heading("What operations cost                                            the seed  measured     verdict");
  options chosen;
  chosen.processors = 1;
  run(chosen, [&] {
    const int page = one_page();
    std::array<char, page_bytes> room;
    into.cost("function_call", "a function call", {"1 ns", 1, 1, "a quicker processor", busy},
              cost_ns(100'000, [] { noop(); }), "ns");
    into.cost("clock", "the clock, in this process' memory",
              {"20 ns", 20, 20, "a quicker processor",
               "no vDSO, or a clock source of a hypervisor: see the row `vdso`"},
              cost_ns(50'000, [] { stress::keep(monotonic_now()); }), "ns");
    into.cost("enter_exit", "the bookkeeping of a system call",
              {"100 ns", 100, 100,
               "no trace, no stack to scan: two atomic operations of the P's status are all that is left", busy},
              cost_ns(50'000, [] { retake::syscall([] {}); }), "ns");
    into.cost("fast_syscall", "a system call that does nothing (getppid)",
              {"200 ns", 200, 200, "a kernel without the slow mitigations", "a kernel with them, or a traced process"},
              cost_ns(20'000, [] { ::syscall(SYS_getppid); }), "ns");
    into.cost("working_syscalls", "calls that work (open, read, close of a /proc file)",
              {"1 us to 1 ms", 1, 1'000, "a quicker processor", busy}, cost_ns(300, whole_file) * 1e-3, "us");
    into.cost("foreign_call", "a foreign call",
              {"100 ns", 100, 100, "the bookkeeping above and two changes of stacks: see the row `foreign_steps`",
               busy},
              cost_ns(50'000, [] { foreign_call([] { noop(); }); }), "ns");
    into.cost("handoff", "the monitor's hand-off (median)",
              {"5 to 50 us", 5, 50, "the monitor was awake",
               "a monitor that sleeps up to 10 ms, and a thread that the kernel has to run: see `monitor_rate`"},
              handoff_us(), "us");
    into.cost("thread", "a thread, made and ended",
              {"5 to 50 us", 5, 50, "a quicker processor", "the wait for its end is in it"},
              cost_ns(50, [] { std::thread([] {}).join(); }) * 1e-3, "us");
    into.cost("goroutine", "a goroutine, made and ended",
              {"1 us", 1'000, 1'000, "a stack is used again, and none grows", busy}, goroutine_ns(), "ns");
    into.cost("event", "an event of epoll_wait, of 128", {"50 ns", 50, 50, "a quicker processor", busy}, event_ns(),
              "ns");
    into.cost("read_4k", "4 KB in one read",
              {"1 us", 1, 1, "a quicker processor", "a file system in another process, or a traced one"},
              cost_ns(2'000, [&] { stress::keep(::pread(page, room.data(), room.size(), 0)); }) * 1e-3, "us");
    const auto byte_by_byte = [&] {
      for (std::size_t i = 0; i < page_bytes; ++i) stress::keep(::pread(page, room.data(), 1, static_cast<off_t>(i)));
    };
    into.cost("read_4k_by_bytes", "4 KB in 4,096 reads",
              {"4 ms", 4, 4, "a call of this kernel takes less than the microsecond that the figure counts with",
               "a file system in another process"},
              cost_ns(3, byte_by_byte) * 1e-6, "ms");
    ::close(page);
  });
}

}  // namespace retake::costs
