// model_main.hpp: what a model's source includes: the world, the suites' base, and main.
//
// A suite is a struct of model::suite<itself, threads> with name, claim, void thread(unsigned
// index) and, if it has something to say when all threads have ended, void after(). Its members are
// made anew for each execution, before the threads start. It checks with world::require, and with
// plain data behind what is handed over. See README.md, "To add a model".
#pragma once

#include "explorer.hpp"
#include "harness.hpp"
#include "search.hpp"
#include "world/atomic.hpp"
#include "world/engine.hpp"
#include "world/futex.hpp"
#include "world/ghost.hpp"
#include "world/require.hpp"

namespace retake::model {

template <class Derived, unsigned Threads>
struct suite : rl::test_suite<Derived, static_cast<rl::thread_id_t>(Threads)> {
  static constexpr char const* must_fail = nullptr;
  static constexpr bool parks = false;
  static constexpr bool ends = true;
  static constexpr unsigned threads = Threads;
  static constexpr unsigned spurious = 0;
  static constexpr unsigned timeouts = 0;
  static constexpr unsigned give_ups = 4;  // spin loops of one execution that may give up
  static constexpr std::uint64_t random_executions = 1'000'000;
  static constexpr unsigned bound = 3;
  static constexpr unsigned depth_limit = 1000;  // scheduling points of one execution; more is a livelock
};

inline char const* tag_of(rl::test_result_e result) noexcept {
  switch (result) {
    case rl::test_result_data_race: return "race";
    case rl::test_result_deadlock: return "deadlock";
    case rl::test_result_livelock: return "livelock";
    case rl::test_result_access_to_freed_memory: return "use_after_free";
    case rl::test_result_unitialized_access: return "uninitialized";
    default: return "relacy";
  }
}

class no_output : public std::streambuf {
 protected:
  int overflow(int c) override { return c == std::char_traits<char>::eof() ? 0 : c; }
  std::streamsize xsputn(char const*, std::streamsize n) override { return n; }
};

template <class Suite>
void search_with(rl::test_params& params, conditions const& under) {
  world::relacy::run.fences_in_futex = under.fences_in_futex;
  world::relacy::run.spurious = under.spurious;
  world::relacy::run.timeouts = under.timeouts;
  world::relacy::run.give_ups = under.give_ups;
  world::relacy::run.recording = params.collect_history;
  params.search_type = rl::random_scheduler_type;  // makes loads look three stores back; explorer is what searches
  params.execution_depth_limit = Suite::depth_limit;
  rl::ostringstream state;
  rl::run_test<Suite, explorer<Suite::params::thread_count>>(params, state, false);
}

template <class Suite>
verdict run_suite(conditions const& under) {
  no_output nowhere;
  std::ostream silent(&nowhere);
  rl::test_params params;
  params.output_stream = params.progress_stream = &silent;
  search_with<Suite>(params, under);
  if (params.test_result == rl::test_result_success) return {};
  ++the_search.executions;  // the one that failed
  verdict found;
  found.steps = the_search.steps;
  found.preemptions = the_search.preemptions;
  if (params.test_result == rl::test_result_user_assert_failed && world::relacy::run.claim != nullptr) {
    found.claim = world::relacy::run.claim;
    std::size_t const colon = found.claim.find(':');
    found.tag = colon == std::string::npos ? "require" : found.claim.substr(0, colon);
  } else {
    found.tag = tag_of(params.test_result);
    found.claim = rl::test_result_str(params.test_result);
  }
  return found;
}

template <class Suite>
void write_history_of(conditions const& under, char const* path) {
  std::ofstream file(path, std::ios::app);  // opened before the engine replaces operator new
  rl::test_params params;
  no_output nowhere;
  std::ostream silent(&nowhere);
  params.output_stream = &file;
  params.progress_stream = &silent;
  params.collect_history = true;
  search_with<Suite>(params, under);
}

template <class Suite>
suite_entry entry_of() {
  return {.name = Suite::name,
          .claim = Suite::claim,
          .must_fail = Suite::must_fail,
          .parks = Suite::parks,
          .ends = Suite::ends,
          .threads = Suite::threads,
          .spurious = Suite::spurious,
          .timeouts = Suite::timeouts,
          .give_ups = Suite::give_ups,
          .random_executions = Suite::random_executions,
          .bound = Suite::bound,
          .run = run_suite<Suite>,
          .write_history = write_history_of<Suite>};
}

template <class... Suite>
int model_main(int argc, char** argv, char const* model) {
  return harness_main(argc, argv, model, {entry_of<Suite>()...});
}

}  // namespace retake::model
