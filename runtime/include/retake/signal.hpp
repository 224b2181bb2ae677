// signal.hpp: signals of the process as values on channels.
//
// A signal's handler runs at once on whatever thread the kernel picks, also on one that sits in a
// system call; it sets a bit and wakes the poller, no more. A goroutine of the runtime sends the
// number to every channel that wants it, without waiting for room. Signals of one number that come
// faster than that are one. Source: os/signal in Go. errno belongs to the thread; any of these
// calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <memory>
#include <span>
#include <system_error>

#include "retake/channel.hpp"
#include "retake/context.hpp"
#include "retake/result.hpp"

namespace retake {

// Goroutine context only; does not block. From now on each of `numbers` (1 to 63) is sent to `to`,
// if it has room: give it a buffer for as many as must not be missed. Their other effects are gone
// until the last channel has stopped. A channel that asks again gets the numbers of both requests,
// each signal once. The channel must outlive its stop_notify(). Errors: std::errc::invalid_argument
// (SIGKILL, SIGSTOP, and the faults SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, which mean
// the thread that they come to), EMFILE, ENOMEM. One program (run()) of a process has the signals:
// the last that asked. What arrives as its last goroutines end is not relayed to a later run().
std::error_code notify(channel<int>& to, std::span<int const> numbers);

// As notify() for every signal that it takes, but for SIGURG, which the runtime sends itself.
// Source: Notify without signals.
std::error_code notify_all(channel<int>& to);

// Goroutine context only; waits for signal handlers on other threads, no longer. A signal that was
// caught before is in the channel when this returns, if it had room; later ones are not. After the
// end of the program (run()), on any thread, it does nothing: no channel is sent anything any more.
// A number that no channel wants has the action again that it had before: ignored if the program
// began so (nohup), the dump for SIGQUIT. Source: Stop.
void stop_notify(channel<int>& to) noexcept;

// Goroutine context only; as stop_notify() for all channels. The kernel drops these from now on;
// SIGCHLD so that children can still be waited for. Source: Ignore.
std::error_code ignore_signals(std::span<int const> numbers) noexcept;
// Goroutine context only; as stop_notify() for all channels: the actions that they had before
// notify() and ignore_signals(). Source: Reset.
std::error_code reset_signals(std::span<int const> numbers) noexcept;

// SIGPIPE: a write to descriptor 1 or 2 that no reader can get ends the program, as `program |
// head` needs it; elsewhere it is an error (std::errc::broken_pipe). notify() and ignore_signals()
// make it an error there too. A handler of the program's own is left alone.

namespace detail {
struct signal_watch;
}

// Makes the context of with_signals() done, and stops listening: then the signals have the actions
// of before again. cancel() or the end; may be called again. Goroutine context only; as
// stop_notify(); after the end of the program (run()) on any thread.
class signal_canceller {
 public:
  signal_canceller(signal_canceller&&) noexcept;
  signal_canceller& operator=(signal_canceller&&) noexcept;
  ~signal_canceller();
  void cancel(std::error_code cause = {}) noexcept;

 private:
  friend result<struct signal_cancellable> with_signals(context const& parent, std::span<int const> numbers);
  signal_canceller(canceller inner, std::shared_ptr<detail::signal_watch> watch) noexcept;
  canceller inner_;
  std::shared_ptr<detail::signal_watch> watch_;
};

struct signal_cancellable {
  context ctx;
  signal_canceller cancel;
};

// Done when `parent` is, when the canceller says so, or when one of `numbers` comes; then its cause
// is that number in signal_category(). Listens until the canceller's end, so a second signal is
// dropped; cancel() as soon as the first has come gives it its usual effect. Goroutine context
// only; does not block. Errors: as notify(). Throws std::bad_alloc. Source: signal.NotifyContext in
// Go.
[[nodiscard]] result<signal_cancellable> with_signals(context const& parent, std::span<int const> numbers);

// Values are numbers of signals; the text of 15 is "signal 15".
[[nodiscard]] std::error_category const& signal_category() noexcept;

}  // namespace retake
