#include "sim/checkers/watch.hpp"

#include <cstdio>
#include <new>

#include "sim/checkers/inspector.hpp"
#include "sim/checkers/table.hpp"

namespace retake::checkers {

namespace {

struct watched {
  scheduler const* runtime = nullptr;  // known from its first commit to its last
  expectations what;
  memory remembered;

  void ask(moment when, processor const* changed, std::int64_t until_ns) noexcept {
    look const at{*runtime, when, changed, until_ns, what, remembered};
    for (row const& r : table) {
      if ((r.moments & when) != 0) r.ask(at);
    }
  }
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

// The waits that this commit ends.
void forget(watched& w, void const* ghost, processor const* p) noexcept {
  memory& all = w.remembered;
  if (p != nullptr) {
    all.in_call[p->id].forget();
    all.poll.forget();
    if (inspector::idle_count(w.runtime->idle) == 0) all.work.forget();
  }
  if (ghost == inspector::poll_commits(w.runtime->polling)) all.poll.forget();
  for (wait_clock* const c : {&all.work, &all.reader}) {
    if (c->key() != 0 && ghost == &reinterpret_cast<goroutine const*>(c->key())->life) c->forget();
  }
}

// A thread could not be made and is tried again (the fault eagain_thread): a P is on its way with
// no thread to carry it.
bool thread_is_due(scheduler const& s) noexcept {
  return s.next_machine_id.peek() - 1 > s.paths.threads_started.value.peek();
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
    w.ask(at_rest, nullptr, 0);
    w.runtime = nullptr;
    return;
  }
  if (ghost == nullptr) {
    w.ask(at_step, nullptr, 0);
    return;
  }
  processor const* const p = owner_of(s, ghost);
  forget(w, ghost, p);
  if (sim::recording()) {
    if (p != nullptr) {
      note_processor(*p);
    } else {
      note_goroutine(s, ghost);
    }
  }
  if (tag != nullptr && tag[0] == 'G') {  // a goroutine took an edge: its own assertion has looked
    remember_records(s, w.remembered);
    return;
  }
  w.ask(at_commit, p, 0);
}

void stands_still(void* context, std::int64_t until_ns) noexcept {
  watched& w = *static_cast<watched*>(context);
  if (w.runtime == nullptr) return;
  scheduler const& s = *w.runtime;
  if (inspector::stopping(s.stop) || s.ending.peek() != 0 || thread_is_due(s)) return;
  w.ask(at_stillness, nullptr, until_ns);
}

}  // namespace

void watch_runtime(expectations what) noexcept {
  void* const memory = sim::allocate(sizeof(watched), alignof(watched), sim::site::current());
  watched* const w = new (memory) watched{nullptr, what, {}};
  sim::on_commit(committed, w);
  sim::on_stillness(stands_still, w);
}

}  // namespace retake::checkers
