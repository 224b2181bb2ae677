// Goal: the floor holds on an architecture that we can only emulate. Method: a plain main with
// checks, statically linked, for qemu-user; the same claims as the GoogleTest files, in small.
#include <unwind.h>

#include <cfenv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>

#include "register_probe.hpp"
#include "strand.hpp"
#include "switch/stack.hpp"

using namespace retake::floor;

extern "C" void retake_floor_start() noexcept;

namespace {

void check(bool holds, const char* claim) {
  std::printf("%s: %s\n", holds ? "holds" : "FAILS", claim);
  if (!holds) std::exit(1);
}

void registers_and_rounding() {
  thread_context me;
  bool kept = true;
  const auto body = [&kept](std::uint64_t seed) {
    return [&kept, seed](strand& s) {
      for (std::uint64_t i = 0; i < 50; ++i) {
        kept = registers_survive(
                   seed + i, [](void* raw) { static_cast<strand*>(raw)->pause(); }, &s) &&
               kept;
      }
    };
  };
  strand a(body(1));
  strand b(body(1000));
  int rounding = -1;
  strand c([&rounding](strand& s) {
    std::fesetround(FE_UPWARD);
    s.pause();
    rounding = std::fegetround();
  });
  while (!a.ended() || !b.ended()) {
    if (!a.ended()) a.resume(me);
    if (!b.ended()) b.resume(me);
  }
  check(kept, "callee_saved_registers_survive");
  c.resume(me);
  check(std::fegetround() == FE_TONEAREST, "rounding_mode_does_not_leak");
  c.resume(me);
  check(rounding == FE_UPWARD && std::fegetround() == FE_TONEAREST, "rounding_mode_is_per_context");
}

void exceptions() {
  std::string report;
  strand s([&report](strand& mine) {
    try {
      try {
        throw std::runtime_error("mine");
      } catch (...) {
        mine.pause();
        throw;
      }
    } catch (const std::exception& e) { report = e.what(); }
  });
  for (int i = 0; i < 2; ++i) {
    std::thread([&s] {
      thread_context here;
      try {
        throw std::logic_error("the thread's");
      } catch (...) { s.resume(here); }
      check(std::current_exception() == nullptr, "the_thread_keeps_its_own_exceptions");
    }).join();
  }
  check(report == "mine", "a_handler_resumed_on_another_os_thread_rethrows_its_own");
}

struct walk {
  int frames = 0;
  void* last = nullptr;
  _Unwind_Reason_Code end = _URC_NO_REASON;
};

void walk_here(walk& w) {
  w.end = _Unwind_Backtrace(
      [](_Unwind_Context* c, void* raw) {
        auto& seen = *static_cast<walk*>(raw);
        if (_Unwind_GetIP(c) != 0) seen.last = _Unwind_FindEnclosingFunction(reinterpret_cast<void*>(_Unwind_GetIP(c)));
        return ++seen.frames < 100 ? _URC_NO_REASON : _URC_NORMAL_STOP;
      },
      &w);
}

void unwinding() {
  thread_context me;
  stack_slab big;
  check(big.create({.count = 1, .stack_bytes = 1 << 20}) == 0, "a_slab_can_be_had");
  std::printf("guards here: %s\n", guard_method_name(big.weakest_guard()));
  walk home;
  walk visited;
  strand s([&](strand&) {
    walk_here(home);
    call_on_stack(
        big.stack(0).low, big.stack(0).bytes, [](void* raw) { walk_here(*static_cast<walk*>(raw)); }, &visited);
  });
  s.resume(me);
  const auto start = reinterpret_cast<void*>(&retake_floor_start);
  check(home.end == _URC_END_OF_STACK && home.last == start, "a_stack_ends_cleanly_at_its_first_frame");
  check(visited.end == _URC_END_OF_STACK && visited.last == start && visited.frames > home.frames,
        "a_visit_is_walked_through");
}

}  // namespace

int main() {
  registers_and_rounding();
  exceptions();
  unwinding();
  std::puts("switch_smoke: all claims hold");
}
