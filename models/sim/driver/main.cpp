// retake-sim: the simulator's command line. Words and flags: see arguments.cpp; `./retake` is the
// launcher in front of it.
#include "arguments.hpp"
#include "command_line/output.hpp"

int main(int argc, char** argv) {
  using namespace retake::sim::driver;
  arguments a;
  return retake::command_line::finish("retake-sim", [&] {
    int code = exit_holds;
    if (!parse(argc, argv, a, code)) return code;
    auto const word = a.word == "sim"      ? run_sim
                      : a.word == "replay" ? run_replay
                      : a.word == "shrink" ? run_shrink
                                           : run_list;
    return word(a);
  });
}
