// property_main.hpp: a protocol against its reference model, under programs and schedules that
// RapidCheck thinks of.
//
// Problem.   A scenario fixes what each thread does and explores the order. Many mistakes need a
//            use of the protocol that nobody wrote down.
// Recipe.    A program is a list of commands for each of a few actors. RapidCheck generates
//            programs; each runs in the simulator under many schedules (random walk and PCT, their
//            seeds drawn by RapidCheck too), in both memory modes. While they run, every result is
//            compared with a reference model that knows nothing of the protocol's insides. A
//            failing program is made shorter by RapidCheck, then its schedule by models/sim/shrink;
//            both go into one replay.
// Rejected.  rapidcheck::state with preconditions: what is allowed depends on the schedule, so a
//            command whose condition does not hold here and now does nothing, and every part of a
//            program is a program.
//
// Replay     the simulator's format; the scenario is  NAME_properties[+TWIN]/COMMANDS|COMMANDS
//            with commands as put.steal:1.get
// Twins      faulty copies of the protocol, chosen by --twin: the alarm is alive as long as each of
//            them is found.
//
//            Flags: --seconds N --executions N --seed S --json --out DIR --list --replay FILE
//            [--continue] [--trace FILE] --mutate SITE:KIND --twin NAME Exit codes and JSON (kind
//            "props") as everywhere: 0 holds, 1 a finding, 2 bad usage, 4 a harness fault.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace retake::properties {

inline constexpr std::uint32_t actors_limit = 4;

struct command {
  std::uint8_t kind;
  std::uint8_t argument;
};

struct command_kind {
  char const* name;
  std::uint32_t weight;         // how often, in comparison with the others
  std::uint32_t arguments = 1;  // 0 .. arguments - 1
};

struct program {
  std::vector<std::vector<command>> actors;
};

struct twin {
  char const* name;
  char const* claim;  // what is wrong with it
  void (*body)();
};

struct property {
  char const* name;  // of the protocol
  char const* claim;
  void (*body)();  // simulated thread 0; runs the_program() and compares
  std::span<command_kind const> commands;
  std::uint32_t actors_min;
  std::uint32_t actors_max;
  std::uint32_t commands_max;  // of one actor
  std::uint32_t fault_mask;
  std::span<twin const> twins;
};

// What the running execution is to do.
program const& the_program() noexcept;

// A harness fault: the reference model itself could not decide. Ends the execution; the run ends
// with code 4.
[[noreturn]] void undecided(char const* why) noexcept;

int property_main(int argc, char** argv, property const& p);

}  // namespace retake::properties
