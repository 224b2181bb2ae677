#include "children.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "command_line/interruption.hpp"
#include "keeper.hpp"

namespace retake::campaign {

namespace {

constexpr std::size_t complaint_bytes_max = 8192;
// Of one child; a program that prints more is not one of ours, and is killed for it.
constexpr std::size_t lines_max = 200'000, line_bytes_max = 1 << 20, output_bytes_max = 64 << 20;
constexpr std::size_t bytes_at_a_time = 1 << 20;  // then the others have their turn, and so has an interruption

double seconds_since(std::chrono::steady_clock::time_point t) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - t).count();
}

// A build going on beside takes a program away, and brings it back when it has linked it: it is
// waited for so long.
constexpr int looks_at_program = 100, look_us = 100'000;

bool being_linked(int error) { return error == ENOENT || error == ETXTBSY || error == EACCES || error == ENOEXEC; }

// `env NAME=VALUE... PROGRAM` stands in the words so that they can be pasted: what env does is done
// here, and the program itself is waited for.
void become(command const& what) {
  for (auto const& [name, value] : what.variables) ::setenv(name.c_str(), value.c_str(), 1);
  if (!what.folder.empty() && ::chdir(what.folder.c_str()) != 0) return;
  std::size_t first = what.words[0] == "env" ? 1 : 0;
  for (std::size_t equals; first != 0 && (equals = what.words[first].find('=')) != std::string::npos; ++first) {
    ::setenv(what.words[first].substr(0, equals).c_str(), what.words[first].substr(equals + 1).c_str(), 1);
  }
  std::vector<char*> argv;
  for (std::size_t i = first; i < what.words.size(); ++i) argv.push_back(const_cast<char*>(what.words[i].c_str()));
  argv.push_back(nullptr);
  if (std::string_view(argv[0]).find('/') == std::string_view::npos) ::execvp(argv[0], argv.data());
  for (int look = 0; look < looks_at_program && ::execv(argv[0], argv.data()) != 0 && being_linked(errno); ++look)
    ::usleep(look_us);
}

}  // namespace

std::string finished::how_it_died() const {
  if (!flood.empty()) return fmt::format("printed {} and was killed", flood);
  if (timed_out) return fmt::format("did not end in time ({:.0f} s) and was killed", seconds);
  if (signal != 0) return fmt::format("died of signal {} ({})", signal, ::strsignal(signal));
  if (code == 127) return "could not be started";
  return fmt::format("ended with status {}", code);
}

children::~children() { stop(); }

int children::start(command const& what, line_seen on_line) {
  int out[2], err[2];
  if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("no pipe for a child");
  pid_t const campaign = ::getpid(), pid = ::fork();
  if (pid < 0) throw std::runtime_error("no process for a child");
  if (pid == 0) {
    ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
    ::dup2(out[1], 1);
    ::dup2(err[1], 2);
    keep(campaign, [&what] { become(what); });
  }
  ::setpgid(pid, pid);
  ::close(out[1]);
  ::close(err[1]);
  ::fcntl(out[0], F_SETFL, O_NONBLOCK);
  ::fcntl(err[0], F_SETFL, O_NONBLOCK);
  int const id = next_id_++;
  alive_.emplace(id, child{pid,
                           out[0],
                           err[0],
                           {},
                           {},
                           std::move(on_line),
                           std::chrono::steady_clock::now(),
                           what.timeout_s,
                           {}});
  alive_.at(id).result.id = id;
  alive_.at(id).result.words = what.words;
  return id;
}

void children::drain(child& c, int& fd, std::string& rest, bool error) {
  char buffer[16384];
  for (std::size_t taken = 0; taken < bytes_at_a_time;) {
    ssize_t const n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;  // nothing more now
    if (n == 0) {
      ::close(fd);
      fd = -1;
      return;
    }
    taken += static_cast<std::size_t>(n);
    if (!c.result.flood.empty()) continue;  // it has been killed for it
    c.output_bytes += static_cast<std::size_t>(n);
    rest.append(buffer, static_cast<std::size_t>(n));
    std::size_t begin = 0;
    for (std::size_t end; (end = rest.find('\n', begin)) != std::string::npos; begin = end + 1) {
      std::string line = rest.substr(begin, end - begin);
      if (c.on_line) c.on_line(line, error);
      if (error) {
        c.result.complaint += line + '\n';
        if (c.result.complaint.size() > 2 * complaint_bytes_max)
          c.result.complaint.erase(0, c.result.complaint.size() - complaint_bytes_max);
      } else {
        c.result.lines.push_back(std::move(line));
      }
    }
    rest.erase(0, begin);
    if (rest.size() > line_bytes_max)
      c.result.flood = fmt::format("a line of more than {} bytes", line_bytes_max);
    else if (c.output_bytes > output_bytes_max)
      c.result.flood = fmt::format("more than {} bytes", output_bytes_max);
    else if (c.result.lines.size() >= lines_max)
      c.result.flood = fmt::format("{} lines", lines_max);
    if (c.result.flood.empty()) continue;
    ::kill(c.pid, bury_signal);
    rest.clear();
  }
}

std::optional<finished> children::wait(double seconds) {
  auto const began = std::chrono::steady_clock::now();
  for (;;) {
    for (auto it = alive_.begin(); it != alive_.end(); ++it) {
      child& c = it->second;
      int status = 0;
      bool const late = seconds_since(c.began) > c.timeout_s;
      if (late && !c.result.timed_out) {
        c.result.timed_out = true;
        ::kill(c.pid, bury_signal);
      }
      if (::waitpid(c.pid, &status, WNOHANG) != c.pid) continue;
      if (c.out >= 0) drain(c, c.out, c.out_rest, false);
      if (c.err >= 0) drain(c, c.err, c.err_rest, true);
      if (c.out >= 0) ::close(c.out);
      if (c.err >= 0) ::close(c.err);
      if (!c.out_rest.empty()) c.result.lines.push_back(c.out_rest);
      c.result.complaint += c.err_rest;
      c.result.seconds = seconds_since(c.began);
      if (WIFEXITED(status)) c.result.code = WEXITSTATUS(status);
      if (WIFSIGNALED(status)) c.result.signal = WTERMSIG(status);
      finished result = std::move(c.result);
      alive_.erase(it);
      return result;
    }
    double const left = seconds - seconds_since(began);
    if (left <= 0 || alive_.empty()) return std::nullopt;
    std::vector<pollfd> fds;
    for (auto& [id, c] : alive_) {
      if (c.out >= 0) fds.push_back({c.out, POLLIN, 0});
      if (c.err >= 0) fds.push_back({c.err, POLLIN, 0});
    }
    // The end of a child closes its pipes and wakes the poll; the short time-out is for children
    // whose grandchildren keep them open.
    ::poll(fds.data(), fds.size(), fds.empty() ? 5 : static_cast<int>(std::min(left, 0.1) * 1000) + 1);
    for (auto& [id, c] : alive_) {
      if (c.out >= 0) drain(c, c.out, c.out_rest, false);
      if (c.err >= 0) drain(c, c.err, c.err_rest, true);
    }
  }
}

void children::stop(std::function<void(finished const&)> const& ended) {
  for (auto& [id, c] : alive_) ::kill(-c.pid, SIGTERM);
  auto const began = std::chrono::steady_clock::now();
  while (!alive_.empty() && seconds_since(began) < 2) {
    auto const result = wait(0.1);
    if (result && ended) ended(*result);
  }
  for (auto& [id, c] : alive_) {
    ::kill(c.pid, bury_signal);
    ::waitpid(c.pid, nullptr, 0);
    if (c.out >= 0) ::close(c.out);
    if (c.err >= 0) ::close(c.err);
  }
  alive_.clear();
}

finished run(command const& what) {
  finished ended;
  if (command_line::interrupted()) return ended;
  children one;
  one.start(what);
  while (!command_line::interrupted()) {
    if (auto result = one.wait(0.2)) return *result;
  }
  one.stop([&ended](finished const& result) { ended = result; });
  return ended;
}

}  // namespace retake::campaign
