// replay.hpp: one schedule as text: written, read, followed.
//
// Problem.   A finding must be run again tomorrow, by somebody else, on a tree with an edited
//            comment.
// Recipe.    Header (what the world was), then one choice a line, then `end N`. A choice names
//            slot, operation and function, never a line and never an address. Following is strict:
//            each choice the run asks must be the one on record; the first that is not is reported,
//            with both sides.
// Rejected.  The seed alone: it names an execution of this binary only. Alternatives by index: an
//            edit that enables one more thread would silently turn the record into another
//            schedule; thread choices name the thread they chose.
//
// Format     retake-replay 4                     then `word value` lines: scenario, chaos_steps,
//                                                  heal_steps, steps_max (the scenario's
//            thread 1 cas take_over -> 0         bounds), each option of options.hpp in the order
//                                                  of its list, tag, revision;
//            read 0 load poll -> 1/3             a value of `-` is empty. A choice: age of what was
//                                                  read / how many could be read.
//            give_up 1 pause poll -> 1/2         0: waits in the spin loop; 1: gives up
//            fault 0 futex_wait spurious -> 1/2  random, named: the same, with the name of the
//                                                  choice
//            end 3
//            place 1 store put -> 1/3             as read, of the store that this one follows
//            Version 3 had no `placements` and `weak_failures`, version 2 no `give_ups` either, as
//            nothing of the kind was a choice: they are read, as of 0. A file of another version is
//            refused: version 1 did not say where the checkers look, nor the scenario's bounds.
//            So is a file of more than file_bytes_max, a line of more than line_bytes_max, and a
//            NUL byte.
// Not promised: that a record runs under a later revision whose code differs: that is what
// "diverged" is for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/choices/chooser.hpp"
#include "sim/engine.hpp"

namespace retake::sim {

struct replay_choice {
  choice_kind kind = choice_kind::thread;
  std::uint32_t thread = 0;
  std::string op;
  std::string function;  // of a fault or named choice: its name
  std::uint32_t to = 0;  // thread: slot or clock_slot
  std::uint32_t chosen = 0;
  std::uint32_t n = 0;

  std::string text() const;
};

inline constexpr std::uint32_t replay_version = 4;

struct replay {
  static constexpr std::size_t file_bytes_max = 64U << 20;
  static constexpr std::size_t line_bytes_max = 64U << 10;

  std::string scenario;
  std::uint32_t chaos_steps = 0, heal_steps = 0, steps_max = 0;
  options world;  // with the mutant that it was found under
  std::string tag;
  std::string revision;
  std::vector<replay_choice> choices;

  // From what an engine just did. The record names `s.name`.
  static replay of(engine const& e, sim::scenario const& s, char const* tag, std::vector<choice_record> const& choices);
  // The scenario of that name, as it was when the record was made.
  sim::scenario bounded(sim::scenario s) const;
  std::string text() const;
  // False, and one line that says what is wrong and where.
  static bool parse(std::string const& text, replay& out, std::string& reason);
  // To a temporary file beside it, made durable, then renamed. False, and why.
  bool write(std::string const& path, std::string& reason) const;
  static bool read(std::string const& path, replay& out, std::string& reason);
};

// As built; "unknown" when the build did not say.
char const* revision() noexcept;

// Follows a record. Strict: after the first divergence (and the caller must ask) nothing counts.
// Continuing: after it, or after the end, alternative 0.
class replay_chooser final : public chooser {
 public:
  replay_chooser(replay const& r, site_table const& sites) : replay_(r), sites_(sites) {}
  char const* name() const override { return "replay"; }
  void begin(std::uint64_t) override {
    place_ = 0;
    divergence_.clear();
  }
  std::uint32_t choose(choice_point const& p) override;
  bool end(execution_summary const&) override { return false; }

  // Empty: none so far. Else where, and what stood on each side.
  std::string const& divergence() const { return divergence_; }
  std::size_t followed() const { return place_; }
  // Where the run left the record: at a divergence, or by ending before the record's end. Empty:
  // followed to its end.
  std::string departure() const;

 private:
  replay const& replay_;
  site_table const& sites_;
  std::size_t place_ = 0;
  std::string divergence_;
};

// One record, run again with its texts.
struct rerun {
  execution result;
  bool reproduced = false;   // it failed with the record's tag
  bool fits = false;         // the record was followed to its end, or to the finding
  std::string departure;     // see replay_chooser
  std::size_t followed = 0;  // choices
  // The closing line for people.
  std::string verdict(replay const& r) const;
};
// The engine has the record's options, or what its caller wants instead.
rerun run_again(engine& e, scenario const& s, replay const& r);

}  // namespace retake::sim
