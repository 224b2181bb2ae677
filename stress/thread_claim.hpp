// thread_claim.hpp: a goroutine that is locked to its thread writes its name on it; whoever else
// finds it there runs where it must not.
#pragma once

#include <cstdint>

#include "hammer.hpp"
#include "load.hpp"

namespace retake::stress {

// A locked goroutine's claim on its thread.
class thread_claim {
 public:
  thread_claim(load& l, std::uint64_t name) : load_(l), name_(name), thread_(kernel_thread()) {
    if (thread_word() != 0) load_.out.found("L2: a goroutine locks itself to a thread that is another's");
    set_thread_word(name_);
  }
  ~thread_claim() {
    check();
    if (!leaves_it_) set_thread_word(0);
  }
  thread_claim(thread_claim const&) = delete;
  thread_claim& operator=(thread_claim const&) = delete;

  // After each call of the runtime.
  void check() {
    if (kernel_thread() != thread_) load_.out.found("L2: a locked goroutine runs on another thread");
    if (thread_word() != name_) load_.out.found("L2: another goroutine has run on a locked thread");
    load_.touch();
  }
  // The goroutine ends locked: its name stays, and the thread must not.
  void leave() noexcept { leaves_it_ = true; }

 private:
  load& load_;
  std::uint64_t const name_;
  std::uint64_t const thread_;
  bool leaves_it_ = false;
};

// By a goroutine that is locked to nothing.
inline void check_no_claim(load& l) {
  if (thread_word() != 0)
    l.out.found(
        "L2: a goroutine that is locked to nothing runs on a locked thread, or on one whose goroutine ended locked");
  l.touch();
}

}  // namespace retake::stress
