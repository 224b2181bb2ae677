// pprof.hpp: writes profile.proto (github.com/google/pprof/proto/profile.proto) by protozero.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retake/debug.hpp"

namespace retake::observe {

struct pprof_sample {
  std::vector<stack_frame> stack;  // innermost first
  std::vector<std::int64_t> values;
};

// `types`: what each value counts; its unit behind a slash: "delay/nanoseconds", else "count".
[[nodiscard]] std::string pprof_bytes(std::vector<std::string> const& types, std::vector<pprof_sample> const& samples,
                                      std::int64_t walltime_ns);

}  // namespace retake::observe
