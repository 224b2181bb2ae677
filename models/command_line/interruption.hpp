// interruption.hpp: whether this program was asked to end, and how it ends if it has no finding.
//
// Rule.      A finding ends with 1, whatever else happened. Without one: 130 if the program was
//            interrupted, 4 if it executed nothing (which is no evidence that anything holds), else
//            0. The program prints what it has seen so far.
#pragma once

#include <csignal>
#include <cstdint>

namespace retake::command_line {

constexpr int interrupted_code = 130;

// From now on SIGINT, SIGTERM and SIGHUP set one flag, and nothing else.
void watch_interrupts() noexcept;
[[nodiscard]] bool interrupted() noexcept;
// The flag itself, for loops that know nothing of the command line.
[[nodiscard]] std::sig_atomic_t volatile const* interruption() noexcept;

// The exit code of the program `name`, which has no finding. Says on standard error that nothing
// was executed.
[[nodiscard]] int code_without_finding(char const* name, std::uint64_t executions) noexcept;

}  // namespace retake::command_line
