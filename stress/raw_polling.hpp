// raw_polling.hpp: the protocols of poll_waiter and poll_wake alone, on bare threads.
//
// poll_waiter: one thread waits for one direction again and again, two others report readiness,
//              break the wait, or close. Whoever gets the parked "goroutine" must be the only one,
//              must see it complete, and must come once per park.
// poll_wake:   one thread blocks in a real epoll_wait without limit, two others leave something and
//              break the poll. The poller must see what was
//              left after the break that it was woken by; a break that is lost leaves it asleep for
//              ever.
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "hammer.hpp"
#include "protocol/poll_waiter.hpp"
#include "protocol/poll_wake.hpp"
#include "world/futex.hpp"
#include "world/kernel.hpp"

namespace retake::stress {

struct raw_waiter_events {
  std::size_t ready_first, commit_won, commit_lost, broken, closed, saw_close;
};

// What stands for a goroutine.
struct raw_sleeper {
  std::uint64_t written = 0;  // before the park, read by who found it: [PW5] and [PW6]
  std::atomic<std::uint32_t> woken{0};
};

// `Forgets` says whether whoever found a goroutine forgets it: never, but in a canary.
template <class Forgets>
class raw_waiters {
 public:
  raw_waiters(pass const& p, raw_waiter_events const& events, std::uint32_t pollers, double seconds, Forgets forgets)
      : pass_(p),
        events_(events),
        pollers_(pollers),
        until_ns_(now_ns() + static_cast<std::int64_t>(seconds * 1e9)),
        forgets_(forgets) {}

  void run() {
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < pollers_; ++i) threads.emplace_back([this, i] { report_ready(i); });
    threads.emplace_back([this] { wait(); });
    for (std::thread& t : threads) t.join();
    if (parks_ != found_.load()) pass_.out.found("G6: a parked goroutine was found by nobody, or twice");
  }

 private:
  void wait() {
    const std::uint64_t began = pass_.out.rounds();
    dice d(pass_.seed);
    std::uint64_t ready_first = 0, won = 0, lost = 0, broken = 0, saw_close = 0;
    for (std::uint64_t n = 1;; ++n) {
      if (n % 64 == 0) {
        pass_.out.round(64);
        if (now_ns() >= until_ns_ || pass_.out.rounds() - began >= pass_.rounds_left || pass_.out.has_finding()) break;
      }
      if (closed_.announced()) {
        acknowledge_close();
        ++saw_close;
      }
      for (std::uint32_t spin = d.below(48); spin > 0; --spin) world::pause();
      const auto how = waiter_.begin();
      if (how == poll_waiter<raw_sleeper>::begun::ready) {
        ++ready_first;
        continue;
      }
      if (how == poll_waiter<raw_sleeper>::begun::busy)
        pass_.out.found("N1: the only waiter is told that another waits");
      for (std::uint32_t spin = d.below(24); spin > 0; --spin) world::pause();
      if (d.below(256) == 0) std::this_thread::yield();
      if (!closed_.announced()) {
        sleeper_.written = n;
        sleeper_.woken.store(0, std::memory_order_relaxed);
        if (waiter_.commit(sleeper_)) {
          ++won;
          ++parks_;
          for (std::uint32_t looks = 0; sleeper_.woken.load(std::memory_order_acquire) == 0; ++looks) {
            world::pause();
            if (looks % 64 == 63) std::this_thread::yield();
          }
        } else {
          ++lost;
        }
      }
      if (!waiter_.finish()) ++broken;
    }
    over_.store(true, std::memory_order_release);
    if (closed_.announced()) acknowledge_close();
    pass_.out.count(events_.ready_first, ready_first);
    pass_.out.count(events_.commit_won, won);
    pass_.out.count(events_.commit_lost, lost);
    pass_.out.count(events_.broken, broken);
    pass_.out.count(events_.saw_close, saw_close);
  }

  void report_ready(std::uint32_t self) {
    dice d(pass_.seed + 7 + self);
    std::uint64_t closed = 0;
    while (!over_.load(std::memory_order_acquire)) {
      const std::uint32_t kind = d.below(32);
      if (kind == 0 && pollers_ == 1) {  // alone: nobody else may hold the descriptor when it is used again
        close_and_reopen();
        ++closed;
      } else {
        wake(waiter_.unblock(kind < 24));
      }
      for (std::uint32_t spin = d.below(48); spin > 0; --spin) world::pause();
      if (d.below(64) == 0) std::this_thread::yield();
    }
    pass_.out.count(events_.closed, closed);
  }

  void wake(raw_sleeper* sleeper) {
    if (sleeper == nullptr || forgets_()) return;
    if (sleeper->written == 0) pass_.out.found("G5: a goroutine is found before it is complete");
    sleeper->written = 0;  // whoever found it owns it until it is ready
    found_.fetch_add(1, std::memory_order_relaxed);
    sleeper->woken.store(1, std::memory_order_release);
  }

  void close_and_reopen() {
    acknowledged_.store(false, std::memory_order_relaxed);
    closed_.announce();
    wake(waiter_.unblock(false));
    while (!acknowledged_.load(std::memory_order_acquire)) {
      if (over_.load(std::memory_order_acquire)) return;
      std::this_thread::yield();
    }
    waiter_.reset();
    closed_.reset();
    reopened_.store(true, std::memory_order_release);
  }

  // The waiter has left the descriptor; it comes back when that is open again.
  void acknowledge_close() {
    reopened_.store(false, std::memory_order_relaxed);
    acknowledged_.store(true, std::memory_order_release);
    while (!reopened_.load(std::memory_order_acquire) && !over_.load(std::memory_order_relaxed))
      std::this_thread::yield();
  }

  pass const& pass_;
  raw_waiter_events const events_;
  std::uint32_t const pollers_;
  std::int64_t const until_ns_;
  Forgets forgets_;
  poll_waiter<raw_sleeper> waiter_;
  poll_closing closed_;
  raw_sleeper sleeper_;
  std::uint64_t parks_ = 0;  // the waiter
  std::atomic<std::uint64_t> found_{0};
  std::atomic<bool> over_{false};
  std::atomic<bool> acknowledged_{false};
  std::atomic<bool> reopened_{false};
};

struct raw_break_events {
  std::size_t first, merged, drained;
};

// `Forgets`: whether a breaker forgets to make the descriptor readable.
template <class Forgets>
class raw_breaks {
 public:
  raw_breaks(pass const& p, raw_break_events const& events, double seconds, Forgets forgets)
      : pass_(p),
        events_(events),
        until_ns_(now_ns() + static_cast<std::int64_t>(seconds * 1e9)),
        forgets_(forgets),
        gate_(1) {}

  void run() {
    epoll_ = world::kernel::epoll_create();
    wake_ = world::kernel::eventfd();
    if (epoll_ < 0 || wake_ < 0 || world::kernel::epoll_add(epoll_, wake_, world::kernel::poll_in, 1) != 0) return;
    std::thread poller([this] { poll(); });
    std::thread one([this] { break_polls(0); });
    std::thread two([this] { break_polls(1); });
    one.join();
    two.join();
    over_.store(true);
    static_cast<void>(gate_.signal());
    make_readable();  // whatever was forgotten
    poller.join();
    world::kernel::close(wake_);
    world::kernel::close(epoll_);
  }

 private:
  struct alignas(64) breaker {
    std::atomic<std::uint64_t> left{0};
    std::atomic<std::uint64_t> seen{0};
  };

  bool interrupt() {
    if (!gate_.signal()) return false;
    if (!forgets_()) make_readable();
    return true;
  }

  void make_readable() {
    const std::uint64_t count = 1;
    if (world::kernel::write(wake_, &count, sizeof count) != sizeof count)
      pass_.out.found("N7: the wake-up descriptor cannot be written");
  }

  void break_polls(std::size_t self) {
    breaker& mine = breakers_[self];
    dice d(pass_.seed + self);
    std::uint64_t first = 0, merged = 0;
    for (std::uint64_t n = 1; now_ns() < until_ns_ && !pass_.out.has_finding(); ++n) {
      mine.left.store(n, std::memory_order_relaxed);
      interrupt() ? ++first : ++merged;
      const std::int64_t patience_ns = now_ns() + lost_after_ns * sanitizer_factor();
      for (std::uint32_t looks = 0; mine.seen.load(std::memory_order_relaxed) != n; ++looks) {
        if (looks % 16 == 15) std::this_thread::yield();
        if (looks % 4096 == 4095 && now_ns() > patience_ns) {
          pass_.out.found("V7: a break of the poller is lost");
          break;
        }
      }
      pass_.out.round();
      for (std::uint32_t spin = d.below(64); spin > 0; --spin) world::pause();
    }
    pass_.out.count(events_.first, first);
    pass_.out.count(events_.merged, merged);
  }

  void poll() {
    std::uint64_t drains = 0;
    while (!over_.load(std::memory_order_acquire)) {
      if (!gate_.claim(0)) {
        pass_.out.found("N6: the only poller is told that another blocks");
        break;
      }
      world::kernel::poll_event event{};
      // A limit for the end of the hammer's patience only; a break that is lost is noticed by the
      // breaker long before.
      const int ready = world::kernel::epoll_wait(epoll_, &event, 1, poll_limit_ms);
      std::uint64_t count = 0;
      const bool drained = ready > 0 && world::kernel::read(wake_, &count, sizeof count) == sizeof count;
      gate_.returned(now_ns(), drained);
      drains += drained ? 1 : 0;
      for (breaker& b : breakers_) b.seen.store(b.left.load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
    pass_.out.count(events_.drained, drains);
  }

  static constexpr std::int64_t lost_after_ns = 3'000'000'000;
  static constexpr int poll_limit_ms = 60'000;

  pass const& pass_;
  raw_break_events const events_;
  std::int64_t const until_ns_;
  Forgets forgets_;
  poll_wake gate_;
  int epoll_ = -1;
  int wake_ = -1;
  breaker breakers_[2];
  std::atomic<bool> over_{false};
};

}  // namespace retake::stress
