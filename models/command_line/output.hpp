// output.hpp: how a program ends whose answer is what it printed.
#pragma once

#include <functional>

namespace retake::command_line {

// Runs the program `name` and returns its exit code, once everything that it printed is written
// out. When standard output could not take all of it (a full disk, a closed pipe), one line on
// standard error says so, and 0 (holds) becomes 3 (the environment lacks something): lines that are
// lost are no answer. A finding stays a finding. An exception that leaves `run` is a failure of the
// harness: one line, and 4.
int finish(char const* name, std::function<int()> const& run) noexcept;

}  // namespace retake::command_line
