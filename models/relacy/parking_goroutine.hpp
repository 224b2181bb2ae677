// parking_goroutine.hpp: a goroutine of a model: its thread, which parks once and is readied once.
#pragma once

#include "model_main.hpp"

namespace retake {

struct goroutine {
  world::atomic<std::uint32_t> readied{0};

  void ready() {
    const std::uint32_t before = readied.fetch_add_release(1);
    world::require(before == 0, "G6: a goroutine is readied twice");
    world::futex_wake(readied, 1);
  }

  void park() {
    for (;;) {
      const std::uint32_t now = readied.load_acquire();
      if (now != 0) return;
      world::futex_wait(readied, 0);
    }
  }
};

}  // namespace retake
