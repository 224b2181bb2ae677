// mutex, rw_mutex and semaphore: one permit, many of which a writer takes all, and as many as one
// likes.
#include "retake/context.hpp"
#include "retake/sync.hpp"
#include "sync/core_memory.hpp"
#include "sync/permits.hpp"
#include "world/require.hpp"

namespace retake {

namespace {

constexpr std::uint32_t all = semaphore_queue<goroutine>::permits_max;

void give_back(detail::permits_core& core, std::uint32_t n, char const* otherwise) noexcept {
  if (!core.give(n)) world::fatal(otherwise);
  sched::preempt_point();
}

}  // namespace

mutex::mutex() : core_(detail::make_core<detail::permits_core>(1u)) {}
mutex::~mutex() { detail::end_core(core_, "G6: a mutex is destroyed while goroutines wait for it"); }
void mutex::lock() noexcept { core_->take(1, wait_reason::sync_mutex); }
void mutex::unlock() noexcept { give_back(*core_, 1, "unlock of unlocked mutex"); }
bool mutex::try_lock() noexcept { return core_->try_take(1); }

rw_mutex::rw_mutex() : core_(detail::make_core<detail::permits_core>(all)) {}
rw_mutex::~rw_mutex() { detail::end_core(core_, "G6: a rw_mutex is destroyed while goroutines wait for it"); }
void rw_mutex::lock() noexcept { core_->take(all, wait_reason::sync_rw_mutex); }
void rw_mutex::unlock() noexcept { give_back(*core_, all, "unlock of unlocked rw_mutex"); }
bool rw_mutex::try_lock() noexcept { return core_->try_take(all); }
void rw_mutex::lock_shared() noexcept { core_->take(1, wait_reason::sync_rw_mutex); }
// A reader holds one permit of all, so some are left but while a writer has them.
void rw_mutex::unlock_shared() noexcept {
  if (core_->none_left()) world::fatal("unlock_shared of unlocked rw_mutex");
  give_back(*core_, 1, "unlock_shared of unlocked rw_mutex");
}
bool rw_mutex::try_lock_shared() noexcept { return core_->try_take(1); }

semaphore::semaphore(std::uint32_t permits) : core_(nullptr) {
  if (permits < 1 || permits > all) world::fatal("a semaphore of no permits, or of too many");
  core_ = detail::make_core<detail::permits_core>(permits);
}
semaphore::~semaphore() { detail::end_core(core_, "G6: a semaphore is destroyed while goroutines wait for it"); }

namespace {

void check_wish(detail::permits_core& core, std::uint32_t n) noexcept {
  if (n > core.permits()) world::fatal("a semaphore is asked for more permits than it has");
}

}  // namespace

void semaphore::acquire(std::uint32_t n) noexcept {
  check_wish(*core_, n);
  core_->take(n, wait_reason::semaphore);
}

bool semaphore::try_acquire(std::uint32_t n) noexcept { return core_->try_take(n); }

bool semaphore::acquire_for_ns(std::int64_t duration_ns, std::uint32_t n) noexcept {
  check_wish(*core_, n);
  return core_->take_until(n, nullptr, duration_ns > 0 ? duration_ns : 0);
}

std::error_code semaphore::acquire(context const& until, std::uint32_t n) noexcept {
  check_wish(*core_, n);
  if (const std::error_code why = until.error()) return why;
  if (!core_->take_until(n, detail::done_of(until), -1)) return until.error();
  const std::error_code why = until.error();  // done in the meantime, before the permits were there perhaps
  if (why) release(n);
  return why;
}

void semaphore::release(std::uint32_t n) noexcept {
  give_back(*core_, n, "a semaphore gets back more permits than it gave");
}

}  // namespace retake
