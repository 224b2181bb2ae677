// explore.hpp: explores concurrent C++ code: its schedules, the old values that its memory orders
// allow, virtual time.
//
//     auto const found = retake::explore::check([] { ... });
//     ASSERT_TRUE(found);                     // GoogleTest: the message is the finding
//     return retake::explore::finish(found);  // a plain main
//
// The body runs many times on one OS thread. It makes all that it shares anew, from types that the
// simulator sees (retake/model.hpp, or world/ for code written against it), and its threads have
// ended when it returns. What it captures by reference is not reset. A body that fails is abandoned
// where it stands: no destructor runs.
//
// The environment overrides options: RETAKE_EXPLORE_SEED=7, and likewise STRATEGY, MEMORY, FAULTS,
// SECONDS, EXECUTIONS, PREEMPTIONS, DEPTH, OUT, each other option of a replay by its name there,
// REPLAY=FILE, SHRINK=FILE. A value or a name that is not accepted is one line on standard error
// and exit code 2.
#pragma once

#include <concepts>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <type_traits>

namespace retake::explore {

// Empty and nullopt stand for the default.
struct options {
  std::string name;   // of the check, in replays: letters, digits, `.`, `_`, `-`; default: the file's stem and the line
  std::string claim;  // what holds if the check does
  std::string strategy;  // random (default), pct, pos, surw, dfs (every execution up to a bound of preemptions)
  std::string memory;    // c11 (default), sc
  std::string faults;    // none (default), all, or a list of names
  std::optional<double> seconds;  // default: no bound
  std::optional<std::uint64_t>
      executions;                     // default: 100,000 without a bound in seconds; dfs: to the end of the search
  std::optional<std::uint64_t> seed;  // default 1
  std::optional<std::uint32_t> preemptions;  // dfs: the bound, default 2
  std::optional<std::uint32_t> depth;        // pct: default 3
  std::uint32_t steps = 20'000;  // in which the strategy decides; then the world is fair and has as many to end
  std::string out;               // folder for replays, default `out`
};

class result {
 public:
  // No finding, and at least one execution ran to its end.
  [[nodiscard]] bool holds() const noexcept { return code_ == 0; }
  explicit operator bool() const noexcept { return holds(); }
  // What GoogleTest's assertions take, with the report as its message.
  template <class Assertion>
  requires(!std::same_as<Assertion, bool>) && requires(Assertion a) { a.failure_message(); }
  operator Assertion() const {  // implicit: ASSERT_TRUE converts
    return Assertion(holds()) << text_;
  }

  // 0 holds, 1 a finding, 4 no execution ran to its end.
  [[nodiscard]] int code() const noexcept { return code_; }
  // For people: tag, claim, timeline, the command that replays it and the one that stops gdb where
  // it fails.
  [[nodiscard]] std::string const& text() const noexcept { return text_; }
  [[nodiscard]] std::string const& tag() const noexcept { return tag_; }        // of the finding; empty: none
  [[nodiscard]] std::string const& claim() const noexcept { return claim_; }    // that did not hold
  [[nodiscard]] std::string const& replay() const noexcept { return replay_; }  // its file
  [[nodiscard]] std::uint64_t executions() const noexcept { return executions_; }
  [[nodiscard]] double seconds() const noexcept { return seconds_; }
  // The search ended and nothing was cut short.
  [[nodiscard]] bool exhausted() const noexcept { return exhausted_; }
  // RETAKE_EXPLORE_REPLAY or _SHRINK names another check of this program: nothing ran here.
  [[nodiscard]] bool skipped() const noexcept { return skipped_; }

 private:
  friend struct builder;
  int code_ = 0;
  std::string text_, tag_, claim_, replay_;
  std::uint64_t executions_ = 0;
  double seconds_ = 0;
  bool exhausted_ = false;
  bool skipped_ = false;
};

std::ostream& operator<<(std::ostream& to, result const& r);

namespace detail {
struct body_reference {
  void (*call)(void*) = nullptr;
  void* body = nullptr;
};
result check(body_reference body, options const& chosen, char const* file, unsigned line);

template <class Body>
bool is_empty(Body& body) {
  if constexpr (std::is_pointer_v<Body> || requires { typename Body::result_type; }) {
    return body == nullptr;
  } else {
    return false;
  }
}
}  // namespace detail

// Runs the body until a finding, or as long as the options say. Not within a body.
template <class Body>
[[nodiscard]] result check(Body body, options const& chosen = {}, char const* file = __builtin_FILE(),
                           unsigned line = __builtin_LINE()) {
  detail::body_reference erased;
  if (!detail::is_empty(body)) erased = {[](void* at) { (*static_cast<Body*>(at))(); }, &body};
  return detail::check(erased, chosen, file, line);
}

// In a body: a claim. The tag of a finding is the text before the colon, else `require`.
void require(bool condition, char const* tag_and_claim, char const* file = __builtin_FILE(),
             unsigned line = __builtin_LINE(), char const* function = __builtin_FUNCTION());

// In a body: one of 0 to n - 1, and each is explored.
std::uint32_t choose(std::uint32_t n, char const* file = __builtin_FILE(), unsigned line = __builtin_LINE(),
                     char const* function = __builtin_FUNCTION());

// For a plain main. Takes `--seed 7`, `--replay FILE` and so on as the environment's overrides.
void take_arguments(int argc, char** argv);
// Prints the result; returns the exit code.
int finish(result const& r);

}  // namespace retake::explore
