// end_with_the_process.hpp: for death tests of what outlives its program in static variables.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <utility>

#include "program.hpp"

namespace retake::test {

// A program that fills statics; then the process ends them.
template <class Fill>
[[noreturn]] void end_with_the_process(Fill&& fill) {
  run_on(2, std::forward<Fill>(fill));
  std::exit(testing::Test::HasFailure() ? 1 : 0);
}

}  // namespace retake::test
