// Prints one hash per seed over the core scenarios. Built by two compilers at two optimisation
// levels (CMakeLists.txt); the four outputs, with and without address space randomisation, must be
// one.
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "sim/campaign.hpp"
#include "sim/choices/pct.hpp"
#include "sim/choices/random_walk.hpp"

int main() {
  using namespace retake::sim;
  for (auto const memory : {memory_mode::sc, memory_mode::c11}) {
    options o;
    o.memory = memory;
    o.fault_mask = ~0U >> (32 - static_cast<unsigned>(fault_kind::count));
    engine e(o);
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
      std::uint64_t hash = 0;
      for (scenario const* s : catalog()) {
        if (std::strncmp(s->name, "core_", 5) != 0) continue;
        random_walk r(seed);
        hash = hash * 31 + explore(e, *s, r, {.executions_max = 4}).trace_hash;
        pct p(seed, 3);
        hash = hash * 31 + explore(e, *s, p, {.executions_max = 4}).trace_hash;
      }
      std::printf("%" PRIu64 " %016" PRIx64 "\n", seed, hash);
    }
  }
}
