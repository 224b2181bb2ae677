// frames.hpp: addresses as a reader wants them: named, inlined functions apart, and without the
// runtime's own frames at either end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "observe/snapshot.hpp"
#include "observe/symbols.hpp"
#include "retake/debug.hpp"

namespace retake::observe {

// The runtime's own: what lies between the user's call and the switch, and what starts a goroutine.
[[nodiscard]] bool is_internal(stack_frame const& frame) noexcept;
// Of the public headers: the user wrote the call of it.
[[nodiscard]] bool is_public_header(stack_frame const& frame) noexcept;

[[nodiscard]] std::vector<stack_frame> frames_at(symbols& names, std::uintptr_t pc);
// A whole stack, without the internal frames at its ends.
[[nodiscard]] std::vector<stack_frame> frames_of(symbols& names, std::vector<std::uintptr_t> const& pcs);

[[nodiscard]] constexpr char const* name_of(goroutine_state state) noexcept {
  switch (state) {
    case goroutine_state::dead: return "dead";
    case goroutine_state::runnable: return "runnable";
    case goroutine_state::running: return "running";
    case goroutine_state::syscall: return "syscall";
    case goroutine_state::waiting: return "waiting";
  }
  return "unknown state";
}

[[nodiscard]] goroutine_info info_of(symbols& names, goroutine_view const& view);
// "goroutine 7 [chan receive, 12ms, locked to thread]:" and its stack, as Go prints it.
[[nodiscard]] std::string text_of(goroutine_info const& info);

}  // namespace retake::observe
