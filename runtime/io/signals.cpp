#include "io/signals.hpp"

#include <new>
#include <utility>

#include "io/results.hpp"
#include "retake/go.hpp"
#include "retake/signal.hpp"
#include "world/clock.hpp"
#include "world/errors.hpp"
#include "world/kernel.hpp"
#include "world/memory.hpp"

namespace retake {

namespace kernel = world::kernel;

namespace detail {

namespace {

constexpr int numbers_max = 63;

constexpr std::uint64_t bit(int number) noexcept { return std::uint64_t{1} << number; }

int give_back(int number) noexcept { return world::give_back_signal(number); }

// Held by a goroutine: it neither waits nor is preempted meanwhile.
class held {
 public:
  explicit held(spin_lock& lock) noexcept : m_(*this_machine()), lock_(lock) {
    ++m_.locks;
    lock_.lock();
  }
  ~held() {
    lock_.unlock();
    --m_.locks;
  }
  held(held const&) = delete;
  held& operator=(held const&) = delete;

 private:
  machine& m_;
  spin_lock& lock_;
};

template <class Do>
int for_each(std::uint64_t numbers, Do what) noexcept {
  int failed = 0;
  for (int n = 1; n <= numbers_max; ++n) {
    if ((numbers & bit(n)) == 0) continue;
    const int one = what(n);
    if (one != 0) failed = one;
  }
  return failed;
}

}  // namespace

signal_service* signal_service::of(scheduler& s, int& failed) noexcept {
  if (scheduler_service* const there = s.signal_service.load_acquire()) return static_cast<signal_service*>(there);
  const int fd = kernel::eventfd();
  if (fd < 0) {
    failed = fd;
    return nullptr;
  }
  poll_descriptor* const entry = s.network.add(fd, failed);
  if (entry == nullptr) {
    kernel::close(fd);
    return nullptr;
  }
  void* const memory = world::allocate(sizeof(signal_service), alignof(signal_service));
  signal_service* const made = memory != nullptr ? new (memory) signal_service(s.network, fd, *entry) : nullptr;
  if (made != nullptr && s.signal_service.compare_exchange_acq_rel(nullptr, made).won) return made;
  s.network.remove(*entry);  // no memory, or another goroutine was faster
  kernel::close(fd);
  if (made != nullptr) world::deallocate(made, sizeof(signal_service));
  failed = world::errors::out_of_memory;
  return static_cast<signal_service*>(s.signal_service.load_acquire());
}

// The program is over, every thread has exited: what was taken of the process is given back, and
// what no channel was told of is forgotten with the program.
void signal_service::end(scheduler_service* opaque) noexcept {
  auto* const me = static_cast<signal_service*>(opaque);
  static_cast<void>(for_each(me->wanted(), give_back));
  static_cast<void>(world::take_recorded_signals());
  while (subscriber* const gone = me->first_) {
    me->first_ = gone->next;
    world::deallocate(gone, sizeof(subscriber));
  }
  if (!me->relaying_) me->network_.remove(me->entry_);  // else the relay still waits there
  kernel::close(me->fd_);
  me->~signal_service();
  world::deallocate(me, sizeof(signal_service));
}

bool signal_service::is_relay(scheduler& s, std::uint64_t goroutine_id) noexcept {
  auto const* const service = static_cast<signal_service const*>(s.signal_service.load_acquire());
  return service != nullptr && service->relay_.load_relaxed() == goroutine_id;
}

std::uint64_t signal_service::wanted() const noexcept {
  std::uint64_t all = 0;
  for (subscriber const* at = first_; at != nullptr; at = at->next) all |= at->numbers;
  return all;
}

signal_service::subscriber* signal_service::find(channel<int> const& to) const noexcept {
  subscriber* at = first_;
  while (at != nullptr && at->to != &to) at = at->next;
  return at;
}

void signal_service::relay() noexcept {
  relay_.store_relaxed(this_goroutine().id);
  do {  // until no subscriber is left, or the program ends
    std::uint64_t count = 0;
    while (kernel::read(fd_, &count, sizeof(count)) < 0) static_cast<void>(network_.wait_readable(entry_));
  } while (relay_once());
}

// The bits are taken after the counter: a signal that comes now makes it readable again. False: no
// subscriber is left.
bool signal_service::relay_once() noexcept {
  const held hold(lock_);
  tell_recorded();
  relaying_ = first_ != nullptr;
  return relaying_;
}

// Under the lock, so that no removal comes between the bits and the channels.
void signal_service::tell_recorded() noexcept {
  const world::recorded_signals came = world::take_recorded_signals();
  if (came.numbers == 0) return;
  if (came.since_ns != 0) {
    path_counters& paths = machine_here().home.paths;
    paths.signals_told.add();
    paths.signals_waited_ns.add(static_cast<std::uint64_t>(world::nanotime() - came.since_ns));
  }
  for (subscriber* at = first_; at != nullptr; at = at->next) {
    static_cast<void>(for_each(came.numbers & at->numbers, [at](int n) {
      try {
        static_cast<void>(at->to->try_send(n));
      } catch (closed_channel const&) {  // its reader is gone
      }
      return 0;
    }));
  }
}

int signal_service::add(channel<int>& to, std::uint64_t numbers) noexcept {
  void* const memory = world::allocate(sizeof(subscriber), alignof(subscriber));
  if (memory == nullptr) return world::errors::out_of_memory;
  bool start = false;
  {
    const held hold(lock_);
    const std::uint64_t before = wanted();
    const int failed = for_each(numbers, [this](int n) { return world::record_signal(n, fd_); });
    subscriber* const known = failed == 0 ? find(to) : nullptr;
    if (failed != 0) static_cast<void>(for_each(numbers & ~before, give_back));
    if (known != nullptr) known->numbers |= numbers;
    if (failed != 0 || known != nullptr) {
      world::deallocate(memory, sizeof(subscriber));
      return failed;
    }
    first_ = new (memory) subscriber{&to, numbers, first_};
    start = !relaying_;
    relaying_ = true;
  }
  if (start) go([this] { relay(); });
  return 0;
}

// Under the lock, when the actions of `numbers` are changed: what was recorded before is told, then
// the channels lose them; `from` alone, or all.
void signal_service::withdraw(std::uint64_t numbers, channel<int> const* from) noexcept {
  tell_recorded();
  const bool any = first_ != nullptr;
  for (subscriber** at = &first_; *at != nullptr;) {
    subscriber* const one = *at;
    if (from == nullptr || one->to == from) one->numbers &= ~numbers;
    if (one->numbers != 0) {
      at = &one->next;
      continue;
    }
    *at = one->next;
    world::deallocate(one, sizeof(subscriber));
  }
  const std::uint64_t wake_relay = 1;
  if (any && first_ == nullptr) static_cast<void>(kernel::write(fd_, &wake_relay, sizeof(wake_relay)));
}

void signal_service::remove(channel<int>& to) noexcept {
  const held hold(lock_);
  subscriber* const one = find(to);
  if (one == nullptr) return;
  const std::uint64_t numbers = std::exchange(one->numbers, 0);
  const std::uint64_t others = wanted();
  one->numbers = numbers;
  static_cast<void>(for_each(numbers & ~others, give_back));
  withdraw(numbers, &to);
}

int signal_service::forget(std::uint64_t numbers, int (*action)(int) noexcept) noexcept {
  const held hold(lock_);
  const int failed = for_each(numbers, action);
  withdraw(numbers, nullptr);
  return failed;
}

namespace {

// 0: one of them is out of range.
std::uint64_t set_of(std::span<int const> numbers) noexcept {
  std::uint64_t set = 0;
  for (const int n : numbers) {
    if (n < 1 || n > numbers_max) return 0;
    set |= bit(n);
  }
  return set;
}

std::error_code forget_with(std::span<int const> numbers, int (*action)(int) noexcept) noexcept {
  int failed = 0;
  const std::uint64_t set = set_of(numbers);
  if (set == 0 && !numbers.empty()) return error_of(world::errors::invalid);
  signal_service* const service = signal_service::of(machine_here().home, failed);
  if (service == nullptr) return error_of(failed);
  return code_of(service->forget(set, action));
}

}  // namespace

}  // namespace detail

std::error_code notify(channel<int>& to, std::span<int const> numbers) {
  int failed = 0;
  const std::uint64_t set = detail::set_of(numbers);
  if (set == 0) return detail::error_of(world::errors::invalid);
  detail::signal_service* const service = detail::signal_service::of(machine_here().home, failed);
  if (service == nullptr) return detail::error_of(failed);
  return detail::code_of(service->add(to, set));
}

std::error_code notify_all(channel<int>& to) {
  int failed = 0;
  detail::signal_service* const service = detail::signal_service::of(machine_here().home, failed);
  if (service == nullptr) return detail::error_of(failed);
  return detail::code_of(service->add(to, world::all_signals()));
}

// With a program end what its channels asked for.
void stop_notify(channel<int>& to) noexcept {
  machine const* const m = this_machine();
  scheduler_service* const service = m != nullptr ? m->home.signal_service.load_acquire() : nullptr;
  if (service != nullptr) static_cast<detail::signal_service*>(service)->remove(to);
}

std::error_code ignore_signals(std::span<int const> numbers) noexcept {
  return detail::forget_with(numbers, [](int n) noexcept { return world::drop_signal(n); });
}

std::error_code reset_signals(std::span<int const> numbers) noexcept {
  return detail::forget_with(numbers, detail::give_back);
}

}  // namespace retake
