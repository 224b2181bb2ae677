// jobs.hpp: one run of one program on one subject, as the campaign plans it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "catalogue.hpp"

namespace retake::campaign {

struct budget {  // of one run of one program
  double seconds = 0;
  std::uint64_t executions = 0;  // 0: time is the bound

  bool fixed() const { return executions != 0; }
};

// How far the executions of a program are a function of its seed and their number.
enum class repeatable {
  no,      // real threads, or a clock of its own
  whole,   // its search begins with what every seed has in common: two halves of it would be the same
  divided  // two seeds are two samples
};

struct job {
  std::string technique;         // model, sim, fuzz, props, stress
  std::string subject;           // what it is shown as: "syscall_against_retake pct c11"
  double weight = 0;             // share of the campaign's time
  unsigned slots = 1;            // cores it uses
  double slice_seconds_min = 1;  // below that it is mostly start-up
  bool ended = false;            // exhausted, or it has found something: nothing more to get
  bool had_turn = false;         // something of it was executed
  repeatable how_repeatable = repeatable::no;
  std::function<std::vector<std::string>(budget const& bound, std::uint64_t seed)> words;
};

// Everything that hunt runs, each technique's share divided among its subjects.
std::vector<job> plan(catalogue const& programs, std::string const& out, unsigned workers);

// Every child gets a seed of its own from the campaign's.
std::uint64_t mixed(std::uint64_t seed, std::uint64_t turn);

struct shard {  // this machine's part of the jobs
  std::size_t index = 0, count = 1;

  bool has(std::size_t job) const { return job % count == index; }
  std::string text() const { return std::to_string(index) + "/" + std::to_string(count); }
};

// Reads `1/4`, the second of four parts. Nothing: it is no shard.
std::optional<shard> shard_in(std::string const& text);

}  // namespace retake::campaign
