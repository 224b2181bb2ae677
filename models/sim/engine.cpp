// engine.cpp: an execution from reset to result.
#include "sim/engine.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <stdexcept>

#include "switch/sanitizer.hpp"

extern "C" {
char const retake_world_sim = 1;
char const retake_the_one_world = 1;
}

namespace retake::sim {

engine* the_engine = nullptr;

namespace {

constexpr int crash_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr std::size_t page_bytes = 4096;

std::uint32_t ring_size(std::uint32_t history) {
  std::uint32_t n = 1;
  while (n < history) n *= 2;
  return n;
}

void on_crash(int signal) {
  engine* const e = the_engine;
  if (e == nullptr || e->crashing_) {  // not ours, or while we report the first
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    return;
  }
  e->crashing_ = true;
  e->crashed(signal);  // leaves this handler's stack for good; SA_NODEFER left the mask as it was
}

}  // namespace

// Takes the crash signals, on a stack of their own, for as long as an engine lives.
struct crash_watch {
  reserved_memory stack{256 * 1024};
  stack_t old_stack{};
  struct sigaction old[std::size(crash_signals)]{};

  crash_watch() {
    stack_t s{};
    s.ss_sp = stack.as<void>();
    s.ss_size = stack.bytes();
    sigaltstack(&s, &old_stack);
    struct sigaction a {};
    a.sa_handler = &on_crash;
    a.sa_flags = SA_ONSTACK | SA_NODEFER;
    for (std::size_t i = 0; i < std::size(crash_signals); ++i) sigaction(crash_signals[i], &a, &old[i]);
  }
  ~crash_watch() {
    for (std::size_t i = 0; i < std::size(crash_signals); ++i) sigaction(crash_signals[i], &old[i], nullptr);
    if (old_stack.ss_sp == nullptr) old_stack.ss_flags = SS_DISABLE;
    sigaltstack(&old_stack, nullptr);
  }
};

engine::engine(options const& o) : options_(o), watch_(std::make_unique<crash_watch>()) {
  if (o.history < 1 || o.history > history_max) throw std::invalid_argument("history");
  c11_ = o.memory == memory_mode::c11;
  history_ = c11_ ? o.history : 1;
  keeps_sc_ = history_ > 1;
  ring_mask_ = ring_size(history_) - 1;
  sites_.set_mutant(o.mutate);
  events_.reserve(sizeof(event) * events_max);
  choices_.reserve(sizeof(choice_record) * choices_max);
  locations_.reserve(sizeof(location) * (objects_max + 1));
  entries_.reserve(ring_bytes() * (objects_max + 1));
  operations_.reserve(sizeof(sc_operation) * (sc_operations_max + 1));
  records_.reserve(sizeof(sc_record) * (ring_bytes() * (objects_max + 1) / sizeof(store_entry) + 1));
  reversals_.reserve(sizeof(sc_reversal) * (sc_reversals_max + 1));
  plains_.reserve(sizeof(plain_record) * (objects_max + 1));
  texts_.reserve(texts_bytes);
  places_.reserve(sizeof(std::uint32_t) * (arena::bytes_max / stretch_bytes));
  stacks_.reserve(threads_max * (thread_stack_bytes + page_bytes));
  for (std::uint32_t u = 0; u < threads_max; ++u) {
    mprotect(stacks_.as<char>() + u * (thread_stack_bytes + page_bytes), page_bytes, PROT_NONE);
    threads_[u].state = thread_state::unused;
  }
  width_ = 0;
}

engine::~engine() {
  release_slots();
  while (pool_size_ > 0) drop_pooled_stack(pool_size_ - 1);
}

void engine::release_slots() noexcept {
  for (std::uint32_t u = 0; u < width_; ++u) {
    floor::retire_context(threads_[u].context);
    threads_[u].state = thread_state::unused;
  }
  width_ = 0;
}

// Proportional to what the last execution used.
void engine::reset(scenario const& s, chooser& c) noexcept {
  release_slots();
  running_ = nullptr;
  running_slot_ = 0;
  enabled_ = yielded_ = paused_ = 0;
  steps_ = 0;
  chaos_end_ = s.chaos_steps;
  heal_end_ = s.heal_steps < UINT32_MAX - s.chaos_steps ? s.chaos_steps + s.heal_steps : UINT32_MAX;
  if (s.steps_max != 0 && s.steps_max < chaos_end_) chaos_end_ = s.steps_max;
  looked_at_ = still_step_ = 0;
  still_asked_ns_ = no_deadline;
  look_at_ = std::min(chaos_end_, look_steps);
  now_ns_ = 0;
  wall_step_ns_ = 0;
  deliver_signals_ = nullptr;
  earliest_ns_ = no_deadline;
  hash_ = 0;
  event_next_ = choice_next_ = 0;
  chooser_ = &c;
  healing_ = crashing_ = false;
  locations_used_ = plains_used_ = objects_made_ = elsewhere_ = 0;
  operations_used_ = reversals_used_ = sc_version_ = 0;
  placements_left_ = options_.placements_max;
  weak_failures_left_ = options_.weak_failures_max;
  lonely_ = slice_ = numbers_ = alive_ = 0;
  only_yielded_ = in_vain_ = told_to_give_up_ = 0;
  alone_.active = false;
  give_ups_left_ = options_.give_ups_max;
  faults_left_ = options_.fault_budget;
  alarms_ = rings_ = still_rings_ = looked_ring_ = quiescence_count_ = 0;
  text_next_ = 0;
  joiner_ = {};
  commit_ = nullptr;
  commit_context_ = nullptr;
  still_ = nullptr;
  still_context_ = nullptr;
  for (void*& u : user_) u = nullptr;
  scenario_ = &s;
  result_ = {};
  if (arena_.used() != 0)
    std::memset(places_.as<void>(), 0, sizeof(std::uint32_t) * (arena_.used() / stretch_bytes + 1));
  arena_.reset();
  live_allocations_ = 0;
  for (std::uint32_t i = 0; i < pool_size_; ++i) { pool_[i].used = false; }
}

execution const& engine::run(scenario const& s, chooser& c) {
  reset(s, c);
  engine* const outer = the_engine;
  the_engine = this;
  auto const body = [](void* argument) { static_cast<scenario const*>(argument)->body(); };
  start_thread(body, const_cast<scenario*>(&s), sites_.intern({"", 1, "scenario"}, op_kind::thread_start));
  running_ = &threads_[0];
  floor::adopt_thread_context(host_);
  floor::switch_context(host_, running_->context);
  floor::retire_context(host_);
  the_engine = outer;
  result_.hash = hash_;
  result_.steps = steps_;
  result_.choices = choice_next_;
  result_.threads = numbers_;
  return result_;
}

std::uint32_t engine::event_count() const noexcept { return event_next_ < events_max ? event_next_ : events_max; }

event const& engine::event_at(std::uint32_t i) const noexcept {
  std::uint32_t const first = event_next_ < events_max ? 0 : event_next_;
  return events_.as<event>()[(first + i) & (events_max - 1)];
}

}  // namespace retake::sim
