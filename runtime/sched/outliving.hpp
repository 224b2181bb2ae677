// outliving.hpp: objects that belong to a program and may outlive it: each hears of its end.
//
// Problem.   A file, a socket, a pool of workers or a gate reaches into the scheduler that it was
//            made under: its poller, its rings, its lock. Its owner may be a static variable, or a
//            goroutine of the next program.
// Rejected.  A scheduler that lives until its last object: run() would return and leave its
//            descriptors and memory behind. A look at each call whether the scheduler is still
//            there: the object that is looked at has to outlive it as well, and each call pays.
// Recipe.    Such an object is in a list of its scheduler from its construction to its destruction.
//            The end of the program takes all out of the list and calls program_ended() of each,
//            when every thread has exited and no abandoned goroutine is in any queue. The object
//            gives up there what it had of the scheduler, and what abandoned goroutines had of it.
//
// Fields.    The links: under the list's lock. home_: written when no other thread knows the
//            object.
// Checked by scenario objects_end_with_their_program, tests/runtime/io/outliving_test.cpp,
//            patches rm1 to rm8.
#pragma once

#include "protocol/spin_lock.hpp"

namespace retake {

class outliving_list;

class outliving {
 public:
  // On the only thread that is left. The object may end in it.
  using function = void (*)(outliving& self) noexcept;

  outliving(outliving_list& home, function program_ended) noexcept;
  ~outliving();
  outliving(outliving const&) = delete;
  outliving& operator=(outliving const&) = delete;

  [[nodiscard]] bool program_has_ended() const noexcept { return home_ == nullptr; }

 private:
  friend class outliving_list;

  function const program_ended_;
  outliving_list* home_;
  outliving* next_;
  outliving* previous_;
};

class outliving_list {
 public:
  // The program has ended, and so has every other thread.
  void end() noexcept {
    while (outliving* const one = first_) {
      remove(*one);
      one->home_ = nullptr;
      one->program_ended_(*one);
    }
  }

 private:
  friend class outliving;

  void add(outliving& one) noexcept {
    const locked hold(lock_);
    one.next_ = first_;
    if (first_ != nullptr) first_->previous_ = &one;
    first_ = &one;
  }
  void remove(outliving& one) noexcept {
    const locked hold(lock_);
    if (one.next_ != nullptr) one.next_->previous_ = one.previous_;
    (one.previous_ != nullptr ? one.previous_->next_ : first_) = one.next_;
  }

  spin_lock lock_;
  outliving* first_ = nullptr;
};

inline outliving::outliving(outliving_list& home, function program_ended) noexcept
    : program_ended_(program_ended), home_(&home), next_(nullptr), previous_(nullptr) {
  home.add(*this);
}

inline outliving::~outliving() {
  if (home_ != nullptr) home_->remove(*this);
}

}  // namespace retake
