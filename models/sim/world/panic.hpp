// panic.hpp: an exception that nobody catches. In the sim it is caught at the goroutine's first
// frame: a finding shows steps, not stacks.
#pragma once

#include <exception>

namespace retake::world {

using panic_report = void (*)(char const* what) noexcept;
inline void watch_panics(panic_report) noexcept {}

inline void call_to_end(void (*entry)(void*), void* argument, panic_report report) {
  try {
    entry(argument);
  } catch (std::exception const& thrown) { report(thrown.what()); } catch (...) {
    report("not a std::exception");
  }
}

}  // namespace retake::world
