// What goroutines wait on may outlive the program that abandons them: it ends without them, and in
// the next program it is as if they had not come.
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/clock.hpp"
#include "retake/context.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"

namespace retake::test {
namespace {

// A program whose main ends while each of `waits` waits, several times.
void abandon(std::vector<std::function<void()>> const& waits) {
  run_on(2, [&] {
    std::atomic<std::size_t> begun{0};
    for (int i = 0; i < 3; ++i) {
      for (std::function<void()> const& wait : waits) {
        go([&begun, wait] {
          ++begun;
          wait();
        });
      }
    }
    while (begun != 3 * waits.size()) yield();
    nap_ns(1'000'000);  // so that they wait, or nearly
    yield();
  });
}

struct everything {
  channel<int> meets;
  channel<int> buffered{1};
  channel<int> selected{1};
  mutex lock;
  rw_mutex shared;
  semaphore permits{3};
  mutex guard;
  cond changed;
  wait_group group;

  std::vector<std::function<void()>> waits() {
    return {
        [this] { static_cast<void>(meets.receive()); },
        [this] {
          for (;;) buffered.send(1);
        },
        [this] { select(on_receive(selected, [](auto) {}), on_receive(meets, [](auto) {})); },
        [this] { select(on_receive(selected, [](auto) {}), after(1h, [] {})); },
        [this] { lock.lock(); },
        [this] { shared.lock(); },
        [this] { permits.acquire(2); },
        [this] { static_cast<void>(permits.acquire(background(), 2)); },
        [this] {
          guard.lock();
          changed.wait(guard);
        },
        [this] { group.wait(); },
    };
  }
};

// So that each wait is one.
std::unique_ptr<everything> everything_held() {
  auto all = std::make_unique<everything>();
  run_on(1, [&] {
    all->lock.lock();
    all->shared.lock_shared();
    all->permits.acquire(2);
    all->group.add(1);
  });
  return all;
}

TEST(abandoned, goroutines_are_not_found_by_the_end_of_what_they_wait_on) {
  auto all = everything_held();
  abandon(all->waits());
  all.reset();
}

TEST(abandoned, goroutines_are_not_found_by_the_next_program) {
  auto all = everything_held();
  for (int round = 0; round < 2; ++round) abandon(all->waits());
  run_on(2, [&] {
    int one = 1;
    EXPECT_FALSE(all->meets.try_send(one)) << "none receives";
    EXPECT_TRUE(all->selected.try_send(one));
    EXPECT_FALSE(all->selected.try_send(one)) << "none has taken the first";
    EXPECT_EQ(all->selected.receive(), 1);
    EXPECT_EQ(all->buffered.receive(), 1);
    EXPECT_FALSE(all->buffered.try_receive()) << "none sends";
    EXPECT_FALSE(all->lock.try_lock());
    all->lock.unlock();
    EXPECT_TRUE(all->lock.try_lock()) << "none was given it";
    EXPECT_TRUE(all->shared.try_lock_shared());
    all->shared.unlock_shared();
    all->shared.unlock_shared();
    EXPECT_TRUE(all->shared.try_lock());
    EXPECT_TRUE(all->permits.try_acquire(1)) << "the one that was left";
    all->permits.release(3);
    EXPECT_TRUE(all->permits.try_acquire(3));
    all->changed.broadcast();
    all->group.done();
    all->group.wait();
    all->lock.unlock();
    all->shared.unlock();
    all->permits.release(3);
    all.reset();
  });
}

}  // namespace
}  // namespace retake::test
