// own_child.hpp: a program started once, with what it said and how it ended; and a child that may have only so many threads.
//
// What it says goes to memory files, so that nobody has to read while it runs. The child ends by itself or is killed when its time is over.
#pragma once

#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

namespace retake::stress {

struct ended {
  int code = -1;        // what it returned; -1: it did not start
  int signal = 0;       // or what ended it
  bool in_time = true;  // false: killed when its time was over
  double seconds = 0;
  std::string out, error;
};

struct child_settings {
  std::vector<std::string> environment;  // "NAME=value", beside ours
  double seconds = 60;                   // it is killed then
};

// By any thread that is not a goroutine's; blocks it. words[0] is looked for in PATH when it has no slash.
[[nodiscard]] ended run_child(std::vector<std::string> const& words, child_settings const& chosen = {});
// This very program.
[[nodiscard]] std::string own_path();

// Holds back Ctrl-C and its like while something must be put away first; they come when it ends.
class signals_held {
 public:
  signals_held();
  ~signals_held();
  signals_held(signals_held const&) = delete;
  signals_held& operator=(signals_held const&) = delete;

 private:
  sigset_t before_;
};

// How a child can be kept from having more than so many threads. A cgroup of its own where that is allowed (v1 or v2), else RLIMIT_NPROC, which counts all threads
// of a user and spares root: a child of root becomes an unprivileged user for it.
class thread_limit {
 public:
  // `most` threads of the child. The cgroup is removed when this ends; signals that would end the process wait for that.
  explicit thread_limit(std::uint32_t most);
  ~thread_limit();
  thread_limit(thread_limit const&) = delete;
  thread_limit& operator=(thread_limit const&) = delete;

  // In words: "pids.max of a cgroup", "RLIMIT_NPROC". "": neither is to be had.
  [[nodiscard]] std::string const& how() const noexcept { return how_; }
  // For the child's command line; the child calls obey() with it before it has a second thread.
  [[nodiscard]] std::string const& order() const noexcept { return order_; }
  // False: it could not.
  [[nodiscard]] static bool obey(std::string const& order);

 private:
  signals_held signals_;
  std::string how_, order_, folder_;
};

}  // namespace retake::stress
