// child.hpp: a program under test: started with a pipe behind its output, looked at, told to end,
// waited for.
#pragma once

#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace retake::test {

class child {
 public:
  // Its environment is ours, with GOMAXPROCS=2.
  explicit child(std::vector<std::string> arguments) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return;
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    for (const int end : ends) ::posix_spawn_file_actions_addclose(&actions, end);
    std::vector<char*> argv;
    for (std::string& one : arguments) argv.push_back(one.data());
    argv.push_back(nullptr);
    ::setenv("GOMAXPROCS", "2", 1);
    if (::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ) != 0) pid_ = -1;
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_ = ::fdopen(ends[0], "r");
  }
  ~child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      static_cast<void>(code());
    }
    if (output_ != nullptr) std::fclose(output_);
  }
  child(child const&) = delete;
  child& operator=(child const&) = delete;

  // The next line of its output; "" at the end.
  [[nodiscard]] std::string line() {
    std::string text;
    for (int c = std::fgetc(output_); c != EOF && c != '\n'; c = std::fgetc(output_)) text += static_cast<char>(c);
    return text;
  }
  [[nodiscard]] nlohmann::json json_line() { return nlohmann::json::parse(line(), nullptr, false); }
  // Whether a line, or the end, can be read.
  [[nodiscard]] bool has_spoken() const {
    pollfd readable{::fileno(output_), POLLIN, 0};
    return ::poll(&readable, 1, 0) != 0;
  }
  [[nodiscard]] std::string all_output() {
    std::string text;
    for (int c = std::fgetc(output_); c != EOF; c = std::fgetc(output_)) text += static_cast<char>(c);
    return text;
  }

  void signal(int number) const { ::kill(pid_, number); }
  // Waits for its end: the exit code, or minus the signal that ended it.
  [[nodiscard]] int code() {
    int status = -1;
    if (pid_ <= 0 || ::waitpid(pid_, &status, 0) != pid_) return -1000;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  [[nodiscard]] std::uint32_t threads() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    std::uint32_t threads = 0;
    for (std::string word; status >> word;) {
      if (word == "Threads:") status >> threads;
    }
    return threads;
  }

 private:
  pid_t pid_ = -1;
  std::FILE* output_ = nullptr;
};

}  // namespace retake::test
