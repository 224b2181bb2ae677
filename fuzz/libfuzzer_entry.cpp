// libfuzzer_entry.cpp: what libFuzzer calls. It hands no context to its callbacks, so the one
// target of the program hangs here.
#include <cstddef>
#include <cstdint>

#include "libfuzzer_entry.hpp"

namespace {

std::unique_ptr<retake::fuzz::schedule_target> target;  // ends with the process: then it writes its line

}  // namespace

extern "C" {

int LLVMFuzzerInitialize(int* argc, char*** argv) {
  target = retake::fuzz::make_target(*argc, *argv);
  return 0;
}

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  target->run(data, size);
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max, unsigned seed) {
  return target->mutate(data, size, size_max, seed);
}

std::size_t LLVMFuzzerCustomCrossOver(std::uint8_t const* first, std::size_t first_size, std::uint8_t const* second,
                                      std::size_t second_size, std::uint8_t* out, std::size_t out_max, unsigned seed) {
  return retake::fuzz::schedule_target::cross({first, first_size}, {second, second_size}, {out, out_max}, seed);
}
}
