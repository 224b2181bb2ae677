#include "retake/sync.hpp"
#include "sync/core_memory.hpp"
#include "sync/permits.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

namespace detail {

struct once_core {
  once_core() noexcept : doing(1), done(0) {}
  [[nodiscard]] bool waited_on() noexcept { return doing.waited_on(); }
  // Of the goroutine that has the permit.
  void leave() noexcept {
    static_cast<void>(doing.give(1));
    sched::preempt_point();
  }
  permits_core doing;
  world::atomic<std::uint32_t> done;  // stored under the permit, read before it
};

void once_value_did_not_return() noexcept { world::fatal("the function of a once_value did not return"); }

}  // namespace detail

once::once() : core_(detail::make_core<detail::once_core>()) {}
once::~once() { detail::end_core(core_, "G6: a once is destroyed while goroutines wait for it"); }

bool once::begin() noexcept {
  if (core_->done.load_acquire() != 0) return false;  // with end()
  core_->doing.take(1, wait_reason::sync_mutex);
  if (core_->done.load_relaxed() == 0) return true;
  core_->leave();
  return false;
}

void once::end() noexcept {
  core_->done.store_release(1);
  core_->leave();
}

}  // namespace retake
