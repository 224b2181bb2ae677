// shell.hpp: programs for the tests of processes.
#pragma once

#include <string>

#include "retake/process.hpp"

namespace retake::test {

inline process_options shell(std::string const& script) {
  process_options options;
  options.arguments = {"sh", "-c", script};
  return options;
}

}  // namespace retake::test
