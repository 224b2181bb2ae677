#include "time/timer_heap.hpp"

#include <cstring>

#include "world/memory.hpp"
#include "world/require.hpp"

namespace retake {

timer_heap::~timer_heap() {
  if (entries_ != nullptr) world::deallocate(entries_, capacity_ * sizeof(entry));
}

bool timer_heap::put(runtime_timer& t, std::int64_t due_ns) noexcept {
  if (count_ == capacity_) grow();
  sift(count_++, entry{due_ns, added_++, &t});
  return first_changed();
}

bool timer_heap::move(runtime_timer& t, std::int64_t due_ns) noexcept {
  sift(t.place_.get(), entry{due_ns, added_++, &t});
  return first_changed();
}

void timer_heap::take_out(runtime_timer& t) noexcept {
  const std::uint32_t at = t.place_.get();
  world::require(at < count_ && entries_[at].timer == &t, "V3: a timer is not where it is said to be");
  const entry last = entries_[--count_];
  if (at != count_) sift(at, last);
  static_cast<void>(first_changed());
  t.home_.leave();
}

bool timer_heap::run_one(std::int64_t now_ns) noexcept {
  const std::int64_t first_ns = first_due_ns_.load_relaxed();
  if (first_ns == 0 || first_ns > now_ns) return false;
  runtime_timer* due = nullptr;
  {
    const locked hold(lock);
    if (!world::recheck(count_ > 0 && entries_[0].due_ns <= now_ns)) return false;
    due = entries_[0].timer;
    take_out(*due);
  }
  due->run_(*due, now_ns);
  return true;
}

// What a timer lets go of may stop others.
void timer_heap::end() noexcept {
  while (count_ > 0) {
    runtime_timer& last = *entries_[count_ - 1].timer;
    static_cast<void>(last.stop());
    last.let_go_(last);
  }
}

void timer_heap::move_all_to(timer_heap& heir) noexcept {
  const locked hold(lock);
  const locked hold_heir(heir.lock);
  while (count_ > 0) {
    const entry last = entries_[count_ - 1];
    take_out(*last.timer);
    const bool entered = last.timer->home_.enter(heir);
    world::require(entered, "V3: a timer is started while the world is stopped");
    static_cast<void>(heir.put(*last.timer, last.due_ns));
  }
}

void timer_heap::set(std::uint32_t at, entry const& e) noexcept {
  entries_[at] = e;
  e.timer->place_.set(at);
}

// `at` is a hole, `e` goes where it belongs: up or down from there.
void timer_heap::sift(std::uint32_t at, entry const& e) noexcept {
  while (at > 0) {
    const std::uint32_t parent = (at - 1) / arity;
    if (!before(e, entries_[parent])) break;
    set(at, entries_[parent]);
    at = parent;
  }
  for (;;) {
    const std::uint32_t begin = at * arity + 1;
    const std::uint32_t end = begin + arity < count_ ? begin + arity : count_;
    std::uint32_t least = begin;
    for (std::uint32_t child = begin + 1; child < end; ++child) {
      if (before(entries_[child], entries_[least])) least = child;
    }
    if (least >= end || !before(entries_[least], e)) break;
    set(at, entries_[least]);
    at = least;
  }
  set(at, e);
}

// Publishes when the first is due; true: it is earlier than before.
bool timer_heap::first_changed() noexcept {
  const std::int64_t before_ns = first_due_ns_.load_relaxed();
  const std::int64_t now_ns = count_ > 0 ? entries_[0].due_ns : 0;
  if (now_ns == before_ns) return false;
  first_due_ns_.store_relaxed(now_ns);
  return now_ns != 0 && (before_ns == 0 || now_ns < before_ns);
}

void timer_heap::grow() noexcept {
  const std::uint32_t capacity = capacity_ == 0 ? 8 : capacity_ * 2;
  entry* const entries = static_cast<entry*>(world::allocate(capacity * sizeof(entry)));
  if (entries == nullptr) world::fatal("runtime: cannot allocate memory for timers");
  if (count_ > 0) std::memcpy(entries, entries_, count_ * sizeof(entry));
  if (entries_ != nullptr) world::deallocate(entries_, capacity_ * sizeof(entry));
  entries_ = entries;
  capacity_ = capacity;
}

}  // namespace retake
