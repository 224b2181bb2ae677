// retake-sim: the simulator's command line. Words and flags: see arguments.cpp; `./retake` is the launcher in front of it.
#include <fmt/format.h>

#include <exception>

#include "arguments.hpp"

int main(int argc, char** argv) {
  using namespace retake::sim::driver;
  arguments a;
  int code = exit_holds;
  try {
    if (!parse(argc, argv, a, code)) return code;
    if (a.word == "sim") return run_sim(a);
    if (a.word == "replay") return run_replay(a);
    if (a.word == "shrink") return run_shrink(a);
    return run_list(a);
  } catch (std::exception const& e) {
    fmt::print(stderr, "retake-sim: {}\n", e.what());
    return exit_harness;
  }
}
