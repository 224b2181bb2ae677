// print.hpp: a line for the people who watch.
//
// Problem.   schedtrace, deadlock reports and crash reports are written from places that may not
//            allocate, lock or block for long.
// Recipe.    One write to standard error. The sim keeps the line for the timeline instead.
//
// Checked by tests/world/os_world_test.cpp.
// Not promised: that anybody reads it. Errors are swallowed; a line of more than PIPE_BUF (4096)
// bytes may be torn by other writers.
#pragma once

#include <cstddef>

#include "world/site.hpp"

namespace retake::world {

// Writes `n` bytes, a newline included if there shall be one. Any thread, also in a signal handler.
// Leaves errno as it was.
void print(char const* text, std::size_t n, site = site::current()) noexcept;

}  // namespace retake::world
