// observed.hpp: what the kernel's books say of a process: a figure of its status, and the most that
// one came to while a thread beside the runtime watched.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <utility>

namespace retake::stress {

// Of /proc/PROCESS/status; 0 when there is none of that name.
[[nodiscard]] inline std::uint64_t status_figure(std::string const& name, std::string const& process = "self") {
  std::ifstream in("/proc/" + process + "/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(name + ":")) return std::stoull(line.substr(name.size() + 1));
  }
  return 0;
}

[[nodiscard]] inline std::uint64_t kernel_threads() { return status_figure("Threads"); }

// Looks at a figure every `every` on a thread of its own, which does not depend on the runtime that
// it watches, and remembers the greatest. The watched program has this thread more: threads_beside
// says it.
class peak {
 public:
  static constexpr std::uint64_t threads_beside = 1;

  explicit peak(std::function<std::uint64_t()> figure, std::chrono::microseconds every = std::chrono::milliseconds(2))
      : figure_(std::move(figure)), every_(every), watcher_([this] { watch(); }) {}
  ~peak() { end(); }
  peak(peak const&) = delete;
  peak& operator=(peak const&) = delete;

  // Blocks the thread for a moment. The greatest value, the last look included.
  std::uint64_t end() {
    over_ = true;
    if (watcher_.joinable()) watcher_.join();
    return most_;
  }

 private:
  void watch() {
    for (bool last = false; !last;) {
      last = over_;
      most_ = std::max(most_, figure_());
      std::this_thread::sleep_for(last ? std::chrono::microseconds(0) : every_);
    }
  }

  std::function<std::uint64_t()> figure_;
  std::chrono::microseconds every_;
  std::uint64_t most_ = 0;  // of the watcher, until it has ended
  std::atomic<bool> over_{false};
  std::thread watcher_;
};

// The most threads that this process had meanwhile, without the watcher's.
class thread_peak {
 public:
  [[nodiscard]] std::uint64_t end() { return watched_.end() - peak::threads_beside; }

 private:
  peak watched_{kernel_threads};
};

}  // namespace retake::stress
