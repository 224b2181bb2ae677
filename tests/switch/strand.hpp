// strand.hpp: the tests' smallest user of the floor: one context, its stack, and a way to and fro.
//
// Problem.   Each test needs a stack, a context, a caller to return to, and cleaning up; a failing
//            one must not leave half of it.
// Rejected.  A scheduler: then the tests would test that.
// Recipe.    resume(caller) runs the body until it calls pause() or ends; the caller is whoever
//            resumed last, on any OS thread.
// Fields.    as named; touched by the side that runs.
// Not promised: destructors of an abandoned body.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "switch/context.hpp"

namespace retake::floor {

class strand {
 public:
  explicit strand(std::function<void(strand&)> body, std::size_t bytes = 256 * 1024)
      : body_(std::move(body)), stack_(new char[bytes]) {
    make_context(self_, stack_.get(), bytes, &strand::run, this);
  }
  strand(const strand&) = delete;
  strand& operator=(const strand&) = delete;
  ~strand() { retire_context(self_); }

  void resume(context& caller) {
    caller_ = &caller;
    switch_context(caller, self_);
  }
  void pause() { switch_context(self_, *caller_); }
  bool ended() const { return ended_; }
  context& self() { return self_; }

 private:
  static void run(void* raw) {
    auto& me = *static_cast<strand*>(raw);
    me.body_(me);
    me.ended_ = true;
    switch_final(me.self_, *me.caller_);
  }

  std::function<void(strand&)> body_;
  std::unique_ptr<char[]> stack_;
  context self_;
  context* caller_ = nullptr;
  bool ended_ = false;
};

// The running thread as a context, for the length of a test.
struct thread_context : context {
  thread_context() { adopt_thread_context(*this); }
  ~thread_context() { retire_context(*this); }
};

}  // namespace retake::floor
