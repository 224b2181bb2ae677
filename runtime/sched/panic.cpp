// The end of a goroutine, as it wishes or by a panic.
#include "retake/panic.hpp"

#include <new>

#include "sched/scheduler.hpp"
#include "thread/say.hpp"
#include "world/memory.hpp"
#include "world/require.hpp"

namespace retake {

namespace detail {

void* hook_memory(std::size_t bytes) {
  void* const memory = world::allocate(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void free_hook_memory(void* memory, std::size_t bytes) noexcept { world::deallocate(memory, bytes); }

void add_exit_hook(exit_hook& hook) noexcept {
  goroutine& g = this_goroutine();
  hook.next = g.exit_hooks;
  g.exit_hooks = &hook;
}

}  // namespace detail

void exit_goroutine() {
  static_cast<void>(this_goroutine());
  throw detail::goroutine_exit();
}

namespace sched {

void run_to_end(void* argument) {
  goroutine& g = *static_cast<goroutine*>(argument);
  try {
    g.invoke(g.closure);
  } catch (detail::goroutine_exit const&) {}
  while (detail::exit_hook* const last = g.exit_hooks) {
    g.exit_hooks = last->next;
    try {
      last->run(last);
    } catch (detail::goroutine_exit const&) {  // a hook that ends itself
    }
  }
}

void drop_exit_hooks(goroutine& g) noexcept {
  while (detail::exit_hook* const last = g.exit_hooks) {
    g.exit_hooks = last->next;
    last->destroy(last);
  }
}

void report_panic(char const* what) noexcept {
  machine* const m = this_machine();
  if (m == nullptr || m->current.get() == nullptr) return;
  say("panic: ", what, "\n\ngoroutine ", m->current.get()->id, " [running]\n");
  world::fatal("panic: an exception left a goroutine");
}

}  // namespace sched

}  // namespace retake
