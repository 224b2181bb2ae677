// threads.cpp: virtual threads begin and end; the pool of stacks.
#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "sim/engine.hpp"
#include "switch/guarded_call.hpp"
#include "switch/sanitizer.hpp"

namespace retake::sim {

namespace {

constexpr std::size_t page_bytes = 4096;
// Stacks lie a power of two apart: without a shift all their hot ends would compete for the same
// cache lines.
constexpr std::size_t colour_bytes = 5 * 64;

}  // namespace

// The slot for a new thread: a fresh one; else one whose last thread ended before the creator's
// now; else any that ended.
int engine::start_thread(void (*entry)(void*), void* argument, site_record& s) noexcept {
  std::uint32_t slot = width_;
  epoch first = 1;
  if (slot == threads_max) {
    for (std::uint32_t u = 0; u < threads_max; ++u) {
      if (threads_[u].state != thread_state::ended) continue;
      bool const ordered = running_ != nullptr && threads_[u].hb.at[u] <= running_->hb.at[u];
      if (slot == threads_max || ordered) slot = u;
      if (ordered) break;
    }
    if (slot == threads_max) fail("bound", "bound: more than threads_max virtual threads alive at one time", s.id);
    first = threads_[slot].hb.at[slot] + 1;
    floor::retire_context(threads_[slot].context);
  } else {
    threads_[width_].last_sc = 0;
    ++width_;
  }
  thread& t = threads_[slot];
  if (running_ != nullptr) {
    t.hb = running_->hb;
    running_->run_at = 0;
    t.knows_sc = running_->knows_sc;
    if (t.knows_sc) {
      t.sc = running_->sc;
      t.sc.elsewhere.at[running_slot_] = running_->last_sc;
      t.run_elsewhere.clear();
    }
  } else {
    t.hb.clear();
    t.knows_sc = false;
  }
  t.hb.at[slot] = first;
  t.run_at = t.run_sc = 0;
  t.views_at = never;
  t.released.valid = t.acquirable.valid = t.acquirable.has_sc = false;
  t.read_clock = t.wrote = t.timed_out = t.interrupted = t.reads_overflow = false;
  t.reads_count = t.fresh_count = t.known_count = 0;
  t.pauses = 0;
  t.number = numbers_++;
  t.deadline_ns = no_deadline;
  t.waiting_in = nullptr;
  t.slot = nullptr;
  t.fault_boundary = nullptr;
  t.entry = entry;
  t.argument = argument;
  t.state = thread_state::enabled;
  pending_[slot] = {op_kind::thread_begin, s.id, t.number};
  enabled_ |= 1U << slot;
  ++alive_;
  lonely_ = 0;
  if (thread_stacks_[slot].low() == nullptr)
    thread_stacks_[slot] =
        stack_memory(stacks_.as<char>() + slot * (thread_stack_bytes + page_bytes) + page_bytes, thread_stack_bytes);
  thread_stacks_[slot].renew();
  floor::make_context(t.context, thread_stacks_[slot].low(), thread_stack_bytes - slot * colour_bytes, &thread_main,
                      &t);
  return 0;
}

void engine::thread_main(void* argument) {
  engine& e = *the_engine;
  thread& me = *static_cast<thread*>(argument);
  std::uint32_t const slot = e.running_slot_;
  site_record& begin = e.sites_.intern({"", 1, "thread"}, op_kind::thread_begin);
  site_record& end = e.sites_.intern({"", 1, "thread"}, op_kind::thread_exit);
  e.done(op_kind::thread_begin, begin, me.number, 0, event_outcome::none, 0);
  me.entry(me.argument);
  e.point(op_kind::thread_exit, end, me.number);
  e.done(op_kind::thread_exit, end, me.number, 0, event_outcome::none, 0);
  me.state = thread_state::ended;
  e.enabled_ = (e.enabled_ | e.yielded_) & ~(1U << slot);
  e.yielded_ = 0;
  if (--e.alive_ == 0) {
    e.run_quiescence();
    e.finish();
  }
  if (e.alive_ == 1) e.notify(e.joiner_, 0);
  e.pick_next(false);
  __builtin_trap();  // nobody picks a thread that ended
}

void join_others(site const& where) noexcept {
  engine& e = *the_engine;
  site_record& s = e.sites_.intern(where, op_kind::join);
  e.point(op_kind::join, s, 0);
  if (e.running_slot_ != 0) e.fail("harness", "harness: join_others is for thread 0", s.id);
  e.done(op_kind::join, s, 0, 0, event_outcome::none, 0);
  if (e.alive_ > 1) e.block(&e.joiner_, no_deadline, op_kind::join, s, 0);
  e.running_->run_at = 0;
  for (std::uint32_t u = 1; u < e.width_; ++u) {
    engine::thread& t = e.threads_[u];
    e.running_->hb.join(t.hb, e.width_);
    if (!t.knows_sc) continue;
    t.sc.elsewhere.at[u] = t.last_sc;
    e.learn_sc(*e.running_, t.sc);
  }
}

// nullptr: pooled_stacks_max are in use.
void* engine::stack_get(std::size_t bytes) noexcept {
  std::uint32_t spare = pooled_stacks_max;
  for (std::uint32_t i = 0; i < pool_size_; ++i) {
    if (pool_[i].used) continue;
    spare = i;
    if (pool_[i].memory.bytes() != bytes) continue;
    pool_[i].used = true;
    pool_[i].memory.renew();
    return pool_[i].memory.low();
  }
  if (pool_size_ == pooled_stacks_max) {
    if (spare == pooled_stacks_max) return nullptr;
    drop_pooled_stack(spare);  // of a size that nobody asks for now
  }
  void* const base =
      mmap(nullptr, bytes + page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  mprotect(base, page_bytes, PROT_NONE);
  pool_[pool_size_] = {stack_memory(static_cast<char*>(base) + page_bytes, bytes), true};
  return pool_[pool_size_++].memory.low();
}

void engine::stack_put(void* low) noexcept {
  for (std::uint32_t i = 0; i < pool_size_; ++i) {
    if (pool_[i].memory.low() == low) pool_[i].used = false;
  }
}

void engine::drop_pooled_stack(std::uint32_t index) noexcept {
  stack_memory const& gone = pool_[index].memory;
  floor::unpoison_stack(gone.low(), gone.bytes());
  munmap(gone.low() - page_bytes, gone.bytes() + page_bytes);
  pool_[index] = pool_[--pool_size_];
}

// Pages of a stack were given back: below what was used there is now something else than the fresh
// byte.
void engine::note_given_back(void const* low) noexcept {
  for (std::uint32_t i = 0; i < pool_size_; ++i) {
    if (pool_[i].memory.contains(low)) pool_[i].memory.all_used();
  }
}

namespace {

struct boundary {
  floor::guard guard;
  processor_fault* what;
};

}  // namespace

void* exchange_fault_boundary(void* next) noexcept { return std::exchange(the_engine->running_->fault_boundary, next); }

bool fault_boundary(void (*fn)(void*), void* argument, processor_fault& what) noexcept {
  boundary mine{{}, &what};
  void* const outer = exchange_fault_boundary(&mine);
  bool const returned = floor::guarded_call(mine.guard, fn, argument);
  exchange_fault_boundary(outer);
  return returned;
}

void raise_fault(processor_fault what) noexcept {
  auto* const b = static_cast<boundary*>(exchange_fault_boundary(nullptr));
  if (b == nullptr)
    the_engine->fail("crash", "crash: a fault that nobody contains",
                     the_engine->pending_[the_engine->running_slot_].site);
  *b->what = what;
  floor::give_up(b->guard);
}

}  // namespace retake::sim
