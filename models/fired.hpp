// fired.hpp: writes down which lines of the harness objected, for the test that lists the
// objections which no test makes fire.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace retake {

// Appends "file:line" to the file that RETAKE_FIRED names; without that variable, nothing
// (tests/alarm/every_fail_fires.py). Called once in an execution, as it ends: may block on the
// file. Aborts when the file cannot be opened.
inline void note_fired(char const* file, unsigned line) noexcept {
  char const* const path = std::getenv("RETAKE_FIRED");
  if (path == nullptr) return;
  std::FILE* const list = std::fopen(path, "a");
  if (list == nullptr) std::abort();
  std::fprintf(list, "%s:%u\n", file, line);
  std::fclose(list);
}

}  // namespace retake
