// explore_goroutines.hpp: explores programs of goroutines: the unchanged runtime in the simulated
// world.
//
//     auto const found = retake::explore::check_goroutines([] {
//       retake::channel<int> answers;
//       retake::go([&] { answers.send(1); });
//       retake::explore::require(answers.receive() == 1, "lost: an answer");
//     });
//     ASSERT_TRUE(found);
//
// The body is main of a program: it runs as the first goroutine of a retake::run() of its own, and
// uses the public headers of the runtime. Every step of the runtime is a choice, as are the
// simulated kernel's answers and the clock. Shared data that is not synchronized is
// retake::model::plain, so that a race on it is seen.
//
// Findings   fatal  what the runtime ends a program with, as "all goroutines are asleep -
//                   deadlock!", a send on a closed channel, an exception that leaves a goroutine
//            leak   goroutines that have not ended a second after the body returned: nobody will
//                   wake them, or they run for ever
//            race, the tag of a require(), and those of the runtime's own invariants
//
// A program links retake::explore_goroutines in place of retake::retake: one image holds one world.
#pragma once

#include "retake/explore.hpp"

namespace retake::explore {

// What of a program is not in its body.
struct program {
  std::uint32_t processors = 2;       // Ps: so many goroutines run at once
  bool may_leave_goroutines = false;  // no `leak`: they are abandoned, as Go does
};

namespace detail {
void run_program(body_reference main, program const& how);
}

// As check(), for a body that is main of a program of goroutines.
template <class Body>
[[nodiscard]] result check_goroutines(Body body, options const& chosen = {}, program const& how = {},
                                      char const* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
  if (detail::is_empty(body)) return detail::check({}, chosen, file, line);
  auto const in_a_program = [&] { detail::run_program({[](void* at) { (*static_cast<Body*>(at))(); }, &body}, how); };
  return check(in_a_program, chosen, file, line);
}

}  // namespace retake::explore
