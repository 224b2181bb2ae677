// process.hpp: other programs: started with pipes, waited for without a thread.
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retake/context.hpp"
#include "retake/stream.hpp"

namespace retake {

struct exit_status {
  int code = 0;    // what it returned, or 0
  int signal = 0;  // what ended it, or 0
  // What it and the children that it waited for have used.
  std::chrono::nanoseconds user{};
  std::chrono::nanoseconds system{};
  std::uint64_t memory_max_bytes = 0;  // of the largest of them, resident
};

enum class redirect : std::uint8_t {
  inherit,  // this process' own
  null,     // /dev/null
  pipe,     // its other end is in `process`
  file,     // the descriptor that is given beside it, which stays the caller's
  output,   // of `error`: where the output goes, the same pipe or file
};

// Whose rights a program has. Source: SysProcAttr.Credential in Go.
struct process_credentials {
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  std::vector<std::uint32_t> groups;  // the supplementary ones
};

struct process_options {
  std::vector<std::string> arguments;  // [0]: the program, searched in PATH when it has no slash; at least one
  std::optional<std::vector<std::string>> environment;  // "NAME=value"; nothing: this process'
  std::string directory;                                // empty: this process'
  redirect input = redirect::null;
  redirect output = redirect::inherit;
  redirect error = redirect::inherit;
  int input_file = -1, output_file = -1, error_file = -1;  // for redirect::file
  static constexpr int same_group = -1;
  int group = same_group;  // the process group: this process'; 0: one of its own; else this one
  bool session = false;    // leads a session and a group of its own, without a terminal
  std::optional<process_credentials> credentials{};  // nothing: this process'
  std::vector<int>
      files;  // descriptors 3, 4, ... of the program; they stay the caller's too. All others are closed there
};

// How a program ends whose context is done: `signal` first, 0: none, and SIGKILL `delay` later.
struct process_ending {
  int signal = 0;
  std::chrono::nanoseconds delay{};
};

// A child. One goroutine may wait at a time. Without a wait it stays in the system's table when it
// ends (a zombie), until this process ends.
class process {
 public:
  process(stream descriptor, int number) noexcept : number_(number), descriptor_(std::move(descriptor)) {}

  // By a goroutine, until it has succeeded once. Blocks it until the program has ended; no thread
  // waits. Errors: std::errc::no_child_process (another has waited, or the program itself has
  // ignored SIGCHLD since spawn() and before this call), std::errc::timed_out. Source:
  // pidfd_open(2), waitid(2); pidfdWait in Go's os.
  [[nodiscard]] result<exit_status> wait();
  // As wait(); when `until` is done first the program is ended as `how` says, and its status tells
  // by what. Its pipes stay open: its own children may hold them. Throws std::bad_alloc. Source:
  // exec.CommandContext, Cmd.Cancel and Cmd.WaitDelay in Go.
  [[nodiscard]] result<exit_status> wait(context const& until, process_ending how = {});
  std::error_code set_deadline(time_point due) { return descriptor_.set_read_deadline(due); }

  // By a goroutine; does not block. Never reaches another process that has the number by now.
  // Errors: std::errc::no_such_process, std::errc::operation_not_permitted.
  std::error_code signal(int number);

  [[nodiscard]] int number() const noexcept { return number_; }

  stream input, output, error;  // this side of the pipes that were asked for; input is for writing

 private:
  int number_;
  stream descriptor_;
};

// By a goroutine. Starts a program; the call waits until the child runs it, or says why it cannot,
// and hands its P on meanwhile. The child has no signal blocked. A process that ignores SIGCHLD has
// its default action from here on, which drops it as well: else children could not be waited for.
// Errors: std::errc::invalid_argument for no arguments, for a zero byte in any string and for
// redirect::output of another file than `error`, std::errc::bad_file_descriptor for a file that is
// not open, std::errc::operation_not_permitted for credentials and groups,
// std::errc::no_such_file_or_directory and what else execve(2) says, EAGAIN, EMFILE (then the
// program may run, and nobody waits for it). Source: posix_spawn(3); StartProcess in Go's os.
[[nodiscard]] result<process> spawn(process_options const& options);

}  // namespace retake
