// fuzz_schedule.cpp: no schedule that libFuzzer can think of breaks a scenario of the catalogue.
#include "libfuzzer_entry.hpp"

namespace retake::fuzz {

std::unique_ptr<schedule_target> make_target(int argc, char** argv) {
  return std::make_unique<schedule_target>("fuzz_schedule", sim::catalog(), false, argc, argv);
}

}  // namespace retake::fuzz
