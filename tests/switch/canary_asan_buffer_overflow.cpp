// Goal: an alarm that is not dead. This program MUST be reported by ASan: it writes past a local
// array, on a context's stack.
#include "strand.hpp"

__attribute__((noinline)) static void write_at(volatile char* array, int index) { array[index] = 1; }

int main() {
  retake::floor::thread_context me;
  retake::floor::strand s([](retake::floor::strand& mine) {
    volatile char array[16] = {};
    mine.pause();
    write_at(array, 16);
  });
  s.resume(me);
  s.resume(me);
}
