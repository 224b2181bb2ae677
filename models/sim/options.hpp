// options.hpp: what decides the outcome of an execution, besides its scenario and its choices.
//
// Problem.   A finding that depends on an option which its record does not name cannot be run
//            again, and nothing says why.
// Recipe.    One list. The command line takes its flags from it, a replay is written and read by
//            it, and whatever runs a replay again runs it under the options that were read. A
//            member of `options` that the list lacks does not compile; an option without a scenario
//            that depends on it turns tests/sim/replay_options_test.cpp red.
//
// To add an option: a member, an entry in options.cpp, a scenario in that test. Replays of before
// are then refused: raise `replay_version`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sim/sites.hpp"

namespace retake::sim {

enum class memory_mode : std::uint8_t { sc, c11 };
enum class check_mode : std::uint8_t { commit, step };

struct options {
  memory_mode memory = memory_mode::c11;
  std::uint32_t history = 8;            // stores kept per location, 1..history_max
  std::uint32_t fault_mask = 0;         // bit per fault_kind
  std::uint32_t fault_budget = 2;       // strikes per execution, all kinds together
  std::uint32_t ticks_max = 4;          // clock ticks by choice per execution
  std::uint32_t spins_free = 2;         // pauses of one loop that neither wait nor give up
  std::uint32_t give_ups_max = 4;       // loops that give up by choice per execution
  std::uint32_t placements_max = 4;     // stores that are placed before newer ones per execution
  std::uint32_t weak_failures_max = 4;  // weak compare_exchanges that fail by choice per execution
  check_mode check = check_mode::commit;
  mutant mutate;
};

struct option {
  char const* name;  // a word of a replay; --name is the flag, with `-` for `_`
  char const* help;
  std::string (*text)(options const&);  // empty: none
  // False: `accepted` says what would be.
  bool (*parse)(std::string_view text, options& out, std::string& accepted);
};

// All of them.
std::span<option const> option_list() noexcept;
std::string flag_of(option const& o);

// "spurious,eintr" or "none" or "all". False: `unknown` is the name that is not one.
bool parse_faults(std::string const& list, std::uint32_t& mask, std::string& unknown);
std::string faults_text(std::uint32_t mask);

}  // namespace retake::sim
