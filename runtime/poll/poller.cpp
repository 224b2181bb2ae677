#include "poll/poller.hpp"

#include <new>

#include "poll/operation_ring.hpp"
#include "sched/scheduler.hpp"
#include "thread/say.hpp"
#include "world/clock.hpp"
#include "world/errors.hpp"
#include "world/kernel.hpp"
#include "world/memory.hpp"
#include "world/require.hpp"

namespace retake {

namespace kernel = world::kernel;

namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::int64_t longest_wait_ms = 1'000'000'000;

// Up, so that a timer is due when the wait ends; a wait that ends early would turn into a busy loop
// of waits of 0 ms.
int whole_milliseconds(std::int64_t delay_ns) noexcept {
  if (delay_ns < 0) return -1;
  const std::int64_t ms = delay_ns / ns_per_ms + (delay_ns % ns_per_ms != 0 ? 1 : 0);
  return static_cast<int>(ms < longest_wait_ms ? ms : longest_wait_ms);
}

std::uint64_t event_data(poll_descriptor const& d, std::uint32_t sequence) noexcept {
  return std::uint64_t{sequence} << 32 | d.index;
}

struct waiting {
  poll_waiter<goroutine>& direction;
  world::atomic<std::uint32_t>& count;
};

bool commit_wait(goroutine& g, void* argument) noexcept {
  const waiting what = *static_cast<waiting*>(argument);
  what.count.fetch_add_relaxed(1);  // before the goroutine can be found: it is lowered by who found it
  if (what.direction.commit(g)) return true;
  what.count.fetch_sub_relaxed(1);
  return false;
}

// The timer of a deadline, on some M. The entry may be another descriptor's by now: then its
// deadline is not over, or it is over by itself.
void deadline_is_due(runtime_timer& t, std::int64_t now_ns) noexcept {
  auto& way = static_cast<poll_direction&>(t);
  if (!way.deadline.pass(now_ns)) return;
  goroutine* const g = way.waiter.unblock(false);
  if (g == nullptr) return;
  machine& m = *this_machine();
  sched::ready_on(m, *g);
  m.home.network.waiters_served(1);
}

// Go's texts, by which people look for it.
[[noreturn, gnu::cold]] void refuse_to_wait(int epoll, int error) noexcept {
  say("runtime: epollwait on fd ", static_cast<std::uint64_t>(epoll), " failed with ",
      static_cast<std::uint64_t>(error), "\n");
  world::fatal("runtime: netpoll failed");
}

}  // namespace

poll_direction::poll_direction() noexcept : runtime_timer(deadline_is_due) {}

int poller::open() noexcept {
  chunks_ = static_cast<slot*>(world::allocate(sizeof(slot) * chunks_max, alignof(slot)));
  if (chunks_ == nullptr) return world::errors::out_of_memory;
  epoll_ = kernel::epoll_create();
  if (epoll_ < 0) return epoll_;
  wake_ = kernel::eventfd();
  if (wake_ < 0) return wake_;
  return kernel::epoll_add(epoll_, wake_, kernel::poll_in,
                           wake_data);  // level-triggered: only who drains it may miss it
}

void poller::close() noexcept {
  rings.close();
  if (wake_ >= 0) kernel::close(wake_);
  if (epoll_ >= 0) kernel::close(epoll_);
  if (chunks_ == nullptr) return;
  for (std::uint32_t i = 0; i * chunk_entries < count_; ++i) {
    chunk* const c = chunks_[i].load_relaxed();
    for (poll_descriptor& d : c->entries) {  // goroutines that were abandoned had deadlines
      static_cast<void>(d.reader.stop());
      static_cast<void>(d.writer.stop());
    }
    c->~chunk();
    world::deallocate(c, sizeof(chunk));
  }
  world::deallocate(chunks_, sizeof(slot) * chunks_max);
}

poller::harvest poller::poll(std::int64_t delay_ns) noexcept {
  harvest found;
  kernel::poll_event events[world::limits::events_per_poll];
  const int timeout_ms = whole_milliseconds(delay_ns);
  int count = kernel::epoll_wait(epoll_, events, world::limits::events_per_poll, timeout_ms);
  while (count == world::errors::interrupted && timeout_ms <= 0)
    count = kernel::epoll_wait(epoll_, events, world::limits::events_per_poll, timeout_ms);
  if (count == world::errors::interrupted) return found;  // a timed wait: the scheduler looks at its timers again
  if (count < 0) [[unlikely]]
    refuse_to_wait(epoll_, -count);
  for (int i = 0; i < count; ++i) {
    const kernel::poll_event event = events[i];
    if (event.data == wake_data) {
      if (delay_ns == 0) continue;  // left for the M that blocks
      std::uint64_t drained = 0;
      found.signalled = kernel::read(wake_, &drained, sizeof drained) == sizeof drained;
      continue;
    }
    if (static_cast<std::uint32_t>(event.data) == ring_index) {
      rings.at(static_cast<std::uint32_t>(event.data >> 32)).reap(found);
      continue;
    }
    poll_descriptor& d = *entry(static_cast<std::uint32_t>(event.data));
    if (d.sequence.load_acquire() != static_cast<std::uint32_t>(event.data >> 32))
      continue;  // N4: an event of an earlier use
    const std::uint32_t bits = event.events;
    if ((bits & (kernel::poll_in | kernel::poll_rdhup | kernel::poll_hup | kernel::poll_err)) != 0)
      collect(d.reader, found);
    if ((bits & (kernel::poll_out | kernel::poll_hup | kernel::poll_err)) != 0) collect(d.writer, found);
  }
  return found;
}

void poller::collect(poll_direction& way, harvest& found) noexcept {
  goroutine* const g = way.waiter.unblock(true);
  if (g == nullptr) return;
  found.ready.push_back(g);
  ++found.count;
}

void poller::waiters_served(std::uint32_t count) noexcept {
  if (count == 0) return;
  const std::uint32_t before = waiting_.fetch_sub_relaxed(count);
  world::require(before >= count, "N5: fewer goroutines wait for descriptors than were served");
}

void poller::interrupt(poll_wake& gate) noexcept {
  if (!gate.signal()) return;
  const std::uint64_t one = 1;
  const std::int64_t written = kernel::write(wake_, &one, sizeof one);
  world::require(written == sizeof one, "N7: the wake-up descriptor cannot be written");
}

// Level-triggered: whoever reaps may do so before the event is seen, and a completion that it
// overlooks is an event again.
int poller::watch_ring(int fd, std::uint32_t number) noexcept {
  return kernel::epoll_add(epoll_, fd, kernel::poll_in, std::uint64_t{number} << 32 | ring_index);
}

poll_descriptor* poller::entry(std::uint32_t index) noexcept {
  chunk* const c = chunks_[index / chunk_entries].load_acquire();
  return &c->entries[index % chunk_entries];
}

poll_descriptor* poller::take_entry() noexcept {
  const locked hold(lock_);
  if (poll_descriptor* const d = free_) {
    free_ = d->next_free;
    return d;
  }
  if (count_ == chunks_max * chunk_entries) return nullptr;
  if (count_ % chunk_entries == 0) {
    void* const memory = world::allocate(sizeof(chunk), alignof(chunk));
    if (memory == nullptr) return nullptr;
    new (&chunks_[count_ / chunk_entries]) slot();
    chunks_[count_ / chunk_entries].store_release(new (memory) chunk());
  }
  const std::uint32_t index = count_++;
  poll_descriptor* const d = entry(index);
  d->index = index;
  return d;
}

poll_descriptor* poller::add(int fd, int& failed) noexcept {
  poll_descriptor* const d = take_entry();
  if (d == nullptr) {
    failed = -12;  // -ENOMEM
    return nullptr;
  }
  const std::uint32_t sequence = d->sequence.load_relaxed();
  d->fd = fd;
  failed = kernel::epoll_add(epoll_, fd, kernel::poll_in | kernel::poll_out | kernel::poll_rdhup | kernel::poll_edge,
                             event_data(*d, sequence));
  if (failed == 0) return d;
  const locked hold(lock_);
  d->next_free = free_;
  free_ = d;
  return nullptr;
}

poll_result poller::wait(poll_descriptor& d, poll_direction& way) noexcept {
  for (;;) {  // bound: each round is a break whose reason is gone: a deadline that was moved
    if (d.closed.announced()) return poll_result::closed;
    if (way.deadline.over()) return poll_result::timed_out;
    switch (way.waiter.begin()) {
      case poll_waiter<goroutine>::begun::ready: return poll_result::ready;
      case poll_waiter<goroutine>::begun::busy: return poll_result::busy;
      case poll_waiter<goroutine>::begun::waiting: break;
    }
    const bool closed = world::recheck(d.closed.announced());
    if (!closed && !world::recheck(way.deadline.over())) {
      waiting what{way.waiter, waiting_};
      sched::park(commit_wait, &what, wait_reason::io_wait);
    }
    const bool ready = way.waiter.finish();
    if (ready && !d.closed.announced()) return poll_result::ready;
  }
}

void poller::set_deadline(poll_descriptor& d, poll_direction& way, std::int64_t due_ns) noexcept {
  const bool over = due_ns != poll_deadline::none && due_ns <= world::nanotime();
  goroutine* g = nullptr;
  {
    const locked hold(d.setting);
    way.deadline.set(over ? poll_deadline::passed : due_ns);
    if (over || due_ns == poll_deadline::none) {
      static_cast<void>(way.stop());
    } else {
      way.start(due_ns);
    }
    if (over) g = way.waiter.unblock(false);
  }
  if (g == nullptr) return;
  sched::ready(*g);
  waiters_served(1);
}

void poller::unblock(poll_descriptor& d) noexcept {
  d.closed.announce();
  goroutine* const reader = d.reader.waiter.unblock(false);
  goroutine* const writer = d.writer.waiter.unblock(false);
  if (reader != nullptr) sched::ready(*reader);
  if (writer != nullptr) sched::ready(*writer);
  waiters_served((reader != nullptr ? 1u : 0u) + (writer != nullptr ? 1u : 0u));
}

void poller::remove(poll_descriptor& d) noexcept {
  const int removed = kernel::epoll_del(epoll_, d.fd);
  world::require(removed == 0, "N2: a descriptor is forgotten that was not known");
  const std::uint32_t sequence = d.sequence.load_relaxed();
  d.sequence.store_release(sequence + 1);
  d.fd = -1;
  for (poll_direction* const way : {&d.reader, &d.writer}) {
    static_cast<void>(way->stop());
    way->deadline.set(poll_deadline::none);
    way->waiter.reset();
  }
  d.closed.reset();
  const locked hold(lock_);
  d.next_free = free_;
  free_ = &d;
}

}  // namespace retake
