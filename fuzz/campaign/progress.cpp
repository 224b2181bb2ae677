#include "progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>

namespace retake::campaign {

namespace {

constexpr double redraw_seconds = 0.1;
constexpr double plain_line_seconds = 10;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

std::string short_number(double n) {
  if (n >= 1e9) return fmt::format("{:.2f} G", n / 1e9);
  if (n >= 1e6) return fmt::format("{:.2f} M", n / 1e6);
  if (n >= 1e4) return fmt::format("{:.1f} k", n / 1e3);
  return fmt::format("{:.0f}", n);
}

// A terminal that cannot erase a line (TERM is dumb, or nothing) gets plain lines, as a file does.
progress::progress(std::FILE* to) : to_(to), terminal_(::isatty(::fileno(to)) != 0) {
  char const* const kind = std::getenv("TERM");
  if (kind == nullptr || *kind == 0 || std::string_view(kind) == "dumb") terminal_ = false;
}

void progress::show(std::vector<tally> const& tallies, std::vector<std::string> const& running, double seconds_left) {
  double const t = now();
  if (t - shown_at_ < (terminal_ ? redraw_seconds : plain_line_seconds)) return;
  shown_at_ = t;
  std::uint64_t executions = 0, traces = 0;
  std::uint32_t findings = 0, faults = 0;
  double rate = 0;
  for (tally const& one : tallies) {
    executions += one.executions;
    traces += one.distinct_traces;
    findings += one.findings;
    faults += one.faults;
    rate += one.rate();
  }
  std::string line =
      fmt::format("{:4.0f} s left  {} executions  {}/s  {} distinct traces  {} finding{}", std::max(0.0, seconds_left),
                  short_number(static_cast<double>(executions)), short_number(rate),
                  short_number(static_cast<double>(traces)), findings, findings == 1 ? "" : "s");
  if (faults != 0) line += fmt::format("  {} harness fault{}", faults, faults == 1 ? "" : "s");
  for (std::string const& one : running) line += "  | " + one;
  if (!terminal_) {
    put(line + "\n");
  } else {
    winsize size{};
    if (::ioctl(::fileno(to_), TIOCGWINSZ, &size) == 0 && size.ws_col > 1) line = line.substr(0, size.ws_col - 1u);
    put("\r\033[K" + line);
  }
}

void progress::put(std::string const& text) {
  std::fwrite(text.data(), 1, text.size(), to_);
  std::fflush(to_);
}

void progress::say(std::string const& line) { put((terminal_ ? "\r\033[K" : "") + line + "\n"); }

void progress::table(std::vector<tally> const& tallies, double seconds) {
  say("");
  say(fmt::format("{:<12} {:>6} {:>14} {:>12} {:>16} {:>9} {:>7}", "technique", "runs", "executions", "per second",
                  "distinct traces", "findings", "faults"));
  for (tally const& one : tallies) {
    say(fmt::format("{:<12} {:>6} {:>14} {:>12} {:>16} {:>9} {:>7}", one.technique, one.subjects, one.executions,
                    short_number(one.rate()), one.distinct_traces != 0 ? std::to_string(one.distinct_traces) : "-",
                    one.findings, one.faults));
  }
  say(fmt::format("{:.0f} seconds", seconds));
}

}  // namespace retake::campaign
