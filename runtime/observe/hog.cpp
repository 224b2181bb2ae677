// A goroutine that computes and does not give way although it was asked to, while others wait: who
// it is, and where.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <new>

#include "observe/frames.hpp"
#include "observe/snapshot.hpp"
#include "observe/watcher.hpp"
#include "sched/watch.hpp"
#include "world/interrupt.hpp"
#include "world/peek.hpp"
#include "world/print.hpp"

namespace retake {

namespace {

constexpr std::int64_t patience_ns = 100'000'000;
constexpr std::size_t most_bytes = 16 * 1024;  // of its stack: the innermost frames

// What is copied while its thread stands still; filled without allocation.
struct standing {
  goroutine const* whose = nullptr;
  world::thread_registers at;
  std::size_t bytes = 0;
  std::byte stack[most_bytes];
};

void copy(world::thread_registers const& at, void* argument) noexcept {
  standing& to = *static_cast<standing*>(argument);
  const auto low = reinterpret_cast<std::uintptr_t>(to.whose->stack.low),
             end = reinterpret_cast<std::uintptr_t>(to.whose);
  to.at = at;
  if (at.sp >= low && at.sp < end)
    to.bytes = world::peek(to.stack, at.sp, std::min<std::size_t>(end - at.sp, most_bytes));
}

}  // namespace

void watch::hogs(processor& p, std::int64_t since_ns, std::int64_t now_ns) noexcept try {
  auto const* const m = static_cast<machine const*>(p.machine.load_relaxed());
  if (m == nullptr) return;
  goroutine const* const g = world::peek_word<goroutine*>(&m->current, nullptr);
  if (g == nullptr) return;
  const std::uint32_t tick = p.schedule_tick.load_relaxed();

  const auto still = std::make_unique<standing>();
  still->whose = g;
  static_cast<void>(world::look_at_thread(m->thread.get(), copy, still.get(), patience_ns));
  if (p.schedule_tick.load_relaxed() != tick) return;  // it has given way after all

  observe::symbols names;
  observe::goroutine_view view = observe::view_of(*g, names, nullptr);
  if (view.state != goroutine_state::running) return;
  if (still->bytes != 0)
    view.pcs =
        names.walk(observe::registers_of(still->at), {still->at.sp, {still->stack, still->stack + still->bytes}});
  const std::string text = fmt::format(
      "runtime: goroutine {} has run for {:.1f} s and does not give way, others wait; preempt_point() in its loop "
      "would let them run\n{}\n",
      view.id, static_cast<double>(now_ns - since_ns) / 1e9, observe::text_of(observe::info_of(names, view)));
  world::print(text.data(), text.size());
} catch (std::bad_alloc const&) {
  return;  // one report less
}

}  // namespace retake
