// fences.cpp: what a fence orders.
//
// Problem.   A fence makes happens-before in C++20, and ThreadSanitizer does not see it: a runtime
//            whose plain data relied on it could not be checked on real threads. A user's code may
//            rely on it.
// Recipe.    scenario::fences_synchronize. Without it a seq_cst fence orders atomics alone
//            (seq_cst.hpp), and acquire and release fences are refused. With it: a release fence
//            keeps what a later store by its thread publishes; a read that is no acquire keeps what
//            a later acquire fence joins; a seq_cst fence is both. The asymmetric fence:
//            membarrier(2) makes each other thread pass a full fence between the call and its
//            return, at a point of its own. Each is a step of the caller, before which others may
//            run; a thread that starts meanwhile needs none. The light side is a compiler barrier,
//            which is nothing here.
//
// Checked by tests/sim/fence_test.cpp, tests/sim/rc11_test.cpp, tests/sim/litmus_test.cpp.
#include "sim/engine.hpp"

namespace retake::sim {

void engine::keep_acquirable(store_entry& e) noexcept {
  release_clocks& a = running_->acquirable;
  join_known(a.hb, a.valid, e.hb, width_);
  if (e.has_sc) join_known(a.sc, a.has_sc, record_of(e).published, width_);
}

void engine::release_by_fence(store_entry& e) noexcept {
  release_clocks const& r = running_->released;
  join_known(e.hb, e.releases, r.hb, width_);
  if (r.has_sc) join_known(record_of(e).published, e.has_sc, r.sc, width_);
}

void engine::fence(order o) noexcept {
  thread& t = *running_;
  t.run_at = 0;
  bool const synchronizes = scenario_->fences_synchronize;
  if (synchronizes && o != order::release && t.acquirable.valid) {
    t.hb.join(t.acquirable.hb, width_);
    if (t.acquirable.has_sc) learn_sc(t, t.acquirable.sc);
  }
  if (o == order::seq_cst) fence_sc(t, running_slot_, {});
  if (synchronizes && o != order::acquire) {
    release_clocks& r = t.released;
    r.valid = true;
    r.hb = t.hb;
    r.has_sc = false;
    publish_sc(r.sc, r.has_sc, t, running_slot_, t.last_sc);
  }
}

void engine::fence_everywhere(site_record& s) noexcept {
  fence(order::seq_cst);
  vector_clock first{}, others{};
  first.at[running_slot_] = running_->last_sc;
  std::uint32_t const width = width_;
  for (std::uint32_t u = 0; u < width; ++u) {
    if (u == running_slot_) continue;
    if (threads_[u].state != thread_state::ended) point(op_kind::heavy, s, 0);
    others.at[u] = fence_sc(threads_[u], u, first);
    ++threads_[u].hb.at[u];  // what it does next comes after the fence
  }
  point(op_kind::heavy, s, 0);
  fence_sc(*running_, running_slot_, others);
}

}  // namespace retake::sim
