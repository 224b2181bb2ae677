// explorer.hpp: the scheduler that Relacy runs an execution under: asks the_search at each choice.
//
// Problem.   See search.hpp. And spin loops: depth first, the first execution would look at the
//            same word for ever.
// Recipe.    Candidates are the threads that can run, the current one first. A thread that has
//            paused comes back when every other thread that could run then has made a step, has
//            blocked or has ended (nothing it reads can have changed before). By another choice its
//            loop gives up (world/spinning.hpp): without that, no bounded spin would end in vain. A
//            thread that wakes from a park is a candidate at once.
// Not promised: fairness without pause().
#pragma once

#include "search.hpp"
#include "world/engine.hpp"

namespace retake::model {

template <rl::thread_id_t Threads>
class explorer : public rl::scheduler<explorer<Threads>, rl::scheduler_thread_info, Threads> {
  using base = rl::scheduler<explorer<Threads>, rl::scheduler_thread_info, Threads>;
  static constexpr std::size_t count = static_cast<std::size_t>(Threads);
  static_assert(count <= world::relacy::threads_max);

 public:
  using thread_info_t = typename base::thread_info_t;
  using shared_context_t = typename base::shared_context_t;
  struct task_t {};

  explorer(rl::test_params& params, shared_context_t& shared, rl::thread_id_t dynamic)
      : base(params, shared, dynamic) {}

  rl::thread_id_t iteration_begin_impl() {
    this->params_.execution_depth_limit -= std::exchange(steps_alone_, 0);
    world::relacy::begin_execution();
    the_search.begin_execution();
    for (unsigned& mask : waits_for_) mask = 0;
    return static_cast<rl::thread_id_t>(the_search.choose(Threads));
  }

  bool iteration_end_impl() { return the_search.end_execution(); }

  rl::thread_id_t schedule_impl(rl::unpark_reason& reason, unsigned yield) {
    reason = rl::unpark_reason_normal;
    ++the_search.steps;
    rl::thread_id_t const self = this->thread_->index_;
    bool const running = this->thread_->state_ == rl::thread_state_running;
    if (goes_on_alone(self, running)) return self;
    unsigned runnable = 0;
    for (rl::thread_id_t i = 0; i != Threads; ++i) {
      if (this->threads_[i].state_ == rl::thread_state_running) runnable |= 1u << i;
    }
    for (unsigned& mask : waits_for_) mask &= runnable & ~(1u << self);
    if (yield != 0 && running && gives_up(self, runnable)) return self;
    if (yield != 0 && running) waits_for_[self] = runnable & ~(1u << self);

    rl::thread_id_t candidates[count];
    unsigned n = 0;
    bool const may_stay = running && waits_for_[self] == 0;
    if (may_stay) candidates[n++] = self;
    for (rl::thread_id_t i = 0; i != Threads; ++i) {
      if (i != self && (runnable >> i & 1) != 0 && waits_for_[i] == 0) candidates[n++] = i;
    }
    if (n == 0) {  // they all wait for each other
      for (unsigned& mask : waits_for_) mask = 0;
      for (rl::thread_id_t i = 0; i != Threads; ++i) {
        if (i != self && (runnable >> i & 1) != 0) candidates[n++] = i;
      }
      if (n == 0) candidates[n++] = self;
    }
    if (may_stay && the_search.kind == search_kind::bound && the_search.preemptions >= the_search.bound) return self;
    rl::thread_id_t const next = candidates[the_search.choose(n, may_stay)];
    if (may_stay && next != self) ++the_search.preemptions;
    return next;
  }

  unsigned rand_impl(unsigned limit, rl::sched_type type) {
    bool const alone = world::relacy::run.spins.is_alone(static_cast<unsigned>(this->thread_->index_));
    if (alone && type == rl::sched_type_atomic_load) return limit - 1;  // an older store, if there is one to be seen
    return the_search.choose(limit);
  }

  rl::iteration_t iteration_count_impl() { return this->iter_ + 1; }
  void get_state_impl(std::ostream&) {}
  void set_state_impl(std::istream&) {}
  void on_thread_block(rl::thread_id_t, bool) {}
  void thread_finished_impl() {}
  void purge_blocked_threads() {}

 private:
  // The rounds that a loop goes through alone are one step.
  bool goes_on_alone(rl::thread_id_t self, bool running) {
    world::relacy::spinning& spins = world::relacy::run.spins;
    if (!spins.is_alone(static_cast<unsigned>(self))) return false;
    if (!running) spins.effect(static_cast<unsigned>(self));
    if (!running) return false;
    ++steps_alone_;
    ++this->params_.execution_depth_limit;
    return true;
  }

  // At a pause.
  bool gives_up(rl::thread_id_t self, unsigned runnable) {
    world::relacy::spinning& spins = world::relacy::run.spins;
    auto const thread = static_cast<unsigned>(self);
    if (spins.was_in_vain()) {
      the_search.open = gave_up_at_;
    } else if (runnable != 1u << self && spins.may_give_up(thread)) {
      if (the_search.choose(2) == 1) {
        gave_up_at_ = the_search.depth;
        spins.give_up(thread);
        rl::ctx().threadx_->last_yield_ = 0;  // what its rounds saw, they may see again
        return true;
      }
    }
    spins.next_round(thread);
    return false;
  }

  unsigned waits_for_[count] = {};  // by thread: those that have to make a step before it comes back from a pause
  std::uint32_t gave_up_at_ = 0;    // choices made up to the last one to give up
  unsigned steps_alone_ = 0;        // of this execution: not counted against its limit of steps
};

}  // namespace retake::model
