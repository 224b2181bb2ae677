// Goal: an alarm that is not dead. This program MUST be reported by TSan: two contexts on two OS
// threads write one variable, and nothing orders them.
#include <thread>

#include "strand.hpp"

static int shared = 0;

static void write_from_a_context() {
  retake::floor::thread_context me;
  retake::floor::strand s([](retake::floor::strand& mine) {
    mine.pause();
    ++shared;
  });
  s.resume(me);
  s.resume(me);
}

int main() {
  std::thread a(write_from_a_context);
  std::thread b(write_from_a_context);
  a.join();
  b.join();
}
