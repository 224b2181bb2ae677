// goroutines.cpp: one execution of a program of goroutines, under the runtime's own checkers.
#include <fmt/format.h>

#include <chrono>

#include "retake/explore_goroutines.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "sim/calls.hpp"
#include "sim/checkers/watch.hpp"

namespace retake::explore::detail {

namespace {

using namespace std::chrono_literals;

constexpr int last_steps = 50;
constexpr std::chrono::milliseconds longest_wait = 512ms;  // of 1, 2, 4, ...: a second together

// Lets the others take their last steps; what is still there then will not end.
void await_the_others() {
  for (int i = 0; i < last_steps && goroutine_count() > 1; ++i) yield();
  for (std::chrono::milliseconds wait = 1ms; wait <= longest_wait && goroutine_count() > 1; wait *= 2) sleep_for(wait);
  if (std::uint64_t const left = goroutine_count() - 1; left != 0) {
    sim::fail(fmt::format("leak: {} goroutine{} not ended a second after the body returned", left,
                          left == 1 ? " has" : "s have")
                  .c_str());
  }
}

}  // namespace

void run_program(body_reference main, program const& how) {
  checkers::watch_runtime({.everything_ends = false});
  retake::options chosen;
  chosen.processors = how.processors;
  run(chosen, [&] {
    main.call(main.body);
    if (!how.may_leave_goroutines) await_the_others();
  });
}

}  // namespace retake::explore::detail
