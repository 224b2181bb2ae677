// thread_sites.hpp: which calls made threads necessary, counted where a thread is made.
//
// Recipe.    At that moment the goroutine to be charged sits in its call: its call_site is taken.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "observe/call_site.hpp"
#include "protocol/spin_lock.hpp"
#include "thread/lock_sites.hpp"

namespace retake::observe {

class thread_sites {
 public:
  struct site {
    call_site from;
    lock_site ended;  // in place of a stack: where one that ended locked had locked
    std::uint64_t created = 0, live = 0;
  };

  thread_sites() : sites_(1) {}

  // A thread is about to be made because of `charged`, else of who locked at `ended` and ended so,
  // else of nobody: where to report its end. Any thread, without locks.
  [[nodiscard]] site* made(goroutine const* charged, lock_site ended);
  void ended(site* where) noexcept;
  [[nodiscard]] std::vector<site> all();

 private:
  spin_lock lock_;
  std::deque<site> sites_;  // the first is the runtime's own; they do not move
};

}  // namespace retake::observe
