#include "sync/permits.hpp"

#include <optional>

#include "sched/watch.hpp"
#include "sync/channel_core.hpp"
#include "sync/time_out.hpp"
#include "world/report.hpp"

namespace retake::detail {

namespace {

constexpr std::uint32_t by_permits = 0;  // the numbers of those who race for a goroutine that waits
constexpr std::uint32_t by_end = 1;
constexpr std::uint32_t by_clock = 2;

struct parking {
  spin_lock& permits;
  channel_core* ended;
  std::optional<time_out>& limit;
  std::int64_t due_ns;
};

// The lock of the permits goes last: without it the goroutine cannot get past its end, where what
// this reads lies.
bool wait_behind(goroutine&, void* argument) noexcept {
  parking& how = *static_cast<parking*>(argument);
  spin_lock& permits = how.permits;
  if (how.limit) how.limit->begin(how.due_ns);
  if (how.ended != nullptr) how.ended->lock.unlock();
  permits.unlock();
  return true;
}

}  // namespace

// Abandoned, it leaves the semaphore as if it had not come.
struct permits_core::permits_waiter : waiter {
  template <class... What>
  permits_waiter(goroutine& who, permits_core& core, What&&... what) noexcept : waiter(who, what...), of(core) {
    forget = leave_semaphore;
  }

  permits_core& of;

 private:
  static void leave_semaphore(abandoned_wait& self) noexcept {
    auto& mine = static_cast<permits_waiter&>(self);
    mine.of.queue_.forget(mine);
  }
};

void permits_core::take_or_wait(std::uint32_t n, wait_reason reason) noexcept {
  permits_waiter self(this_goroutine(), *this, nullptr, n);
  if (queue_.take_or_queue(self)) return;
  sched::park(unlock_behind, &queue_.lock, reason);  // whoever takes the waiter out has given it the permits
}

bool permits_core::take_until(std::uint32_t n, channel_core* ended, std::int64_t wait_ns) noexcept {
  if (queue_.try_take(n)) return true;
  if (wait_ns == 0) return false;
  goroutine& g = this_goroutine();
  wait_race race;
  permits_waiter self(g, *this, nullptr, race, by_permits, n);
  std::optional<joined_waiter> at_end;
  if (queue_.take_or_queue(self)) return true;
  if (ended != nullptr) {
    ended->lock.lock();
    if (ended->closed_here()) {
      static_cast<void>(race.win(by_end));  // nobody gives it permits any more
      ended->lock.unlock();
      queue_.lock.unlock();
      withdraw(self);
      return false;
    }
    at_end.emplace(g, *ended, false, nullptr, race, by_end);
    ended->join(*at_end);
  }
  std::optional<time_out> limit;
  if (wait_ns > 0) limit.emplace(g, race, by_clock);
  parking how{queue_.lock, ended, limit, wait_ns > 0 ? due_after_ns(wait_ns) : 0};
  sched::park(wait_behind, &how, wait_reason::semaphore);
  const std::uint32_t winner = race.winner();
  if (at_end) at_end->channel.leave(*at_end);
  if (winner != by_permits) withdraw(self);
  if (limit && winner != by_clock) limit->end();
  return winner == by_permits;
}

// A cond's wait gives its mutex back behind a goroutine that parks, of which there is no call to
// name.
void permits_core::note_contention(machine& m, batch<goroutine> const& let_go) noexcept {
  if (m.current.get() == nullptr) return;
  const std::int64_t now_ns = world::report_time_ns();
  for (goroutine const* g = let_go.first; g != nullptr; g = g->link.get()) {
    const wait_reason reason = g->reason.load_relaxed();
    if (reason == wait_reason::sync_mutex || reason == wait_reason::sync_rw_mutex)
      watch::contended(m, now_ns - g->since_ns.get());
  }
}

void permits_core::withdraw(queued& w) noexcept {
  batch<goroutine> let_go;
  queue_.withdraw(w, [&let_go](goroutine& g) { let_go.push_back(&g); });
  ready_all(let_go);
}

}  // namespace retake::detail
