// The observations of conformance_rest.hpp from the real kernel, on standard output.
#include "conformance_files.hpp"
#include "conformance_sockets.hpp"

// TSan calls it a race when a descriptor is closed under a read, and so it is, in a program. Here
// it is the question.
extern "C" char const* __tsan_default_suppressions();
extern "C" char const* __tsan_default_suppressions() { return "race:retake::conformance::observe_blocking_pipe\n"; }

// Address 8 is nobody's.
__attribute__((noinline, no_sanitize("address", "thread", "undefined"))) void retake::conformance::fault_now() {
  int volatile* volatile nobody = reinterpret_cast<int volatile*>(8);
  *nobody = 1;
}

int main() {
  retake::conformance::observe_everything();
  retake::conformance::observe_more_sockets();
  retake::conformance::observe_files_and_rings();
}
