#include "sim/checkers/watch.hpp"

#include <cstdio>
#include <new>

#include "sim/checkers/inspector.hpp"

namespace retake::checkers {

namespace {

struct watched {
  scheduler const* runtime = nullptr;  // known from its first commit to its last
  expectations what;
};

processor const* owner_of(scheduler const& s, void const* ghost) noexcept {
  for (processor const& p : inspector::made(s.processors)) {
    if (&p.holder == ghost) return &p;
  }
  return nullptr;
}

char const* name_of(processor_holder who) noexcept {
  switch (who) {
    case processor_holder::hand: return "in a hand";
    case processor_holder::machine: return "runs on";
    case processor_holder::call: return "in the call of";
    case processor_holder::idle_list: return "idle, put by";
    case processor_holder::stopped: return "stopped by";
  }
  return "?";
}

char const* name_of(goroutine_state state) noexcept {
  constexpr char const* names[] = {"dead", "runnable", "running", "in a system call", "waiting"};
  return names[static_cast<std::size_t>(state)];
}

// For the timeline: a lane per P and per goroutine.
void note_processor(processor const& p) noexcept {
  char text[40];
  machine const* const m = static_cast<machine const*>(sim::this_thread());
  std::snprintf(text, sizeof text, "%s M%u", name_of(p.holder.peek()), m != nullptr ? m->id : 0);
  sim::note_lane('P', p.id, text);
}

void note_goroutine(scheduler const& s, void const* ghost) noexcept {
  for (goroutine const* g = s.goroutines.peek(); g != nullptr; g = g->all_link.peek()) {
    if (&g->life == ghost) sim::note_lane('G', static_cast<std::uint32_t>(g->id), name_of(g->life.peek()));
  }
}

void committed(void* context, void const* ghost, char const* tag) noexcept {
  watched& w = *static_cast<watched*>(context);
  if (w.runtime == nullptr) {
    scheduler const* const s = inspector::home();
    if (s == nullptr || &s->phase != ghost) return;
    w.runtime = s;
  }
  scheduler const& s = *w.runtime;
  if (ghost == &s.phase && s.phase.peek() == 2) {
    check_rest(s, w.what);
    w.runtime = nullptr;
    return;
  }
  processor const* const p = ghost != nullptr ? owner_of(s, ghost) : nullptr;
  if (sim::recording()) {
    if (p != nullptr) {
      note_processor(*p);
    } else if (ghost != nullptr) {
      note_goroutine(s, ghost);
    }
  }
  if (tag != nullptr && tag[0] == 'G') return;  // a goroutine took an edge: its own assertion has looked
  check_ownership(s, p);
  check_threads(s);
}

void stands_still(void* context, std::int64_t until_ns) noexcept {
  watched& w = *static_cast<watched*>(context);
  if (w.runtime != nullptr) check_stillness(*w.runtime, sim::now_ns(), until_ns);
}

}  // namespace

void watch_runtime(expectations what) noexcept {
  void* const memory = sim::allocate(sizeof(watched), alignof(watched), sim::site::current());
  watched* const w = new (memory) watched{nullptr, what};
  sim::on_commit(committed, w);
  sim::on_stillness(stands_still, w);
}

}  // namespace retake::checkers
