// Goal: an alarm that is not dead. This program MUST be reported by ASan
// (detect_stack_use_after_return=1): a context parks, comes back to its own fake stack, and follows
// a pointer into a frame that has returned.
#include "strand.hpp"

static volatile int* escaped = nullptr;

__attribute__((noinline)) static void let_escape() {
  volatile int local = 42;
  escaped = &local;
}

int main() {
  retake::floor::thread_context me;
  retake::floor::strand s([](retake::floor::strand& mine) {
    let_escape();
    mine.pause();
    *escaped = 1;
  });
  s.resume(me);
  s.resume(me);
}
