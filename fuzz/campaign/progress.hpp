// progress.hpp: what a person sees while a campaign runs: one line that is rewritten on a terminal,
// a plain line now and then elsewhere.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace retake::campaign {

struct tally {  // of one technique
  std::string technique;
  std::uint32_t subjects = 0;    // runs that ended
  std::uint64_t executions = 0;  // rounds, of the hammers
  std::uint64_t distinct_traces = 0;
  double seconds = 0;  // CPU slots taken
  std::uint32_t findings = 0;
  std::uint32_t faults = 0;

  double rate() const { return seconds > 0 ? static_cast<double>(executions) / seconds : 0; }
};

class progress {
 public:
  explicit progress(std::FILE* to);

  // Rewrites the line at most ten times a second on a terminal, prints one every ten seconds
  // elsewhere.
  void show(std::vector<tally> const& tallies, std::vector<std::string> const& running, double seconds_left);
  // A line that stays. None of these throws: what standard output does not take, the main function
  // sees at the end.
  void say(std::string const& line);
  void table(std::vector<tally> const& tallies, double seconds);

 private:
  void put(std::string const& text);

  std::FILE* to_;
  bool terminal_;
  double shown_at_ = -1e9;
};

// 1234567 -> "1.23 M"
std::string short_number(double n);

}  // namespace retake::campaign
