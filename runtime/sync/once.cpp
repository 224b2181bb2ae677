#include "retake/sync.hpp"
#include "sync/core_memory.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

namespace detail {

struct once_core {
  once_core() : done(0) {}
  mutex doing;
  world::atomic<std::uint32_t> done;  // stored under the mutex, read before it
};

void once_value_did_not_return() noexcept { world::fatal("the function of a once_value did not return"); }

}  // namespace detail

once::once() : core_(detail::make_core<detail::once_core>()) {}
once::~once() { detail::release_core(core_); }

bool once::begin() noexcept {
  if (core_->done.load_acquire() != 0) return false;  // with end()
  core_->doing.lock();
  if (core_->done.load_relaxed() == 0) return true;
  core_->doing.unlock();
  return false;
}

void once::end() noexcept {
  core_->done.store_release(1);
  core_->doing.unlock();
}

}  // namespace retake
