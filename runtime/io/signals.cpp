#include "io/signals.hpp"

#include <new>

#include "io/results.hpp"
#include "retake/go.hpp"
#include "retake/signal.hpp"
#include "world/clock.hpp"
#include "world/kernel.hpp"
#include "world/memory.hpp"

namespace retake {

namespace kernel = world::kernel;

namespace detail {

namespace {

constexpr int out_of_memory = -12;     // -ENOMEM
constexpr int invalid = -22;           // -EINVAL
constexpr int numbers_max = 63;

constexpr std::uint64_t bit(int number) noexcept { return std::uint64_t{1} << number; }

constexpr int broken_pipe_signal = 13;  // SIGPIPE: the runtime has it ignored, always

int give_back(int number) noexcept {
  return number == broken_pipe_signal ? world::install_signal(number, world::ignore_signal) : world::default_signal(number);
}

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
  if (made != nullptr && s.signal_service.compare_exchange_acq_rel(nullptr, made).won) {
    go([made] { made->serve(); });
    return made;
  }
  s.network.remove(*entry);  // no memory, or another goroutine was faster
  kernel::close(fd);
  if (made != nullptr) world::deallocate(made, sizeof(signal_service));
  failed = out_of_memory;
  return static_cast<signal_service*>(s.signal_service.load_acquire());
}

// The program is over, every thread has gone home: what was taken of the process is given back.
void signal_service::end(scheduler_service* opaque) noexcept {
  auto* const me = static_cast<signal_service*>(opaque);
  static_cast<void>(for_each(me->wanted(), give_back));
  while (subscriber* const gone = me->first_) {
    me->first_ = gone->next;
    world::deallocate(gone, sizeof(subscriber));
  }
  kernel::close(me->fd_);
  me->~signal_service();
  world::deallocate(me, sizeof(signal_service));
}

std::uint64_t signal_service::wanted() const noexcept {
  std::uint64_t all = 0;
  for (subscriber const* at = first_; at != nullptr; at = at->next) all |= at->numbers;
  return all;
}

void signal_service::serve() noexcept {
  for (;;) {  // until the program ends
    std::uint64_t count = 0;
    while (kernel::read(fd_, &count, sizeof(count)) < 0) static_cast<void>(network_.wait_readable(entry_));
    // Read behind the counter: a signal that comes now makes it readable again.
    tell(world::take_recorded_signals());
  }
}

void signal_service::tell(world::recorded_signals came) noexcept {
  const std::uint64_t numbers = came.numbers;
  if (numbers == 0) return;
  if (came.since_ns != 0) {
    path_counters& paths = machine_here().home.paths;
    paths.signals_told.add();
    paths.signals_waited_ns.add(static_cast<std::uint64_t>(world::nanotime() - came.since_ns));
  }
  const held hold(lock_);
  for (subscriber* at = first_; at != nullptr; at = at->next) {
    static_cast<void>(for_each(numbers & at->numbers, [at](int n) {
      try {
        static_cast<void>(at->to->try_send(n));
      } catch (closed_channel const&) {  // its reader is gone: nobody to tell
      }
      return 0;
    }));
  }
}

int signal_service::add(channel<int>& to, std::uint64_t numbers) noexcept {
  void* const memory = world::allocate(sizeof(subscriber), alignof(subscriber));
  if (memory == nullptr) return out_of_memory;
  const held hold(lock_);
  const int failed = for_each(numbers, [this](int n) { return world::record_signal(n, fd_); });
  if (failed != 0) {
    static_cast<void>(for_each(numbers & ~wanted(), give_back));
    world::deallocate(memory, sizeof(subscriber));
    return failed;
  }
  first_ = new (memory) subscriber{&to, numbers, first_};
  return 0;
}

void signal_service::remove(channel<int>& to) noexcept {
  const held hold(lock_);
  std::uint64_t stopped = 0;
  for (subscriber** at = &first_; *at != nullptr;) {
    subscriber* const one = *at;
    if (one->to != &to) {
      at = &one->next;
      continue;
    }
    stopped |= one->numbers;
    *at = one->next;
    world::deallocate(one, sizeof(subscriber));
  }
  static_cast<void>(for_each(stopped & ~wanted(), give_back));
}

int signal_service::forget(std::uint64_t numbers, int (*what)(int) noexcept) noexcept {
  const held hold(lock_);
  for (subscriber* at = first_; at != nullptr; at = at->next) at->numbers &= ~numbers;
  return for_each(numbers, what);
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

std::error_code forget_with(std::span<int const> numbers, int (*what)(int) noexcept) noexcept {
  int failed = 0;
  const std::uint64_t set = set_of(numbers);
  if (set == 0 && !numbers.empty()) return error_of(invalid);
  signal_service* const service = signal_service::of(machine_here().home, failed);
  if (service == nullptr) return error_of(failed);
  return code_of(service->forget(set, what));
}

}  // namespace

}  // namespace detail

std::error_code notify(channel<int>& to, std::span<int const> numbers) {
  int failed = 0;
  const std::uint64_t set = detail::set_of(numbers);
  if (set == 0) return detail::error_of(detail::invalid);
  detail::signal_service* const service = detail::signal_service::of(machine_here().home, failed);
  if (service == nullptr) return detail::error_of(failed);
  return detail::code_of(service->add(to, set));
}

void stop_notify(channel<int>& to) noexcept {
  int failed = 0;
  if (detail::signal_service* const service = detail::signal_service::of(machine_here().home, failed)) service->remove(to);
}

std::error_code ignore_signals(std::span<int const> numbers) noexcept {
  return detail::forget_with(numbers, [](int n) noexcept { return world::install_signal(n, world::ignore_signal); });
}

std::error_code reset_signals(std::span<int const> numbers) noexcept {
  return detail::forget_with(numbers, detail::give_back);
}

}  // namespace retake
