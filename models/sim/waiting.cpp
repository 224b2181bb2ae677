// waiting.cpp: the calls that sleep, spin, read the clock, start threads or draw a value; and the
// simulated kernel's toolbox.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sim/engine.hpp"

namespace retake::sim {

namespace {

engine& current(site const& where) noexcept {
  if (the_engine == nullptr) [[unlikely]] {
    std::fprintf(stderr, "retake sim: a world operation outside of an execution (%s:%u in %s)\n", where.file,
                 where.line, where.function);
    std::abort();
  }
  return *the_engine;
}

constexpr std::int64_t midnight_ns = 1'700'000'000LL * 1'000'000'000LL;
constexpr std::int64_t hour_ns = 3'600'000'000'000;

}  // namespace

wait_result futex_wait(void const* object, std::uint32_t number, std::uint32_t expected, std::int64_t deadline_ns,
                       site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, op_kind::futex_wait);
  s.may_time_out |= deadline_ns != no_deadline;
  e.point(op_kind::futex_wait, s, e.find(object, number, where, op_kind::futex_wait).id);
  location& l = e.find(object, number, where, op_kind::futex_wait);
  std::uint16_t const id = l.id;
  store_entry& newest = e.entry_at(l, l.newest);
  e.touch(l);
  if (e.c11_ && newest.first_seen[e.running_slot_] == never)
    newest.first_seen[e.running_slot_] = e.running_->hb.at[e.running_slot_];
  if (e.operations_used_ != 0) e.read_sc(l, l.newest, order::relaxed);
  e.running_->run_at = 0;
  e.forget_loop();
  if (newest.value != expected) {
    ++s.outcomes[1];
    e.done(op_kind::futex_wait, s, id, newest.value, event_outcome::changed, 0);
    return wait_result::changed;
  }
  e.done(op_kind::futex_wait, s, id, expected, event_outcome::none, 0);
  if (e.strike(fault_kind::spurious, where)) {
    ++s.outcomes[3];
    e.done(op_kind::futex_resume, s, id, 0, event_outcome::woken, 1);
    return wait_result::woken;
  }
  if (e.deliver()) {  // the signal came before the sleep: there is none
    ++s.outcomes[3];
    e.done(op_kind::futex_resume, s, id, 0, event_outcome::woken, 2);
    return wait_result::woken;
  }
  wait_result const how = e.block(&l.waiters, deadline_ns, op_kind::futex_wait, s, id);
  bool const interrupted = e.running_->interrupted;
  ++s.outcomes[how == wait_result::timed_out ? 2 : interrupted ? 3 : 0];
  e.done(op_kind::futex_resume, s, id, 0,
         how == wait_result::timed_out ? event_outcome::timed_out : event_outcome::woken, 0);
  if (interrupted) e.deliver();
  return how;
}

void futex_wake(void const* object, std::uint32_t number, std::uint32_t count, site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, op_kind::futex_wake);
  location& l = e.find(object, number, where, op_kind::futex_wake);
  e.point(op_kind::futex_wake, s, l.id);
  e.forget_loop();
  if (l.dead) {  // the kernel gets an address, not the word: whoever released it may have freed it meanwhile (a lock in
                 // a freed object)
    e.done(op_kind::futex_wake, s, l.id, 0, event_outcome::none, 0);
    return;
  }
  std::uint32_t woken = 0;
  if (s.mutate != mutation::drop) {
    while (woken < count && l.waiters.count > 0) {
      std::uint32_t which = 0;
      if (l.waiters.count > 1 && e.strike(fault_kind::futex_order, where)) {
        which = 1 + e.decide_value(choice_kind::named, l.waiters.count - 1U, op_kind::futex_wake, s, "futex_order");
      }
      e.notify(l.waiters, which);
      ++woken;
    }
  }
  e.done(op_kind::futex_wake, s, l.id, woken, event_outcome::none, woken);
}

// No choice point: part of the step before it.
void futex_rouse(void const* object, std::uint32_t number) noexcept {
  engine& e = current(site::current());
  location& l = e.find(object, number, site::current(), op_kind::futex_wake);
  while (e.notify(l.waiters, 0)) {}
}

void pause(site const& where) noexcept {
  engine& e = current(where);
  e.spin(e.sites_.intern(where, op_kind::pause));
}

void* this_thread() noexcept { return the_engine == nullptr ? nullptr : the_engine->running_->slot; }

void set_this_thread(void* value) noexcept { current(site::current()).running_->slot = value; }

std::uint64_t thread_id() noexcept { return the_engine == nullptr ? 0 : the_engine->running_->number; }

int thread_start(void (*entry)(void*), void* argument, site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, op_kind::thread_start);
  e.point(op_kind::thread_start, s, e.numbers_);
  e.forget_loop();
  std::uint32_t const number = e.numbers_;
  if (e.strike(fault_kind::eagain_thread, where)) {
    e.done(op_kind::thread_start, s, number, 0, event_outcome::failed, 1);
    return -EAGAIN;
  }
  e.start_thread(entry, argument, s);
  e.done(op_kind::thread_start, s, number, number, event_outcome::none, 0);
  return 0;
}

std::int64_t nanotime(site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, op_kind::clock);
  e.point(op_kind::clock, s, 0);
  e.running_->read_clock = true;
  std::int64_t const now = e.now_ns_;
  e.done(op_kind::clock, s, 0, static_cast<std::uint64_t>(now), event_outcome::none, static_cast<std::uint64_t>(now));
  return now;
}

std::int64_t walltime(site const& where) noexcept {
  engine& e = current(where);
  if (e.strike(fault_kind::clock_step, where)) step_wall_clock(e.now_ns_ % 2 == 0 ? hour_ns : -hour_ns);
  return midnight_ns + e.wall_step_ns_ + nanotime(where);
}

void step_wall_clock(std::int64_t by_ns) noexcept {
  if (the_engine != nullptr) the_engine->wall_step_ns_ += by_ns;
}

void sleep_until(std::int64_t deadline_ns, site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, op_kind::sleep);
  e.point(op_kind::sleep, s, 0);
  e.done(op_kind::sleep, s, 0, static_cast<std::uint64_t>(deadline_ns), event_outcome::none,
         static_cast<std::uint64_t>(deadline_ns));
  e.deliver();
  while (e.block(nullptr, deadline_ns, op_kind::sleep, s, 0) != wait_result::timed_out)
    e.deliver();  // bound: the deadline is absolute
}

std::uint32_t random_below(std::uint32_t n, site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, op_kind::random);
  ++s.reached;
  std::uint32_t const value = e.decide_value(choice_kind::random, n, op_kind::random, s, "random");
  e.done(op_kind::random, s, 0, value, event_outcome::none, value);
  return value;
}

std::uint32_t choose(char const* kind, std::uint32_t n, site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, op_kind::named);
  ++s.reached;
  std::uint32_t const value = e.decide_value(choice_kind::named, n, op_kind::named, s, kind);
  e.done(op_kind::named, s, 0, value, event_outcome::none, value);
  return value;
}

bool running() noexcept { return the_engine != nullptr; }

void op(op_kind kind, std::uint32_t object_id, site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, kind);
  e.point(kind, s, object_id);
  e.forget_loop();
  e.done(kind, s, object_id, 0, event_outcome::none, 0);
}

void outcome(std::uint64_t value) noexcept {
  engine& e = current(site::current());
  e.hash_ = (e.hash_ ^ value) * 0x9e3779b97f4a7c15ULL;
  if (e.event_next_ > 0) e.events_.as<event>()[(e.event_next_ - 1) & (engine::events_max - 1)].value = value;
}

std::int64_t now_ns() noexcept { return the_engine == nullptr ? 0 : the_engine->now_ns_; }

bool fault(fault_kind kind, site const& where) noexcept { return current(where).strike(kind, where); }

std::uint32_t faults_struck() noexcept { return the_engine == nullptr ? 0 : the_engine->result_.faults; }

bool healing() noexcept { return the_engine != nullptr && the_engine->steps_ >= the_engine->chaos_end_; }

wait_result wait(wait_list& list, std::int64_t deadline_ns, op_kind kind, std::uint32_t object_id,
                 site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, kind);
  wait_result const how = e.block(&list, deadline_ns, kind, s, object_id);
  e.done(op_kind::futex_resume, s, object_id, 0,
         how == wait_result::timed_out ? event_outcome::timed_out : event_outcome::woken, 0);
  return how;
}

std::uint32_t notify_one(wait_list& list) noexcept { return the_engine->notify(list, 0) ? 1 : 0; }

void on_interruption(bool (*deliver)()) noexcept { current(site::current()).deliver_signals_ = deliver; }

bool interrupt_sleeper(std::uint64_t thread) noexcept {
  return current(site::current()).interrupt(static_cast<std::uint32_t>(thread));
}

std::uint32_t notify_all(wait_list& list) noexcept {
  std::uint32_t n = 0;
  while (the_engine->notify(list, 0)) ++n;
  return n;
}

bool alarm(std::int64_t deadline_ns, hook call, void* context) noexcept {
  engine& e = current(site::current());
  if (e.alarms_ == engine::alarms_max) return false;
  e.alarm_[e.alarms_++] = {deadline_ns, call, context, e.rings_};
  if (deadline_ns < e.earliest_ns_) e.earliest_ns_ = deadline_ns;
  return true;
}

void cancel_alarms(void* context) noexcept {
  engine& e = current(site::current());
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < e.alarms_; ++i) {
    if (e.alarm_[i].context != context) e.alarm_[kept++] = e.alarm_[i];
  }
  e.alarms_ = kept;
  e.recompute_earliest();
}

void end_execution(site const& where) noexcept {
  engine& e = current(where);
  e.run_quiescence();
  e.finish();
}

void on_commit(commit_hook call, void* context) noexcept {
  engine& e = current(site::current());
  e.commit_ = call;
  e.commit_context_ = context;
}

void on_stillness(still_hook call, void* context) noexcept {
  engine& e = current(site::current());
  e.still_ = call;
  e.still_context_ = context;
}

void at_quiescence(hook call, void* context) noexcept {
  engine& e = current(site::current());
  if (e.quiescence_count_ == engine::quiescence_hooks_max)
    e.fail("bound", "bound: more quiescence hooks than quiescence_hooks_max", 0);
  e.quiescence_[e.quiescence_count_++] = {call, context};
}

void remove_quiescence(void* context) noexcept {
  engine* const e = the_engine;
  if (e == nullptr) return;
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < e->quiescence_count_; ++i) {
    if (e->quiescence_[i].context != context) e->quiescence_[kept++] = e->quiescence_[i];
  }
  e->quiescence_count_ = kept;
}

void quiescence() noexcept { current(site::current()).run_quiescence(); }

void*& slot(user_slot which) noexcept { return current(site::current()).user_[static_cast<std::size_t>(which)]; }

bool recording() noexcept { return the_engine != nullptr && the_engine->record_texts_; }

void note_lane(char kind, std::uint32_t id, char const* text) noexcept {
  if (the_engine != nullptr)
    the_engine->put_text(op_kind::note, static_cast<std::uint16_t>(kind), id, text, std::strlen(text));
}

}  // namespace retake::sim
