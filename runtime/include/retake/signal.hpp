// signal.hpp: signals of the process as values on channels.
//
// A signal's handler runs at once on whatever thread the kernel picks, also on one that sits in a system call; it sets a bit and wakes the poller, no more. A goroutine
// of the runtime sends the number to every channel that wants it, without waiting for room. Signals of one number that come faster than that are one. Source: os/signal in Go.
#pragma once

#include <span>

#include "retake/channel.hpp"

namespace retake {

// By a goroutine; does not block. From now on each of `numbers` (1 to 63) is sent to `to`, if it has room: give it a buffer for as many as must not be missed. Their
// other effects are gone until the last channel has stopped. The channel must outlive its stop_notify(). Errors: std::errc::invalid_argument (SIGKILL, SIGSTOP), EMFILE, ENOMEM.
// One program (run()) of a process has the signals: the last that asked.
std::error_code notify(channel<int>& to, std::span<int const> numbers);

// By a goroutine; does not block. `to` gets no more; a number that no channel wants has its default action again.
void stop_notify(channel<int>& to) noexcept;

// By a goroutine. The kernel drops these; channels that wanted them get them no more.
std::error_code ignore_signals(std::span<int const> numbers) noexcept;
// By a goroutine. Their default actions again, whoever wanted them.
std::error_code reset_signals(std::span<int const> numbers) noexcept;

}  // namespace retake
