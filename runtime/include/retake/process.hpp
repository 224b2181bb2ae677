// process.hpp: other programs: started with pipes, waited for without a thread.
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retake/stream.hpp"
#include "world/processes.hpp"

namespace retake {

using exit_status = world::kernel::exit_status;  // {code, signal}: what it returned, or the signal that ended it

enum class redirect : std::uint8_t { inherit, null, pipe };  // this process' own, /dev/null, or a pipe whose other end is in `process`

struct process_options {
  std::vector<std::string> arguments;                     // [0]: the program, searched in PATH when it has no slash; at least one
  std::optional<std::vector<std::string>> environment;    // "NAME=value"; nothing: this process'
  std::string directory;                                  // empty: this process'
  redirect input = redirect::null;
  redirect output = redirect::inherit;
  redirect error = redirect::inherit;
  std::vector<int> files;                                 // descriptors 3, 4, ... of the program; they stay the caller's too. All others are closed there
};

// A child. One goroutine may wait at a time. Without a wait it stays in the system's table when it ends (a zombie), until this process ends.
class process {
 public:
  process(stream descriptor, int number) noexcept : number_(number), descriptor_(std::move(descriptor)) {}

  // By a goroutine, until it has succeeded once. Blocks it until the program has ended; no thread waits. Errors: std::errc::no_child_process (another has waited,
  // or the program itself has ignored SIGCHLD since spawn() and before this call), std::errc::timed_out. Source: pidfd_open(2), waitid(2); pidfdWait in Go's os.
  [[nodiscard]] result<exit_status> wait();
  std::error_code set_deadline(std::int64_t due_ns) { return descriptor_.set_read_deadline(due_ns); }

  // By a goroutine; does not block. Never reaches another process that has the number by now. Errors: std::errc::no_such_process, std::errc::operation_not_permitted.
  std::error_code signal(int number);

  [[nodiscard]] int number() const noexcept { return number_; }

  stream input, output, error;  // this side of the pipes that were asked for; input is for writing

 private:
  int number_;
  stream descriptor_;
};

// By a goroutine. Starts a program; the call waits until the child runs it, or says why it cannot, and hands its P on meanwhile. The child has no signal blocked.
// A process that ignores SIGCHLD has its default action from here on, which drops it as well: else children could not be waited for.
// Errors: std::errc::invalid_argument for no arguments and for a zero byte in any string, std::errc::no_such_file_or_directory and what else execve(2) says, EAGAIN, EMFILE (then the program may run, and nobody waits for it). Source: posix_spawn(3); StartProcess in Go's os.
[[nodiscard]] result<process> spawn(process_options const& options);

}  // namespace retake
