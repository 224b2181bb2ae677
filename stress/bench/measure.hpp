// measure.hpp: what the benches share: a metric, its repetitions, and how a result is said.
//
// A metric is measured in several runs, each about as long as its share of --seconds; the result is their median, with the least and the greatest.
// With --peers the runs of retake and of Go alternate: on a shared machine only the ratio of neighbours means anything.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace retake::bench {

struct settings {
  std::string only;      // part of a name; empty: all
  double seconds = 30;   // for all of it
  bool peers = false;
  bool as_json = false;
};

inline constexpr std::uint32_t runs_per_metric = 5;

struct summary {
  double median = 0, least = 0, greatest = 0;
  std::uint32_t runs = 0;
};
[[nodiscard]] summary summarize(std::vector<double> values);

// One line: {metric, unit, value, min, max, runs, peer}.
void say(settings const& chosen, char const* group, std::string const& metric, char const* unit, summary const& s, std::string const& peer);
// For people: the ratio beside its target; "" for none.
void say_ratio(settings const& chosen, std::string const& metric, double ratio, double target);
void say_text(settings const& chosen, std::string const& text);

// What a program says on standard output; `code` is how it ended, -1 when it could not be started.
[[nodiscard]] std::string output_of(std::vector<std::string> const& words, int& code, std::string const& folder = "");
// Where a program of ours is: beside this one, or in the build that makes it. Empty: not built.
[[nodiscard]] std::string program(std::string const& name);

[[nodiscard]] int bench_runtime(settings const& chosen);
[[nodiscard]] int bench_harness(settings const& chosen);

}  // namespace retake::bench
