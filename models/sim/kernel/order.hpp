// order.hpp: happens-before that goes through the simulated kernel.
//
// Problem.   A pipe carries bytes, and with them everything its writer did before. Without that the sim would report races that neither
//            hardware nor TSan knows.
// Recipe.    publish() joins what the caller did up to this system call into the object's clock, observe() joins that into the caller.
//            The call's own epoch has ended when its body runs (sim::op), so that the caller's component is one less than its present
//            epoch: plain touches behind the call are not published.
//
// Checked by tests/sim_kernel/kernel_order_test.cpp.
#pragma once

#include "sim/engine.hpp"

namespace retake::sim::kernel {

struct published {
  vector_clock hb;
  vector_clock fence_view;
  std::uint32_t fence_position = 0;
  bool has_view = false;

  published() noexcept {
    hb.clear();
    fence_view.clear();
  }
};

inline void publish(published& p) noexcept {
  engine& e = *the_engine;
  engine::thread const& me = *e.running_;
  std::uint32_t const slot = e.running_slot_;
  vector_clock mine = me.hb;
  --mine.at[slot];
  p.hb.join(mine, e.width_);
  if (!me.has_view) return;
  p.has_view = true;
  p.fence_view.join(me.fence_view, e.width_);
  if (me.fence_position > p.fence_position) p.fence_position = me.fence_position;
}

inline void observe(published const& p) noexcept {
  engine& e = *the_engine;
  engine::thread& me = *e.running_;
  me.hb.join(p.hb, e.width_);
  if (!p.has_view) return;
  if (!me.has_view) {
    me.has_view = true;
    me.fence_view.clear();
    me.fence_position = 0;
  }
  me.fence_view.join(p.fence_view, e.width_);
  if (p.fence_position > me.fence_position) me.fence_position = p.fence_position;
}

}  // namespace retake::sim::kernel
