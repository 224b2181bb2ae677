#include "time/timer_heap.hpp"

#include <cstring>

#include "world/memory.hpp"
#include "world/require.hpp"

namespace retake {

timer_heap::~timer_heap() {
  if (entries_ != nullptr) world::deallocate(entries_, capacity_ * sizeof(timer));
}

void timer_heap::add(std::int64_t due_ns, goroutine& sleeper) noexcept {
  const locked hold(lock_);
  if (count_ == capacity_) grow();
  entries_[count_] = timer{due_ns, added_++, &sleeper};
  sift_up(count_++);
  first_due_ns_.store_relaxed(entries_[0].due_ns);
}

goroutine* timer_heap::take_due(std::int64_t now_ns) noexcept {
  const std::int64_t first_ns = first_due_ns_.load_relaxed();
  if (first_ns == 0 || first_ns > now_ns) return nullptr;
  const locked hold(lock_);
  if (!world::recheck(count_ > 0 && entries_[0].due_ns <= now_ns)) return nullptr;
  goroutine* const sleeper = entries_[0].sleeper;
  entries_[0] = entries_[--count_];
  if (count_ > 0) sift_down(0);
  first_due_ns_.store_relaxed(count_ > 0 ? entries_[0].due_ns : 0);
  return sleeper;
}

void timer_heap::sift_up(std::uint32_t at) noexcept {
  while (at > 0) {
    const std::uint32_t parent = (at - 1) / arity;
    if (!before(entries_[at], entries_[parent])) return;
    const timer moved = entries_[at];
    entries_[at] = entries_[parent];
    entries_[parent] = moved;
    at = parent;
  }
}

void timer_heap::sift_down(std::uint32_t at) noexcept {
  for (;;) {
    std::uint32_t least = at;
    for (std::uint32_t child = at * arity + 1; child <= at * arity + arity && child < count_; ++child) {
      if (before(entries_[child], entries_[least])) least = child;
    }
    if (least == at) return;
    const timer moved = entries_[at];
    entries_[at] = entries_[least];
    entries_[least] = moved;
    at = least;
  }
}

void timer_heap::grow() noexcept {
  const std::uint32_t capacity = capacity_ == 0 ? 8 : capacity_ * 2;
  timer* const entries = static_cast<timer*>(world::allocate(capacity * sizeof(timer)));
  if (entries == nullptr) world::fatal("runtime: cannot allocate memory for timers");
  if (count_ > 0) std::memcpy(entries, entries_, count_ * sizeof(timer));
  if (entries_ != nullptr) world::deallocate(entries_, capacity_ * sizeof(timer));
  entries_ = entries;
  capacity_ = capacity;
}

}  // namespace retake
