// schedule_target.hpp: an input of libFuzzer is a scenario, a world and every choice of one
// execution; a finding is a replay.
//
// Problem.   libFuzzer mutates bytes and keeps what reaches something new. A schedule must be
//            bytes, "new" must mean a new interleaving, and what was found must be run again
//            without libFuzzer.
// Rejected.  The scenario by its index: a new scenario would turn the whole corpus into schedules
//            of others. An engine per execution: mapping its memory costs more than running it.
//            Coverage of the engine: it is the tool, its branches say nothing.
// Recipe.    bytes 0, 1  the scenario: the first at or behind this number on the ring of hashed
//                          names, so that most inputs keep theirs
//            byte 2      bit 0: 0 c11, 1 sc; bits 1, 2: weather (which faults may strike); the
//                        rest is unused
//            bytes 3...  the choices (models/sim/choices/bytes.hpp): 0 is the tame alternative,
//                        behind the end all is tame
//            One engine per world, made when first needed, used for ever. Pairs of (store, load
//            that read it) are extra counters. A finding is shrunk, written, printed; then the
//            target traps, with libFuzzer's own signal handlers back in place, so that the input is
//            kept.
//
// Environment (a bad value is one line and code 2):
//            RETAKE_FUZZ_SCENARIO=NAME   this scenario only, whatever bytes 0 and 1 say
//            RETAKE_FUZZ_OUT=DIR         where replays go; default: the folder of -artifact_prefix,
//                                        else out
//            RETAKE_FUZZ_JSON=FILE       one line of kind "fuzz" is appended when the run ends or
//                                        finds something
//            RETAKE_FUZZ_MUTATE=SITE:KIND   a site mutant, as --mutate of the simulator
//            RETAKE_FUZZ_TRACE=1         for each input a line with the trace's hash, the scenario,
//                                        the world, and how many reads-from pairs were counted
// Checked by the canary and determinism tests of fuzz/CMakeLists.txt, and by tests/fuzz.
// Not promised: that an input found under another revision is the same schedule; the replay says
// when it is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/engine.hpp"
#include "sim/scenario.hpp"

namespace retake::fuzz {

class schedule_target {
 public:
  static constexpr std::size_t header_bytes = 3;

  // Reads the environment and libFuzzer's arguments. Scenarios that are there to fail are left out
  // unless `with_faulty`.
  schedule_target(char const* name, std::span<sim::scenario const* const> scenarios, bool with_faulty, int argc,
                  char** argv);
  ~schedule_target();

  // One execution. Does not return when it finds something.
  void run(std::uint8_t const* data, std::size_t size);
  // A neighbour of an input: its schedule with a preemption more, less, earlier or later, another
  // scenario or world, or libFuzzer's own idea.
  std::size_t mutate(std::uint8_t* data, std::size_t size, std::size_t size_max, std::uint32_t seed) const;
  // The world and the beginning of one input, the rest of the other, both at the same place.
  static std::size_t cross(std::span<std::uint8_t const> first, std::span<std::uint8_t const> second,
                           std::span<std::uint8_t> out, std::uint32_t seed);

 private:
  struct placed {
    std::uint16_t place;
    sim::scenario const* what;
  };
  sim::scenario const& scenario_of(std::uint8_t const* header) const;
  sim::engine& engine_of(std::uint8_t world);
  [[noreturn]] void report(sim::engine& e, sim::scenario const& s);
  std::string save(sim::engine& e, sim::scenario const& s, sim::execution& result) const;
  void write_line(std::string const& finding) const;

  char const* name_;
  std::vector<placed> ring_;  // by place
  std::string out_ = "out";
  std::string json_;
  sim::mutant mutant_;
  bool trace_ = false;
  bool done_ = false;
  std::uint64_t executions_ = 0;
  std::uint64_t truncated_ = 0;
  double began_;
  std::vector<std::unique_ptr<sim::engine>> engines_;  // by world; destroyed from the last made to the first
  std::vector<std::size_t> made_;
};

}  // namespace retake::fuzz
