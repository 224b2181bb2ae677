// bounded_load.hpp: many callers at once through a bound: how many are served, on how many threads
#pragma once

#include <cstdint>
#include <vector>

#include "hammer.hpp"
#include "observed.hpp"
#include "quantile.hpp"
#include "retake/bounded.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"

namespace retake::costs {

struct load {
  double per_second = 0, threads = 0;         // threads: beside those that were there before
  double p50_ms = 0, p99_ms = 0;              // of a call, from its admission
  double whole_p50_ms = 0, whole_p99_ms = 0;  // from its arrival: the wait for a turn included
};

// `callers` at once, of whom `most` may be in the foreign call at a time. In a runtime of its own:
// threads that are there already are not made.
template <class Call>
load bounded_load(std::uint32_t processors, std::uint32_t callers, std::uint32_t most, Call call) {
  std::vector<double> took_ms(callers), whole_ms(callers);
  load seen;
  options chosen;
  chosen.processors = processors;
  run(chosen, [&] {
    bounded calls(most);
    const auto before = static_cast<double>(stress::kernel_threads());
    wait_group all;
    all.add(static_cast<std::int32_t>(callers));
    stress::thread_peak threads;
    const std::int64_t began_ns = stress::now_ns();
    const auto ms_past = [](std::int64_t from_ns) { return static_cast<double>(stress::now_ns() - from_ns) * 1e-6; };
    for (std::uint32_t i = 0; i < callers; ++i) {
      go([&, i] {
        static_cast<void>(calls.foreign_call(background(), [&] {
          const std::int64_t admitted_ns = stress::now_ns();
          call();
          took_ms[i] = ms_past(admitted_ns);
        }));
        whole_ms[i] = ms_past(began_ns);
        all.done();
      });
    }
    all.wait();
    seen.per_second = callers / (ms_past(began_ns) * 1e-3);
    seen.threads = static_cast<double>(threads.end()) - before;
  });
  seen.p50_ms = stress::share_of(took_ms, 0.5);
  seen.p99_ms = stress::share_of(took_ms, 0.99);
  seen.whole_p50_ms = stress::share_of(whole_ms, 0.5);
  seen.whole_p99_ms = stress::share_of(whole_ms, 0.99);
  return seen;
}

}  // namespace retake::costs
