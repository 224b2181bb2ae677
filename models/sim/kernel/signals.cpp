// Signals of the simulated process. See kernel.hpp and world/signal.hpp.
//
// Recipe.    A pending signal waits for a thread that does not block it to make a system call, or
//            wakes one that sleeps: in a call, in a futex (which answers as if it were woken) or
//            until a time (which it sleeps on to). New threads block everything; the first blocks
//            nothing. While a handler runs, its thread blocks everything.
#include <cerrno>
#include <csignal>
#include <utility>

#include "kernel/files.hpp"
#include "world/signal.hpp"

namespace retake::sim::kernel {

using namespace world::kernel;

namespace {

constexpr int signals_max = 64;

}  // namespace

struct signal_table {
  struct thread_record {
    std::uint64_t blocked = ~std::uint64_t{0};
    wait_list* sleeping = nullptr;
  };
  static constexpr std::uint32_t threads_first = 32;

  world::signal_handler handlers[signals_max + 1] = {};
  world::signal_handler before[signals_max + 1] = {};  // of those that are taken: what was there
  std::uint64_t taken = 0;
  std::uint64_t installed = 0;
  world::recorded_signals recorded{};
  int wake_fd = -1;
  std::uint64_t pending = 0;
  thread_record* threads = nullptr;  // by thread number
  std::uint32_t room = 0;
};

namespace {

constexpr std::uint64_t bit(int number) noexcept { return std::uint64_t{1} << (number - 1); }

constexpr bool is_fault(int number) noexcept {
  return number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL || number == SIGTRAP ||
         number == SIGSYS;
}

// Not there until signals are used: most scenarios do not.
signal_table* table() noexcept { return state().signals; }

signal_table& need_table() noexcept {
  kernel_state& s = state();
  if (s.signals == nullptr) {
    s.signals = make<signal_table>();
    on_interruption([] { return deliver_signals(); });
  }
  return *s.signals;
}

signal_table::thread_record& me() noexcept {
  signal_table& t = need_table();
  auto const number = static_cast<std::uint32_t>(thread_id());
  if (number >= t.room) {
    std::uint32_t room = t.room == 0 ? signal_table::threads_first : t.room;
    while (room <= number) room *= 2;
    auto* const threads =
        static_cast<signal_table::thread_record*>(arena_memory(sizeof(signal_table::thread_record) * room));
    for (std::uint32_t i = 0; i < room; ++i)
      new (&threads[i]) signal_table::thread_record(i < t.room ? t.threads[i] : signal_table::thread_record{});
    if (t.room == 0) threads[0].blocked = 0;
    t.threads = threads;
    t.room = room;
  }
  return t.threads[number];
}

// Stands for the handler that records; what it does is in run_handler.
void record(int) noexcept {}

void record_now(int number) noexcept {
  signal_table& t = need_table();
  if (t.recorded.numbers == 0) t.recorded.since_ns = now_ns();
  t.recorded.numbers |= std::uint64_t{1} << number;
  file* const f = lookup(t.wake_fd);
  if (f == nullptr || f->kind != file_kind::counter) return;
  ++f->counter;
  publish(f->order);
  activity(*f, poll_in);
}

bool harmless_by_default(int number) noexcept {
  return number == SIGCHLD || number == SIGURG || number == SIGWINCH || number == SIGCONT;
}

// The handler runs on the stack of whoever is here. False when nothing had to run.
bool run_handler(int number) noexcept {
  world::signal_handler const handler = need_table().handlers[number];
  if (handler == nullptr) {
    if (!harmless_by_default(number)) fail("signal: nobody handles it, and its default action ends the process");
    return false;
  }
  if (handler == world::ignore_signal) return false;
  std::uint64_t const before = me().blocked;
  me().blocked = ~std::uint64_t{0};
  if (handler == record) record_now(number);
  handler(number);
  me().blocked = before;
  return true;
}

}  // namespace

bool deliver_signals() noexcept {
  signal_table* const t = table();
  if (t == nullptr || t->pending == 0) return false;
  bool ran = false;
  for (int number = 1; number <= signals_max; ++number) {
    if ((t->pending & bit(number) & ~me().blocked) == 0) continue;
    t->pending &= ~bit(number);
    if (run_handler(number)) ran = true;
  }
  return ran;
}

void maybe_strike_signal(site const& where) noexcept {
  signal_table* const t = table();
  if (t == nullptr) return;
  std::uint64_t possible = t->installed & ~me().blocked;
  if (possible == 0 || !fault(fault_kind::signal, where)) return;
  std::uint32_t const count = static_cast<std::uint32_t>(__builtin_popcountll(possible));
  for (std::uint32_t i = choose("signal", count, where); i != 0; --i) possible &= possible - 1;
  t->pending |= possible & -possible;
}

void broken_pipe(site const& where) noexcept {
  signal_table* const t = table();
  world::signal_handler const handler = t == nullptr ? nullptr : t->handlers[SIGPIPE];
  if (handler == nullptr) fail("signal: SIGPIPE ends the process, nobody handles or ignores it", where);
  if (handler == world::ignore_signal) return;
  t->pending |= bit(SIGPIPE);
  deliver_signals();
}

void note_sleeping(wait_list* list) noexcept {
  if (table() != nullptr) me().sleeping = list;
}

void raise_signal(int number, site where) noexcept {
  enter(where);
  signal_table& t = need_table();
  t.pending |= bit(number);
  if (!deliver_signals()) {
    for (std::uint32_t i = 0; i < t.room; ++i) {
      if ((t.threads[i].blocked & bit(number)) != 0) continue;
      if (t.threads[i].sleeping != nullptr)
        notify_all(*t.threads[i].sleeping);
      else if (!interrupt_sleeper(i))
        continue;
      break;
    }
  }
  leave(0);
}

}  // namespace retake::sim::kernel

namespace retake::world {

using namespace sim::kernel;

signal_mask block_signals(site where) noexcept {
  enter(where);
  signal_mask before{};
  before.words[0] = me().blocked;
  me().blocked = ~std::uint64_t{0};
  leave(0);
  return before;
}

void restore_signals(signal_mask before, site where) noexcept {
  enter(where);
  me().blocked = before.words[0];
  deliver_signals();
  leave(0);
}

void ignore_signal(int) noexcept {}

namespace {

int take_signal(int number, signal_handler handler, site where) noexcept {
  signal_table& t = need_table();
  signal_handler const before = number < 1 || number > signals_max ? nullptr : t.handlers[number];
  int const failed = install_signal(number, handler, where);
  if (failed == 0 && (t.taken & bit(number)) == 0) {
    t.taken |= bit(number);
    t.before[number] = before;
  }
  return failed;
}

}  // namespace

int install_signal(int number, signal_handler handler, site where) noexcept {
  enter(where);
  if (number < 1 || number > signals_max || number == SIGKILL || number == SIGSTOP) return leave(-EINVAL);
  signal_table& t = need_table();
  me();
  t.handlers[number] = handler;
  t.installed = handler == ignore_signal || handler == nullptr ? t.installed & ~bit(number) : t.installed | bit(number);
  return leave(0);
}

int handle_broken_pipes(site where) noexcept { return install_signal(SIGPIPE, ignore_signal, where); }

std::uint64_t all_signals(site) noexcept {
  std::uint64_t all = 0;
  for (int number = 1; number <= 63; ++number) {
    if (number != SIGKILL && number != SIGSTOP && number != SIGURG && !is_fault(number))
      all |= std::uint64_t{1} << number;
  }
  return all;
}

int record_signal(int number, int wake_fd, site where) noexcept {
  if (number < 1 || number > 63 || is_fault(number)) return -EINVAL;
  need_table().wake_fd = wake_fd;
  return take_signal(number, record, where);
}

int drop_signal(int number, site where) noexcept { return take_signal(number, ignore_signal, where); }

int give_back_signal(int number, site where) noexcept {
  if (number < 1 || number > signals_max) return -EINVAL;
  signal_table& t = need_table();
  if ((t.taken & bit(number)) == 0) return 0;
  t.taken &= ~bit(number);
  return install_signal(number, t.before[number], where);
}

recorded_signals take_recorded_signals(site where) noexcept {
  enter(where);
  signal_table& t = need_table();
  recorded_signals const taken = std::exchange(t.recorded, {});
  leave(0);
  return taken;
}

}  // namespace retake::world
