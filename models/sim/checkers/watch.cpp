#include "sim/checkers/watch.hpp"

#include <new>

#include "sim/checkers/inspector.hpp"

namespace retake::checkers {

namespace {

struct watched {
  scheduler const* runtime = nullptr;  // known from its first commit to its last
  expectations what;
};

processor const* owner_of(scheduler const& s, void const* ghost) noexcept {
  for (std::uint32_t i = 0; i < s.processor_count; ++i) {
    if (&s.processors[i]->holder == ghost) return s.processors[i];
  }
  return nullptr;
}

void committed(void* context, void const* ghost, char const*) noexcept {
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
  check_ownership(s, ghost != nullptr ? owner_of(s, ghost) : nullptr);
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
