// interruption.cpp: see interruption.hpp.
#include "command_line/interruption.hpp"

#include <cstdio>
#include <initializer_list>

namespace retake::command_line {

namespace {

std::sig_atomic_t volatile asked_to_end = 0;

void take_note(int) noexcept { asked_to_end = 1; }

}  // namespace

void watch_interrupts() noexcept {
  for (int const one : {SIGINT, SIGTERM, SIGHUP}) std::signal(one, take_note);
}

bool interrupted() noexcept { return asked_to_end != 0; }

std::sig_atomic_t volatile const* interruption() noexcept { return &asked_to_end; }

int code_without_finding(char const* name, std::uint64_t executions) noexcept {
  if (interrupted()) return interrupted_code;
  if (executions != 0) return 0;
  std::fprintf(stderr, "%s: nothing was executed: no verdict\n", name);
  return 4;
}

}  // namespace retake::command_line
