// The observations of conformance_rest.hpp from the real kernel, on standard output.
#include "conformance_rest.hpp"

// TSan calls it a race when a descriptor is closed under a read, and so it is, in a program. Here it is the question.
extern "C" char const* __tsan_default_suppressions();
extern "C" char const* __tsan_default_suppressions() { return "race:retake::conformance::observe_blocking_pipe\n"; }

int main() { retake::conformance::observe_everything(); }
