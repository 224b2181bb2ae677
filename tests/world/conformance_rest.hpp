// conformance_rest.hpp: what the rest of the contract does, as observations: one text line each,
// the same from every kernel.
//
// Goal.      The simulated kernel is only worth what it has in common with the real one: which
//            error, which event, once or again.
// Method.    One sequence of calls, section by section, that says what came back: errors and events
//            by name, counts and relations, but no number that may differ (descriptors, ports,
//            sizes of buffers, times). The os program runs it against the real kernel, the sim
//            program against the simulated one, in two processes; compare_observations.sh wants the
//            two texts equal. What must hold in any kernel is written so that the line says "yes".
//            Threads are ordered by sleeps on the world's clock: the sim runs this once, tamely; it
//            explores elsewhere.
#pragma once

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>

#include "world/atomic.hpp"
#include "world/clock.hpp"
#include "world/fault.hpp"
#include "world/futex.hpp"
#include "world/kernel.hpp"
#include "world/limits.hpp"
#include "world/memory.hpp"
#include "world/random.hpp"
#include "world/refused.hpp"
#include "world/signal.hpp"
#include "world/thread.hpp"

namespace retake::conformance {

namespace k = world::kernel;

// ---- saying ----

inline char const* name_of_error(std::int64_t result) {
  switch (-result) {
    case EAGAIN: return "EAGAIN";
    case EBADF: return "EBADF";
    case EINVAL: return "EINVAL";
    case EPIPE: return "EPIPE";
    case EEXIST: return "EEXIST";
    case EFAULT: return "EFAULT";
    case ECANCELED: return "ECANCELED";
    case EPERM: return "EPERM";
    case ENOENT: return "ENOENT";
    case ENOTSOCK: return "ENOTSOCK";
    case ENOTCONN: return "ENOTCONN";
    case EISCONN: return "EISCONN";
    case EALREADY: return "EALREADY";
    case EINPROGRESS: return "EINPROGRESS";
    case ECONNREFUSED: return "ECONNREFUSED";
    case ECONNRESET: return "ECONNRESET";
    case EADDRINUSE: return "EADDRINUSE";
    case EADDRNOTAVAIL: return "EADDRNOTAVAIL";
    case EAFNOSUPPORT: return "EAFNOSUPPORT";
    case EOPNOTSUPP: return "EOPNOTSUPP";
    case ENOSYS: return "ENOSYS";
    case ESPIPE: return "ESPIPE";
    case EDESTADDRREQ: return "EDESTADDRREQ";
    case EMSGSIZE: return "EMSGSIZE";
    default: return "another error";
  }
}

// Lines on standard output. The section's name stands before each.
class notebook {
 public:
  void section(char const* name) { section_ = name; }

  [[gnu::format(printf, 2, 3)]] void say(char const* format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    std::printf("%s: %s\n", section_, line);
  }
  void result(char const* what, std::int64_t value) {
    if (value < 0) return say("%s -> %s", what, name_of_error(value));
    say("%s -> %lld", what, static_cast<long long>(value));
  }
  // Success, whatever the number.
  void success(char const* what, std::int64_t value) {
    say("%s -> %s", what, value < 0 ? name_of_error(value) : "success");
  }
  void holds(char const* what, bool condition) { say("%s: %s", what, condition ? "yes" : "NO"); }

 private:
  char const* section_ = "";
};

inline void say_events(notebook& n, char const* what, int count, k::poll_event const* events) {
  char line[200];
  int used = std::snprintf(line, sizeof(line), "%d events", count);
  for (int i = 0; i < count; ++i) {
    std::uint32_t const e = events[i].events;
    used += std::snprintf(line + used, sizeof(line) - static_cast<std::size_t>(used), " [%llu:%s%s%s%s%s]",
                          static_cast<unsigned long long>(events[i].data), (e & k::poll_in) != 0 ? " in" : "",
                          (e & k::poll_out) != 0 ? " out" : "", (e & k::poll_rdhup) != 0 ? " rdhup" : "",
                          (e & k::poll_err) != 0 ? " err" : "", (e & k::poll_hup) != 0 ? " hup" : "");
  }
  n.say("%s -> %s", what, line);
}

// A look at the set without waiting.
inline void look(notebook& n, char const* what, int ep) {
  k::poll_event events[8];
  int const count = k::epoll_wait(ep, events, 8, 0);
  if (count < 0) return n.result(what, count);
  say_events(n, what, count, events);
}

inline std::int64_t write_text(int fd, char const* text) { return k::write(fd, text, std::strlen(text)); }

// Reads once; says the bytes.
inline void read_text(notebook& n, char const* what, int fd, std::size_t room = 8) {
  char text[9] = {};
  std::int64_t const count = k::read(fd, text, room);
  if (count < 0) return n.result(what, count);
  n.say("%s -> %lld \"%.*s\"", what, static_cast<long long>(count), static_cast<int>(count), text);
}

// Writes until the file takes no more; the answer that ended it.
inline std::int64_t fill(int fd) {
  char const block[64] = {};
  for (;;) {
    std::int64_t const count = k::write(fd, block, sizeof(block));
    if (count < 0) break;
  }
  for (;;) {  // and the last few, one by one
    std::int64_t const count = k::write(fd, block, 1);
    if (count < 0) return count;
  }
}

inline std::int64_t drain(int fd) {
  char block[4096];
  for (;;) {
    std::int64_t const count = k::read(fd, block, sizeof(block));
    if (count <= 0) return count;
  }
}

// The number of the port, or why there is none.
inline int port_of(int fd) {
  k::socket_address name;
  int const failed = k::local_address(fd, name);
  return failed != 0 ? failed : name.family == k::address_family::ipv4 ? name.port : -EAFNOSUPPORT;
}

inline void close_all(std::initializer_list<int> descriptors) {
  for (int fd : descriptors) k::close(fd);
}

// ---- values ----

inline void observe_constants(notebook& n) {
  n.section("constants");
  n.say("poll_event %zu bytes, in %x out %x rdhup %x err %x hup %x edge %x", sizeof(k::poll_event), k::poll_in,
        k::poll_out, k::poll_rdhup, k::poll_err, k::poll_hup, k::poll_edge);
  n.holds("run_queue_capacity is a power of two", (world::run_queue_capacity & (world::run_queue_capacity - 1)) == 0);
  n.holds("an M's own stack is larger than a goroutine's", world::machine_stack_bytes > world::goroutine_stack_bytes);
  n.holds("bounds are bounds", world::processors_max >= 2 && world::spin_rounds_max >= 1 && world::steal_rounds >= 1);
  int const processors = k::cpu_limit();
  n.holds("cpu_limit is at least 1", processors >= 1);
}

inline void observe_refusals(notebook& n) {
  n.section("refused");
  n.result("resolve", world::resolve());
}

// What the world's file says faults here: an instruction, or the simulator's word for one.
void fault_now();

inline void observe_faults(notebook& n) {
  n.section("faults");
  world::watch_faults([](world::fault const&) noexcept -> char const* { return nullptr; });
  world::fault_stack const handlers;
  world::fault what;
  int calls = 0;
  n.holds("a function that returns",
          world::fault_boundary([](void* count) { ++*static_cast<int*>(count); }, &calls, what) && calls == 1 &&
              what.signal == 0);
  for (int i = 0; i != 3; ++i) {
    n.holds("one that faults", !world::fault_boundary([](void*) { fault_now(); }, nullptr, what));
    n.result("signal", what.signal);
    n.holds("address", what.address == 8);
  }
  n.holds("the outer one, when the inner one has returned",
          !world::fault_boundary(
              [](void*) {
                world::fault inner;
                if (world::fault_boundary([](void*) { fault_now(); }, nullptr, inner)) return;
                fault_now();
              },
              nullptr, what));
  n.holds("none is left", world::suspend_fault_boundary() == nullptr);
  bool const returned = world::fault_boundary(
      [](void*) {
        void* const mine = world::suspend_fault_boundary();
        world::resume_fault_boundary(mine);
        fault_now();
      },
      nullptr, what);
  n.holds("one that was suspended and resumed", !returned);
}

inline void observe_random(notebook& n) {
  n.section("random");
  std::uint32_t highest = 0;
  for (int i = 0; i != 100; ++i) {
    std::uint32_t const drawn = world::random_below(7);
    highest = drawn > highest ? drawn : highest;
  }
  n.holds("random_below(7) stays below", highest < 7);
  n.result("random_below(1)", world::random_below(1));
  n.result("choose, when nobody explores", world::choose("conformance", 3));
}

inline void observe_memory(notebook& n) {
  n.section("memory");
  void* const a = world::allocate(100);
  void* const b = world::allocate(100, 64);
  n.holds("both are there, and apart", a != nullptr && b != nullptr && a != b);
  n.holds("aligned as asked",
          reinterpret_cast<std::uintptr_t>(a) % 16 == 0 && reinterpret_cast<std::uintptr_t>(b) % 64 == 0);
  std::memset(a, 1, 100);
  std::memset(b, 2, 100);
  world::deallocate(a, 100);
  world::deallocate(b, 100);
  void* const place = world::allocate(sizeof(world::stack_source), alignof(world::stack_source));
  auto* const source = new (place) world::stack_source(world::goroutine_stack_bytes);
  world::stack one{};
  world::stack two{};
  n.result("get", source->get(one));
  n.result("get", source->get(two));
  n.holds("large enough", one.bytes >= world::goroutine_stack_bytes && two.bytes >= world::goroutine_stack_bytes);
  n.holds("apart", one.low != two.low && one.index != two.index);
  static_cast<char*>(one.low)[0] = 1;
  static_cast<char*>(one.low)[one.bytes - 1] = 1;
  world::give_back_pages(one.low, one.bytes);
  n.holds("what was given back is zero",
          static_cast<char*>(one.low)[0] == 0 && static_cast<char*>(one.low)[one.bytes - 1] == 0);
  n.holds("some guard is named", source->guard_method()[0] != '\0');
  source->put(one);
  world::stack again{};
  n.result("get", source->get(again));
  n.holds("the one that came back is given out again", again.index == one.index && again.low == one.low);
  source->~stack_source();
  world::deallocate(place, sizeof(world::stack_source));
}

// ---- time and threads ----

inline void observe_clock(notebook& n) {
  n.section("clock");
  std::int64_t const first = world::nanotime();
  std::int64_t const second = world::nanotime();
  n.holds("never backwards", second >= first);
  std::int64_t const year_2020_ns = 1'577'836'800'000'000'000;
  n.holds("the year is after 2020", world::walltime() > year_2020_ns);
  std::int64_t const deadline = second + 3'000'000;
  world::sleep_until(deadline);
  n.holds("a sleep does not end early", world::nanotime() >= deadline);
  world::sleep_until(first);
  world::sleep_until(-1);
  n.say("a deadline in the past returns");
}

struct meeting {
  world::atomic<std::uint32_t> done{0};
  world::atomic<std::uint32_t> flag{0};
  int fd = -1;
  std::int64_t result = 0;
  char text[8] = {};
  void* slot = nullptr;
  std::uint64_t id = 0;
  world::signal_mask mask{};
};

// Starts a thread that works on a meeting; its end is announced in `done`.
inline int start(void (*body)(void*), meeting& m) { return world::thread_start(body, &m, m.done); }
inline void join(meeting& m) {
  for (;;) {
    std::uint32_t const done = m.done.load_acquire();
    if (done != 0) return;
    world::futex_wait(m.done, 0);
  }
}
// Long enough for another thread to come to rest in a call.
inline void let_others_settle() { world::sleep_until(world::nanotime() + 100'000'000); }

inline void observe_threads(notebook& n) {
  n.section("thread");
  int here = 0;
  world::set_this_thread(&here);
  meeting m;
  auto const body = [](void* opaque) {
    auto& mine = *static_cast<meeting*>(opaque);
    mine.slot = world::this_thread();
    world::set_this_thread(opaque);
    mine.id = world::thread_id();
    mine.mask = world::block_signals();
  };
  n.result("thread_start", start(body, m));
  join(m);
  n.holds("a new thread's slot is empty", m.slot == nullptr);
  n.holds("slots are per thread", world::this_thread() == &here);
  n.holds("ids differ", m.id != world::thread_id());
  n.holds("a new thread blocks signals", (m.mask.words[0] & (std::uint64_t{1} << (SIGTERM - 1))) != 0);
  world::set_this_thread(nullptr);
}

inline void observe_futex(notebook& n) {
  n.section("futex");
  meeting m;
  std::int64_t const deadline = world::nanotime() + 2'000'000;
  n.result("wait_until with another value", static_cast<int>(world::futex_wait_until(m.flag, 1, deadline)));
  n.result("wait_until with another value, too late", static_cast<int>(world::futex_wait_until(m.flag, 1, 0)));
  n.result("wait_until, too late", static_cast<int>(world::futex_wait_until(m.flag, 0, 0)));
  n.result("wait_until, before all time", static_cast<int>(world::futex_wait_until(m.flag, 0, -5)));
  n.result("wait_until, nobody wakes", static_cast<int>(world::futex_wait_until(m.flag, 0, deadline)));
  n.holds("not early", world::nanotime() >= deadline);
  auto const body = [](void* opaque) {
    auto& mine = *static_cast<meeting*>(opaque);
    mine.result = static_cast<int>(world::futex_wait_until(mine.flag, 0, world::nanotime() + 5'000'000'000));
  };
  n.result("thread_start", start(body, m));
  let_others_settle();
  m.flag.store_release(1);
  world::futex_wake(m.flag, 1);
  join(m);
  n.result("a sleeper with a deadline is woken", m.result);
}

// ---- signals ----

inline void observe_signals(notebook& n) {
  n.section("signal");
  n.result("SIGKILL", world::install_signal(SIGKILL, [](int) {}));
  n.result("number 0", world::install_signal(0, [](int) {}));
  n.result("SIGUSR1", world::install_signal(SIGUSR1, [](int) {}));
  n.result("SIGPIPE is ignored", world::install_signal(SIGPIPE, world::ignore_signal));
  world::signal_mask const before = world::block_signals();
  world::signal_mask const between = world::block_signals();
  world::restore_signals(before);
  world::signal_mask const after = world::block_signals();
  world::restore_signals(after);
  std::uint64_t const usr1 = std::uint64_t{1} << (SIGUSR1 - 1);
  n.holds("open, blocked, open again",
          (before.words[0] & usr1) == 0 && (between.words[0] & usr1) != 0 && (after.words[0] & usr1) == 0);
}

// ---- pipes ----

inline void observe_pipe(notebook& n) {
  n.section("pipe");
  int ends[2];
  n.result("pipe", k::pipe(ends));
  read_text(n, "read of the empty one", ends[0]);
  n.result("write", write_text(ends[1], "abc"));
  read_text(n, "read of two", ends[0], 2);
  read_text(n, "read of the rest", ends[0]);
  n.result("read of none", k::read(ends[0], nullptr, 0));
  n.result("write of none", k::write(ends[1], nullptr, 0));
  char byte = 0;
  n.result("read of the writing end", k::read(ends[1], &byte, 1));
  n.result("write of the reading end", k::write(ends[0], &byte, 1));
  n.result("fill", fill(ends[1]));
  n.result("drain", drain(ends[0]));
  n.result("write after draining", write_text(ends[1], "x"));
  n.result("close the writing end", k::close(ends[1]));
  read_text(n, "read of what is left", ends[0]);
  read_text(n, "read at the end", ends[0]);
  n.result("close", k::close(ends[0]));
  n.result("close again", k::close(ends[0]));
  read_text(n, "read of a closed number", ends[0]);
  n.result("close -1", k::close(-1));
  n.result("pipe", k::pipe(ends));
  n.result("close the reading end", k::close(ends[0]));
  n.result("write to nobody", write_text(ends[1], "x"));
  close_all({ends[1]});
}

inline void observe_pipe_polled(notebook& n, std::uint32_t edge) {
  n.section(edge != 0 ? "pipe, edge" : "pipe, level");
  int const ep = k::epoll_create();
  int ends[2];
  n.result("pipe", k::pipe(ends));
  n.result("add the reading end", k::epoll_add(ep, ends[0], k::poll_in | k::poll_rdhup | edge, 1));
  n.result("add the writing end", k::epoll_add(ep, ends[1], k::poll_out | edge, 2));
  look(n, "at first", ep);
  look(n, "again", ep);
  n.result("epoll_del the writing end", k::epoll_del(ep, ends[1]));
  n.result("write", write_text(ends[1], "ab"));
  look(n, "with bytes", ep);
  look(n, "again", ep);
  read_text(n, "read one", ends[0], 1);
  look(n, "with one left", ep);
  n.result("write", write_text(ends[1], "c"));
  look(n, "after more came", ep);
  n.result("drain", drain(ends[0]));
  look(n, "drained", ep);
  n.result("write", write_text(ends[1], "d"));
  n.result("drain", drain(ends[0]));
  look(n, "came and gone", ep);
  n.result("fill", fill(ends[1]));
  n.result("add the full writing end", k::epoll_add(ep, ends[1], k::poll_out | edge, 2));
  look(n, "full", ep);
  n.result("drain", drain(ends[0]));
  look(n, "empty", ep);
  look(n, "again", ep);
  n.result("close the writing end", k::close(ends[1]));
  look(n, "after the writer", ep);
  look(n, "again", ep);
  close_all({ends[0], ep});

  int const other = k::epoll_create();
  n.result("pipe", k::pipe(ends));
  n.result("add the writing end", k::epoll_add(other, ends[1], k::poll_out | edge, 3));
  look(n, "at first", other);
  n.result("close the reading end", k::close(ends[0]));
  look(n, "after the reader", other);
  look(n, "again", other);
  close_all({ends[1], other});
}

inline void observe_blocking_pipe(notebook& n) {
  n.section("blocking pipe");
  int ends[2];
  auto const reader = [](void* opaque) {
    auto& mine = *static_cast<meeting*>(opaque);
    mine.result = k::read(mine.fd, mine.text, sizeof(mine.text) - 1);
  };
  n.result("pipe_blocking", k::pipe_blocking(ends));
  meeting first;
  first.fd = ends[0];
  n.result("thread_start", start(reader, first));
  let_others_settle();
  n.result("write", write_text(ends[1], "hey"));
  join(first);
  n.say("the reader got %lld \"%s\"", static_cast<long long>(first.result), first.text);

  meeting second;
  second.fd = ends[0];
  n.result("thread_start", start(reader, second));
  let_others_settle();
  n.result("close the number it reads", k::close(ends[0]));
  n.result("write still finds the reader", write_text(ends[1], "you"));
  join(second);
  n.say("the reader got %lld \"%s\"", static_cast<long long>(second.result), second.text);
  n.result("write to nobody", write_text(ends[1], "x"));
  close_all({ends[1]});

  n.result("pipe_blocking", k::pipe_blocking(ends));
  meeting third;
  third.fd = ends[0];
  n.result("thread_start", start(reader, third));
  let_others_settle();
  n.result("close the writing end", k::close(ends[1]));
  join(third);
  n.result("the reader got", third.result);
  n.result("set_nonblocking", k::set_nonblocking(ends[0], true));
  close_all({ends[0]});

  n.result("pipe_blocking", k::pipe_blocking(ends));
  auto const writer = [](void* opaque) {
    auto& mine = *static_cast<meeting*>(opaque);
    static constexpr char block[200'000] = {};
    mine.result = k::write(mine.fd, block, sizeof(block));
  };
  meeting fourth;
  fourth.fd = ends[1];
  n.result("thread_start", start(writer, fourth));
  let_others_settle();
  std::uint32_t const already = fourth.done.load_acquire();
  n.result("a long write has returned", already);
  std::int64_t total = 0;
  char block[4096];
  while (total < 200'000) total += k::read(ends[0], block, sizeof(block));
  join(fourth);
  n.result("a long write, read to its end", fourth.result);
  close_all({ends[0], ends[1]});
}

// ---- counters ----

inline void observe_counter(notebook& n) {
  n.section("eventfd");
  int const fd = k::eventfd(3);
  std::uint64_t value = 0;
  n.result("read into 4 bytes", k::read(fd, &value, 4));
  n.result("read", k::read(fd, &value, sizeof(value)));
  n.result("value", static_cast<std::int64_t>(value));
  n.result("read of zero", k::read(fd, &value, sizeof(value)));
  value = 5;
  n.result("write 5", k::write(fd, &value, sizeof(value)));
  value = 6;
  n.result("write 6", k::write(fd, &value, sizeof(value)));
  n.result("read", k::read(fd, &value, sizeof(value)));
  n.result("value", static_cast<std::int64_t>(value));
  value = UINT64_MAX;
  n.result("write too much", k::write(fd, &value, sizeof(value)));
  n.result("write 4 bytes", k::write(fd, &value, 4));
  value = UINT64_MAX - 1;
  n.result("write the most", k::write(fd, &value, sizeof(value)));
  value = 1;
  n.result("write one more", k::write(fd, &value, sizeof(value)));
  value = 0;
  n.result("write zero", k::write(fd, &value, sizeof(value)));
  close_all({fd});
}

inline void observe_counter_polled(notebook& n, std::uint32_t edge) {
  n.section(edge != 0 ? "eventfd, edge" : "eventfd, level");
  int const ep = k::epoll_create();
  int const fd = k::eventfd();
  n.result("add", k::epoll_add(ep, fd, k::poll_in | edge, 9));
  look(n, "at zero", ep);
  std::uint64_t one = 1;
  n.result("write", k::write(fd, &one, sizeof(one)));
  look(n, "written", ep);
  look(n, "again", ep);
  n.result("write", k::write(fd, &one, sizeof(one)));
  look(n, "written more", ep);
  n.result("read", k::read(fd, &one, sizeof(one)));
  look(n, "read", ep);
  n.result("del", k::epoll_del(ep, fd));
  n.result("add for both", k::epoll_add(ep, fd, k::poll_in | k::poll_out | edge, 10));
  look(n, "at zero", ep);
  one = UINT64_MAX - 1;
  n.result("write the most", k::write(fd, &one, sizeof(one)));
  look(n, "full", ep);
  n.result("read", k::read(fd, &one, sizeof(one)));
  look(n, "empty", ep);
  close_all({fd, ep});
}

// ---- poll sets ----

inline void observe_poll_set(notebook& n) {
  n.section("epoll");
  int const ep = k::epoll_create();
  int const fd = k::eventfd(1);
  k::poll_event events[8];
  n.result("add", k::epoll_add(ep, fd, k::poll_in, 1));
  n.result("add again", k::epoll_add(ep, fd, k::poll_in, 2));
  n.result("add itself", k::epoll_add(ep, ep, k::poll_in, 2));
  n.result("add to what is no set", k::epoll_add(fd, ep, k::poll_in, 2));
  n.result("add a closed number", k::epoll_add(ep, 1000, k::poll_in, 2));
  n.result("add to a closed number", k::epoll_add(1000, fd, k::poll_in, 2));
  n.result("wait for no events", k::epoll_wait(ep, events, 0, 0));
  n.result("wait on what is no set", k::epoll_wait(fd, events, 8, 0));
  n.result("wait on a closed number", k::epoll_wait(1000, events, 8, 0));
  n.result("read of a set", k::read(ep, events, 8));
  n.result("write of a set", k::write(ep, events, 8));
  look(n, "one is ready", ep);
  int const waited = k::epoll_wait(ep, events, 8, -1);
  n.result("waiting for ever for what is there", waited);
  n.result("del", k::epoll_del(ep, fd));
  n.result("del again", k::epoll_del(ep, fd));
  n.result("del a closed number", k::epoll_del(ep, 1000));
  look(n, "deleted", ep);

  std::int64_t const before = world::nanotime();
  n.result("wait 5 ms for nothing", k::epoll_wait(ep, events, 8, 5));
  n.holds("not early", world::nanotime() - before >= 5'000'000);

  n.result("add", k::epoll_add(ep, fd, k::poll_in, 3));
  n.result("close the registered one", k::close(fd));
  look(n, "its registration is gone", ep);
  int const again = k::eventfd(1);
  n.holds("the number is used again", again == fd);
  look(n, "and is not registered", ep);
  n.result("add", k::epoll_add(ep, again, k::poll_in, 4));
  look(n, "until somebody does", ep);

  int const second = k::eventfd(1);
  int const third = k::eventfd(1);
  n.result("add", k::epoll_add(ep, second, k::poll_in, 5));
  n.result("add", k::epoll_add(ep, third, k::poll_in, 6));
  for (int round = 0; round != 3; ++round) {
    int const count = k::epoll_wait(ep, events, 2, 0);
    say_events(n, "two places for three", count, events);
  }
  close_all({again, second, third});

  // A blocked wait is ended by an event, and a registration made meanwhile counts.
  auto const waiter = [](void* opaque) {
    auto& mine = *static_cast<meeting*>(opaque);
    k::poll_event event{};
    mine.result = k::epoll_wait(mine.fd, &event, 1, -1);
    mine.id = event.data;
  };
  meeting m;
  m.fd = ep;
  n.result("thread_start", start(waiter, m));
  let_others_settle();
  int const late = k::eventfd(1);
  n.result("add what is ready", k::epoll_add(ep, late, k::poll_in | k::poll_edge, 77));
  join(m);
  n.say("the waiter got %lld event of %llu", static_cast<long long>(m.result), static_cast<unsigned long long>(m.id));
  meeting other;
  other.fd = ep;
  n.result("thread_start", start(waiter, other));
  let_others_settle();
  std::uint64_t one = 1;
  n.result("write", k::write(late, &one, sizeof(one)));
  join(other);
  n.say("the waiter got %lld event of %llu", static_cast<long long>(other.result),
        static_cast<unsigned long long>(other.id));
  close_all({late, ep});
}

inline void observe_numbers(notebook& n) {
  n.section("numbers");
  int ends[2];
  n.result("pipe", k::pipe(ends));
  int const third = k::eventfd();
  n.holds("numbers count up", ends[0] < ends[1] && ends[1] < third);
  n.result("close the first", k::close(ends[0]));
  n.result("close the second", k::close(ends[1]));
  int const reused = k::eventfd();
  n.holds("the lowest is used first", reused == ends[0]);
  int const next = k::eventfd();
  n.holds("then the next", next == ends[1]);
  close_all({reused, next, third});
}

// ---- sockets ----

inline void observe_socketpair(notebook& n) {
  n.section("socketpair");
  int ends[2];
  n.result("socketpair", k::socketpair(ends));
  int const ep = k::epoll_create();
  std::uint32_t const all = k::poll_in | k::poll_out | k::poll_rdhup | k::poll_edge;
  n.result("add", k::epoll_add(ep, ends[0], all, 1));
  look(n, "at first", ep);
  look(n, "again", ep);
  read_text(n, "read of nothing", ends[0]);
  n.result("write to it", write_text(ends[1], "abc"));
  look(n, "with bytes", ep);
  read_text(n, "read some", ends[0], 1);
  look(n, "with some left", ep);
  n.result("more", write_text(ends[1], "d"));
  look(n, "more came", ep);
  n.result("drain", drain(ends[0]));
  n.result("fill it", fill(ends[0]));
  look(n, "full", ep);
  n.result("the other drains", drain(ends[1]));
  look(n, "room again", ep);
  n.result("local_port", port_of(ends[0]));
  n.result("listen", k::listen(ends[0], 1));
  n.result("accept", k::accept(ends[0]));
  n.result("no_delay", k::set_option(ends[0], k::socket_option::no_delay, 1));
  n.result("socket_error", k::socket_error(ends[0]));
  n.result("the other stops writing", k::shutdown(ends[1], k::shutdown_how::write));
  look(n, "half shut", ep);
  read_text(n, "read at the end", ends[0]);
  n.result("the other cannot write", write_text(ends[1], "x"));
  n.result("this one can", write_text(ends[0], "x"));
  n.result("close the other, with a byte unread", k::close(ends[1]));
  look(n, "gone", ep);
  n.result("read", k::read(ends[0], ends, 1));
  n.result("read again", k::read(ends[0], ends, 1));
  n.result("write", write_text(ends[0], "x"));
  n.result("socket_error", k::socket_error(ends[0]));
  close_all({ends[0], ep});

  int const other = k::epoll_create();
  n.result("socketpair", k::socketpair(ends));
  n.result("add", k::epoll_add(other, ends[0], all, 2));
  look(n, "at first", other);
  n.result("write to it", write_text(ends[1], "bye"));
  n.result("close the other", k::close(ends[1]));
  look(n, "bytes and the end", other);
  look(n, "again", other);
  n.result("write", write_text(ends[0], "x"));
  read_text(n, "read the bytes", ends[0]);
  read_text(n, "read the end", ends[0]);
  close_all({ends[0], other});

  n.result("socketpair", k::socketpair(ends));
  n.result("stop reading", k::shutdown(ends[0], k::shutdown_how::read));
  read_text(n, "read", ends[0]);
  n.result("the other writes", write_text(ends[1], "x"));
  n.result("shut both ways", k::shutdown(ends[0], k::shutdown_how::both));
  n.result("write", write_text(ends[0], "x"));
  read_text(n, "the other reads", ends[1]);
  close_all({ends[0], ends[1]});
}

struct connection {
  int listener = -1;
  int client = -1;
  int server = -1;
  int port = 0;
};

inline connection make_listener(notebook& n) {
  connection c;
  c.listener = k::socket(k::address_family::ipv4, k::socket_kind::stream);
  n.result("bind", k::bind(c.listener, k::ipv4_address(k::loopback_ipv4, 0)));
  n.result("listen", k::listen(c.listener, 8));
  c.port = port_of(c.listener);
  n.holds("it has a port", c.port > 0);
  return c;
}

inline int connect_to(int fd, int port) {
  return k::connect(fd, k::ipv4_address(k::loopback_ipv4, static_cast<std::uint16_t>(port)));
}

inline connection make_connection(notebook& n) {
  connection c = make_listener(n);
  c.client = k::socket(k::address_family::ipv4, k::socket_kind::stream);
  n.result("connect", connect_to(c.client, c.port));
  let_others_settle();
  c.server = k::accept(c.listener);
  n.success("accept", c.server);
  return c;
}

inline void observe_tcp_calls(notebook& n) {
  n.section("tcp calls");
  int const fresh = k::socket(k::address_family::ipv4, k::socket_kind::stream);
  int const counter = k::eventfd();
  int const ep = k::epoll_create();
  char byte = 0;
  n.result("read of a fresh one", k::read(fresh, &byte, 1));
  n.result("write of a fresh one", k::write(fresh, &byte, 1));
  n.result("accept of a fresh one", k::accept(fresh));
  n.result("shutdown of a fresh one", k::shutdown(fresh, k::shutdown_how::both));
  n.result("local_port of a fresh one", port_of(fresh));
  n.result("socket_error of a fresh one", k::socket_error(fresh));
  n.result("add a fresh one", k::epoll_add(ep, fresh, k::poll_in | k::poll_out | k::poll_rdhup | k::poll_edge, 1));
  look(n, "a fresh one", ep);
  n.result("listen on a counter", k::listen(counter, 1));
  n.result("accept on a counter", k::accept(counter));
  n.result("shutdown of a counter", k::shutdown(counter, k::shutdown_how::both));
  n.result("socket_error of a counter", k::socket_error(counter));
  n.result("accept on a closed number", k::accept(1000));
  connection c = make_listener(n);
  n.result("bind again", k::bind(c.listener, k::ipv4_address(k::loopback_ipv4, 0)));
  n.result("bind to the same port",
           k::bind(fresh, k::ipv4_address(k::loopback_ipv4, static_cast<std::uint16_t>(c.port))));
  n.result("bind to an address elsewhere", k::bind(fresh, k::ipv4_address(0xc0000201, 0)));
  n.result("accept of nobody", k::accept(c.listener));
  n.result("read of a listener", k::read(c.listener, &byte, 1));
  n.result("write of a listener", k::write(c.listener, &byte, 1));
  n.result("connect of a listener", connect_to(c.listener, c.port));
  for (k::socket_option const option : {k::socket_option::reuse_address, k::socket_option::no_delay,
                                        k::socket_option::keep_alive, k::socket_option::keep_alive_idle_s,
                                        k::socket_option::keep_alive_every_s, k::socket_option::keep_alive_count}) {
    n.result("set_option", k::set_option(fresh, option, 1));
  }
  n.result("set_option on a counter", k::set_option(counter, k::socket_option::keep_alive, 1));
  close_all({fresh, counter, ep, c.listener});
}

inline void observe_tcp_connect(notebook& n) {
  n.section("tcp connect");
  connection c = make_listener(n);
  int const ep = k::epoll_create();
  std::uint32_t const all = k::poll_in | k::poll_out | k::poll_rdhup | k::poll_edge;
  n.result("add the listener", k::epoll_add(ep, c.listener, k::poll_in | k::poll_edge, 1));
  c.client = k::socket(k::address_family::ipv4, k::socket_kind::stream);
  n.result("add the client", k::epoll_add(ep, c.client, all, 2));
  look(n, "before", ep);
  n.result("connect", connect_to(c.client, c.port));
  let_others_settle();
  k::poll_event events[8];
  int const count = k::epoll_wait(ep, events, 8, 0);
  n.result("both have something to say", count);
  for (int i = 0; i < count; ++i) {
    if (events[i].data == 1) say_events(n, "the listener", 1, &events[i]);
  }
  for (int i = 0; i < count; ++i) {
    if (events[i].data == 2) say_events(n, "the client", 1, &events[i]);
  }
  look(n, "again", ep);
  n.result("socket_error", k::socket_error(c.client));
  n.result("connect says so", connect_to(c.client, c.port));
  n.result("connect once more", connect_to(c.client, c.port));
  n.result("the client writes before it is accepted", write_text(c.client, "hello"));
  c.server = k::accept(c.listener);
  n.success("accept", c.server);
  n.result("accept of nobody", k::accept(c.listener));
  read_text(n, "the server reads", c.server);
  n.holds("the server has the listener's port", port_of(c.server) == c.port);
  n.holds("the client has one of its own", port_of(c.client) > 0 && port_of(c.client) != c.port);
  close_all({c.server, c.client});
  n.result("close the listener", k::close(c.listener));

  int const refused = k::socket(k::address_family::ipv4, k::socket_kind::stream);
  n.result("connect to nobody", connect_to(refused, c.port));
  let_others_settle();
  n.result("add", k::epoll_add(ep, refused, all, 3));
  look(n, "refused", ep);
  n.result("socket_error", k::socket_error(refused));
  n.result("socket_error again", k::socket_error(refused));
  char byte = 0;
  n.result("read", k::read(refused, &byte, 1));
  n.result("write", k::write(refused, &byte, 1));
  close_all({refused, ep});

  n.section("tcp connect, blocking");
  connection d = make_listener(n);
  d.client = k::socket(k::address_family::ipv4, k::socket_kind::stream);
  n.result("set_nonblocking", k::set_nonblocking(d.client, false));
  n.result("connect", connect_to(d.client, d.port));
  d.server = k::accept(d.listener);
  n.success("accept", d.server);
  close_all({d.server, d.client, d.listener});
  int const alone = k::socket(k::address_family::ipv4, k::socket_kind::stream);
  n.result("set_nonblocking", k::set_nonblocking(alone, false));
  n.result("connect to nobody", connect_to(alone, d.port));
  close_all({alone});

  n.section("tcp connect, given up");
  connection e = make_listener(n);
  e.client = k::socket(k::address_family::ipv4, k::socket_kind::stream);
  n.result("connect", connect_to(e.client, e.port));
  let_others_settle();
  n.result("close the listener", k::close(e.listener));
  let_others_settle();
  n.result("socket_error", k::socket_error(e.client));
  close_all({e.client});
}

inline void observe_tcp_stream(notebook& n) {
  n.section("tcp stream");
  connection c = make_connection(n);
  int const ep = k::epoll_create();
  std::uint32_t const all = k::poll_in | k::poll_out | k::poll_rdhup | k::poll_edge;
  n.result("add the server", k::epoll_add(ep, c.server, all, 1));
  look(n, "at first", ep);
  look(n, "again", ep);
  n.result("write", write_text(c.client, "abc"));
  let_others_settle();
  look(n, "with bytes", ep);
  read_text(n, "read one", c.server, 1);
  look(n, "with some left", ep);
  n.result("write", write_text(c.client, "d"));
  let_others_settle();
  look(n, "more came", ep);
  n.result("drain", drain(c.server));
  n.result("fill", fill(c.server));
  look(n, "full", ep);
  for (int i = 0; i != 3; ++i) {
    n.result("the other drains", drain(c.client));
    let_others_settle();
  }
  look(n, "room again", ep);
  n.result("stop writing", k::shutdown(c.client, k::shutdown_how::write));
  let_others_settle();
  look(n, "half shut", ep);
  read_text(n, "read the end", c.server);
  n.result("write of the half that is shut", write_text(c.client, "x"));
  n.result("write of the other half", write_text(c.server, "tail"));
  let_others_settle();
  read_text(n, "read it", c.client);
  n.result("close the server", k::close(c.server));
  let_others_settle();
  read_text(n, "read the end", c.client);
  n.result("socket_error", k::socket_error(c.client));
  close_all({c.client, c.listener, ep});
}

inline void observe_tcp_end(notebook& n) {
  std::uint32_t const all = k::poll_in | k::poll_out | k::poll_rdhup | k::poll_edge;
  n.section("tcp, the other closes");
  connection c = make_connection(n);
  int const ep = k::epoll_create();
  n.result("add", k::epoll_add(ep, c.client, all, 1));
  look(n, "at first", ep);
  n.result("write", write_text(c.server, "bye"));
  n.result("close the server", k::close(c.server));
  let_others_settle();
  look(n, "bytes and the end", ep);
  read_text(n, "read the bytes", c.client);
  read_text(n, "read the end", c.client);
  n.result("write, the first goes out", write_text(c.client, "x"));
  let_others_settle();
  look(n, "the answer is a reset", ep);
  n.result("write", write_text(c.client, "x"));
  n.result("write", write_text(c.client, "x"));
  read_text(n, "read", c.client);
  close_all({c.client, c.listener});

  n.section("tcp, the other closes with bytes unread");
  connection d = make_connection(n);
  n.result("add", k::epoll_add(ep, d.client, all, 2));
  look(n, "at first", ep);
  n.result("write", write_text(d.client, "unread"));
  let_others_settle();
  n.result("close the server", k::close(d.server));
  let_others_settle();
  look(n, "reset", ep);
  n.result("read", k::read(d.client, &d, 1));
  n.result("read again", k::read(d.client, &d, 1));
  n.result("write", write_text(d.client, "x"));
  n.result("shutdown", k::shutdown(d.client, k::shutdown_how::write));
  close_all({d.client, d.listener});

  n.section("tcp, the other resets");
  connection e = make_connection(n);
  n.result("linger", k::set_option(e.server, k::socket_option::linger_s, 0));
  n.result("close the server", k::close(e.server));
  let_others_settle();
  n.result("write", write_text(e.client, "x"));
  n.result("write again", write_text(e.client, "x"));
  char byte = 0;
  n.result("read", k::read(e.client, &byte, 1));
  close_all({e.client, e.listener, ep});

  n.section("tcp, stop reading");
  connection f = make_connection(n);
  n.result("shutdown", k::shutdown(f.client, k::shutdown_how::read));
  read_text(n, "read", f.client);
  n.result("shut both", k::shutdown(f.client, k::shutdown_how::both));
  n.result("write", write_text(f.client, "x"));
  close_all({f.client, f.server, f.listener});
}

inline void observe_everything() {
  notebook n;
  observe_constants(n);
  observe_refusals(n);
  observe_faults(n);
  observe_random(n);
  observe_memory(n);
  observe_clock(n);
  observe_threads(n);
  observe_futex(n);
  observe_signals(n);
  observe_pipe(n);
  observe_pipe_polled(n, 0);
  observe_pipe_polled(n, k::poll_edge);
  observe_blocking_pipe(n);
  observe_counter(n);
  observe_counter_polled(n, 0);
  observe_counter_polled(n, k::poll_edge);
  observe_poll_set(n);
  observe_numbers(n);
  observe_socketpair(n);
  observe_tcp_calls(n);
  observe_tcp_connect(n);
  observe_tcp_stream(n);
  observe_tcp_end(n);
}

}  // namespace retake::conformance
