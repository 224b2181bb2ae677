// without_libfuzzer.cpp: what a fuzz target does with a finding, in a build that has no libFuzzer:
// inputs are drawn by chance.
#include <cstdint>
#include <cstdio>
#include <vector>

#include "../../fuzz/libfuzzer_entry.hpp"
#include "scenarios/catalog.hpp"
#include "sim/choices/random_source.hpp"

namespace retake::fuzz {

namespace {

constexpr std::uint64_t inputs_max = 10'000;
constexpr std::size_t input_bytes = 64;
constinit sim::scenario const* const planted[] = {&scenarios::core_handoff_store};

}  // namespace

std::unique_ptr<schedule_target> make_target(int argc, char** argv) {
  return std::make_unique<schedule_target>("without_libfuzzer", planted, true, argc, argv);
}

}  // namespace retake::fuzz

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t*, std::size_t size, std::size_t) { return size; }

int main(int argc, char** argv) {
  std::unique_ptr<retake::fuzz::schedule_target> const target = retake::fuzz::make_target(argc, argv);
  for (std::uint64_t i = 0; i < retake::fuzz::inputs_max; ++i) {
    retake::sim::random_source random;
    random.seed(1, i);
    std::vector<std::uint8_t> input(retake::fuzz::input_bytes);
    for (std::uint8_t& byte : input) byte = static_cast<std::uint8_t>(random.below(256));
    target->run(input.data(), input.size());
  }
  std::puts("nothing was found");
}
