// timer, ticker and after_func: a runtime_timer with something to send to or to call.
//
// Uses of the memory: one for the handle, one for each start that has been neither stopped nor run.
// A ticker's function starts its timer again with the use that it has; `lock_` decides between that
// and a stop or a reset, which must not be followed by a start of the old period. The end of the
// program lets go of the use of a start that waits.
//
// A run begins when the timer has left its heap. From there until it has sent, a stop or a reset
// may come
// first: so a run sends under `lock_`, and only what was asked for last (`asked_`, and the time
// that it was asked for). What it has sent and no receiver has taken is taken back by the stop or
// the reset.
#include "retake/timer.hpp"

#include "protocol/spin_lock.hpp"
#include "retake/go.hpp"
#include "sync/channel_core.hpp"
#include "sync/core_memory.hpp"
#include "time/runtime_timer.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

namespace detail {

class timer_core : runtime_timer {
 public:
  explicit timer_core(std::unique_ptr<timer_call> call)
      : runtime_timer(happens, let_go),
        due(1),
        call_(std::move(call)),
        uses_(1),
        asked_(0),
        period_ns_(0),
        next_ns_(0) {}

  bool begin(std::int64_t duration_ns, std::int64_t period_ns) noexcept {
    const std::int64_t due_ns = due_after_ns(duration_ns);
    uses_.fetch_add_relaxed(1);  // by who has one
    bool waited = false;
    bool open = false;
    {
      const locked hold(lock_);
      open = sends() && take_back();
      asked_.set(1);
      period_ns_.set(period_ns);
      next_ns_.set(due_ns);
      waited = start(due_ns);
    }
    if (waited) unuse();
    return sends() ? open : waited;
  }

  bool end() noexcept {
    bool waited = false;
    bool open = false;
    {
      const locked hold(lock_);
      open = sends() && take_back();
      period_ns_.set(0);
      waited = stop();
    }
    if (waited) unuse();
    return sends() ? open : waited;
  }

  void unuse() noexcept {
    if (uses_.fetch_sub_acq_rel(1) == 1) release_core(this);
  }

  channel<time_point> due;

 private:
  struct ends_use {
    timer_core& of;
    ~ends_use() { of.unuse(); }
  };

  static void happens(runtime_timer& t, std::int64_t now_ns) noexcept {
    auto& me = static_cast<timer_core&>(t);
    if (!me.sends()) {
      go([&me] {
        const ends_use after{me};  // however the user's function ends
        me.call_->call();
      });
      return;
    }
    goroutine* receiver = nullptr;
    const bool goes_on = me.send(now_ns, receiver);
    if (receiver != nullptr) sched::ready(*receiver);
    if (!goes_on) me.unuse();
  }

  static void let_go(runtime_timer& t) noexcept { static_cast<timer_core&>(t).unuse(); }

  [[nodiscard]] bool sends() const noexcept { return call_ == nullptr; }

  // Under lock_. What was asked for last has been received by nobody, and now it will not be.
  bool take_back() noexcept {
    const bool unsent = asked_.get() != 0;
    asked_.set(0);
    if (unsent && period_ns_.get() == 0) return true;  // the channel is empty
    channel_core& to = *channel_access::core(&due);
    time_point value;
    goroutine* no_sender = nullptr;
    const locked hold(to.lock);
    return to.receive_here(&value, no_sender) == transfer::done || unsent;
  }

  // False: the timer keeps no use for this run.
  bool send(std::int64_t now_ns, goroutine*& receiver) noexcept {
    const locked hold(lock_);
    if (!world::recheck(asked_.get() != 0 && now_ns >= next_ns_.get()))
      return false;  // stopped or started anew meanwhile
    {
      channel_core& to = *channel_access::core(&due);
      const locked hold_channel(to.lock);
      time_point now = time_point_of(now_ns);
      static_cast<void>(to.send_here(&now, receiver));  // full: the receiver is late
    }
    const std::int64_t period_ns = period_ns_.get();
    if (period_ns == 0) {
      asked_.set(0);
      return false;
    }
    if (world::recheck(waits())) return false;  // started anew, for a time that this run has reached already
    // The next whole period that is not over.
    const std::int64_t last_ns = next_ns_.get();
    const std::int64_t next_ns = later_ns(last_ns + (now_ns - last_ns) / period_ns * period_ns, period_ns);
    next_ns_.set(next_ns);
    start(next_ns);
    return true;
  }

  std::unique_ptr<timer_call> const call_;
  world::atomic<std::uint32_t> uses_;
  spin_lock lock_;  // rank: below a P's timers' lock
  world::plain<std::uint32_t>
      asked_;  // for a value that has neither been sent nor called off; a ticker: until it is stopped
  world::plain<std::int64_t> period_ns_;  // 0: it does not start again
  world::plain<std::int64_t> next_ns_;
};

timer_core* make_timer(std::unique_ptr<timer_call> call) { return make_core<timer_core>(std::move(call)); }
void release_timer(timer_core* core) noexcept { core->unuse(); }
bool start_timer(timer_core& core, std::int64_t duration_ns, std::int64_t period_ns) noexcept {
  return core.begin(duration_ns, period_ns);
}
bool stop_timer(timer_core& core) noexcept { return core.end(); }
channel<time_point>& channel_of(timer_core& core) noexcept { return core.due; }

namespace {

void check_period(std::int64_t period_ns) noexcept {
  if (period_ns <= 0) world::fatal("a ticker's period is above 0");
}

}  // namespace

timer_core* make_ticker(std::int64_t period_ns) {
  check_period(period_ns);
  timer_core* const made = make_timer(nullptr);
  start_timer(*made, period_ns, period_ns);
  return made;
}

void start_ticker(timer_core& core, std::int64_t period_ns) noexcept {
  check_period(period_ns);
  start_timer(core, period_ns, period_ns);
}

}  // namespace detail

}  // namespace retake
