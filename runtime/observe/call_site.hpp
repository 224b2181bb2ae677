// call_site.hpp: a place in the program, as the stack that was there: copied when something
// happens, named when a report asks.
#pragma once

#include <cstdint>
#include <vector>

#include "observe/snapshot.hpp"

namespace retake::observe {

struct call_site {
  std::vector<std::uintptr_t> key;  // return addresses, as far as frame pointers show them: equal for equal sites. Empty: no stack
  still_stack stack;                // its innermost 4 KiB
};

// Throws std::bad_alloc.
[[nodiscard]] call_site call_site_of(still_stack stack);

}  // namespace retake::observe
