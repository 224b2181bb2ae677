// replay.hpp: one schedule as text: written, read, followed.
//
// Problem.   A finding must be run again tomorrow, by somebody else, on a tree with an edited comment.
// Recipe.    Header (what the world was), then one choice a line, then `end N`. A choice names slot, operation and function, never a
//            line and never an address. Following is strict: each choice the run asks must be the one on record; the first that is
//            not is reported, with both sides.
// Rejected.  The seed alone: it names an execution of this binary only. Alternatives by index: an edit that enables one more thread
//            would silently turn the record into another schedule; thread choices name the thread they chose.
//
// Format     retake-replay 1                      then: scenario, memory, history, faults, fault_budget, ticks, spins, tag, mutate,
//            thread 1 cas take_over -> 0          revision, each "word value"; a value of `-` is empty
//            read 0 load poll -> 1/3              age of what was read / how many it could have read
//            fault 0 futex_wait spurious -> 1/2   random, named: the same, with the name of the choice
//            end 3
// Not promised: that a replay of format 1 runs under a later revision whose code differs: that is what "diverged" is for.
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

struct replay {
  std::string scenario;
  options world;      // memory, history, faults, bounds; not the mutant
  std::string tag;
  std::string mutate;  // SITE:KIND it was found under, or empty: information, applied only on request
  std::string revision;
  std::vector<replay_choice> choices;

  // From what an engine just did.
  static replay of(engine const& e, char const* scenario, char const* tag, std::vector<choice_record> const& choices);
  std::string text() const;
  // False, and one line that says what is wrong and where.
  static bool parse(std::string const& text, replay& out, std::string& reason);
  // To a temporary file beside it, then renamed. False, and why.
  bool write(std::string const& path, std::string& reason) const;
  static bool read(std::string const& path, replay& out, std::string& reason);
};

// "spurious,eintr" or "none" or "all". False: `unknown` is the name that is not one.
bool parse_faults(std::string const& list, std::uint32_t& mask, std::string& unknown);
std::string faults_text(std::uint32_t mask);
// As built; "unknown" when the build did not say.
char const* revision() noexcept;

// Follows a record. Strict: after the first divergence (and the caller must ask) nothing counts. Continuing: after it, or after the
// end, alternative 0.
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

 private:
  replay const& replay_;
  site_table const& sites_;
  std::size_t place_ = 0;
  std::string divergence_;
};

}  // namespace retake::sim
