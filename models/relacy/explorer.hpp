// explorer.hpp: the scheduler that Relacy runs an execution under: asks the_search at each choice.
//
// Problem.   See search.hpp. And spin loops: depth first, the first execution would look at the same word for ever.
// Recipe.    Candidates are the threads that can run, the current one first. Who has paused comes back when every other thread that
//            could run then has made a step, has blocked or has ended (nothing it reads can have changed before; moving its last look
//            behind the others' step gives every execution that is left out). A thread that wakes from a park is a candidate at once.
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

  explorer(rl::test_params& params, shared_context_t& shared, rl::thread_id_t dynamic) : base(params, shared, dynamic) {}

  rl::thread_id_t iteration_begin_impl() {
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
    unsigned runnable = 0;
    for (rl::thread_id_t i = 0; i != Threads; ++i) {
      if (this->threads_[i].state_ == rl::thread_state_running) runnable |= 1u << i;
    }
    for (unsigned& mask : waits_for_) mask &= runnable & ~(1u << self);
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

  unsigned rand_impl(unsigned limit, rl::sched_type) { return the_search.choose(limit); }

  rl::iteration_t iteration_count_impl() { return this->iter_ + 1; }
  void get_state_impl(std::ostream&) {}
  void set_state_impl(std::istream&) {}
  void on_thread_block(rl::thread_id_t, bool) {}
  void thread_finished_impl() {}
  void purge_blocked_threads() {}

 private:
  unsigned waits_for_[count] = {};  // by thread: those that have to make a step before it comes back from a pause
};

}  // namespace retake::model
