// The C++ half of guarded_call.hpp. The other half is switch_<architecture>.S.
#include "switch/guarded_call.hpp"

namespace retake::floor {

extern "C" {
[[gnu::visibility("hidden")]] int retake_floor_guarded(void** save, void (*fn)(void*),
                                                       void* argument);  // lets exceptions pass
[[gnu::visibility("hidden")]] void retake_floor_landing() noexcept;      // not called: arrived at
[[noreturn, gnu::visibility("hidden")]] void retake_floor_give_up(void* stack_pointer) noexcept;
}

bool guarded_call(guard& g, void (*fn)(void*), void* argument) {
  return retake_floor_guarded(&g.stack_pointer, fn, argument) == 0;
}

landing landing_of(guard const& g) noexcept {
  return {reinterpret_cast<std::uintptr_t>(&retake_floor_landing), reinterpret_cast<std::uintptr_t>(g.stack_pointer)};
}

void give_up(guard const& g) noexcept { retake_floor_give_up(g.stack_pointer); }

}  // namespace retake::floor
