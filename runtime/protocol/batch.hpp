// batch.hpp: a list of goroutines on their way from one owner to the next: what a full run queue
// gives away, what the poller found, what the global queue hands out. No protocol of its own: its
// owner alone touches it.
#pragma once

#include <cstdint>

namespace retake {

// Linked through T::link, a plain pointer; owned by one thread.
template <class T>
struct batch {
  T* first = nullptr;
  T* last = nullptr;
  std::uint32_t count = 0;

  void push_back(T* item) noexcept {
    item->link.set(nullptr);
    if (last == nullptr) {
      first = item;
    } else {
      last->link.set(item);
    }
    last = item;
    ++count;
  }

  [[nodiscard]] T* pop_front() noexcept {
    T* const item = first;
    if (item == nullptr) return nullptr;
    first = item->link.get();
    if (first == nullptr) last = nullptr;
    item->link.set(nullptr);
    --count;
    return item;
  }
};

}  // namespace retake
