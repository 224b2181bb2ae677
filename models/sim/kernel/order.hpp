// order.hpp: happens-before that goes through the simulated kernel.
//
// Problem.   A pipe carries bytes, and with them everything its writer did before. Without that the
//            sim would report races that neither hardware nor TSan knows.
// Recipe.    publish() joins what the caller did up to this system call into the object's clock,
//            observe() joins that into the caller. The call's own epoch has ended when its body
//            runs (sim::op), so that the caller's component is one less than its present
//            epoch: plain touches behind the call are not published.
//
// Checked by tests/sim_kernel/kernel_order_test.cpp.
#pragma once

#include "sim/engine.hpp"

namespace retake::sim::kernel {

struct published {
  vector_clock hb;
  sc_past sc;
  bool has_sc = false;

  published() noexcept { hb.clear(); }
};

inline void publish(published& p) noexcept {
  engine& e = *the_engine;
  engine::thread& me = *e.running_;
  std::uint32_t const slot = e.running_slot_;
  vector_clock mine = me.hb;
  --mine.at[slot];
  p.hb.join(mine, e.width_);
  me.run_at = 0;
  e.publish_sc(p.sc, p.has_sc, me, slot, me.last_sc);
}

inline void observe(published const& p) noexcept {
  engine& e = *the_engine;
  e.running_->hb.join(p.hb, e.width_);
  if (p.has_sc) e.learn_sc(*e.running_, p.sc);
}

}  // namespace retake::sim::kernel
