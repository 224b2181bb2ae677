// Goal: an alarm that is not dead. This program MUST be reported by ASan: it recurses into the
// guard below a context's stack.
#include <cstdlib>

#include "switch/context.hpp"
#include "switch/stack.hpp"

using namespace retake::floor;

__attribute__((noinline)) static int recurse(int depth) {
  volatile char frame[256];
  frame[0] = static_cast<char>(depth);
  return depth == 0 ? 0 : recurse(depth - 1) + frame[0];
}

int main() {
  stack_slab slab;
  if (slab.create({.count = 2, .stack_bytes = 64 * 1024, .mapping_budget = 100}) != 0) std::_Exit(0);
  static context main_context;
  static context self;
  adopt_thread_context(main_context);
  make_context(
      self, slab.stack(1).low, slab.stack(1).bytes,
      [](void*) {
        recurse(1 << 20);
        switch_final(self, main_context);
      },
      nullptr);
  switch_context(main_context, self);
}
