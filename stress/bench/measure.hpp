// measure.hpp: what the benches share: a metric, its repetitions, and how a result is said.
//
// A metric is measured in several runs, each about as long as its share of --seconds; the result is
// their median, with the least and the greatest. With --peers the runs of retake and of Go
// alternate: on a shared machine only the ratio of neighbours means anything.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace retake::bench {

struct settings {
  std::string only;     // part of a name; empty: all
  double seconds = 30;  // for all of it
  bool peers = false;
  bool as_json = false;
};

// Whether the row is one that was asked for, by its group's name or a part of its own.
[[nodiscard]] bool wanted(settings const& chosen, std::string const& group, std::string const& row);

inline constexpr std::uint32_t runs_per_metric = 5;

struct summary {
  double median = 0, least = 0, greatest = 0;
  std::uint32_t runs = 0;
};
[[nodiscard]] summary summarize(std::vector<double> values);

// One line: {metric, unit, value, min, max, runs, peer}.
void say(settings const& chosen, char const* group, std::string const& metric, char const* unit, summary const& s,
         std::string const& peer);
// For people: the ratio beside its target; "" for none.
void say_ratio(settings const& chosen, std::string const& metric, double ratio, double target);
// A figure against the most that it may be, and a share of another's against the least.
void say_limit(settings const& chosen, std::string const& metric, double value, double most);
void say_share(settings const& chosen, std::string const& metric, double share, double least, std::string const& of);
void say_text(settings const& chosen, std::string const& text);

// What a program says on standard output; `code` is how it ended, -1 when it could not be started.
[[nodiscard]] std::string output_of(std::vector<std::string> const& words, int& code, std::string const& folder = "");
// Where a program of ours is: beside this one, or in the build that makes it. Empty: not built.
[[nodiscard]] std::string program(std::string const& name);

class peer;
// Each: how many of its rows were wanted. `go`: nullptr for none.
[[nodiscard]] int bench_runtime(settings const& chosen, peer const* go);
[[nodiscard]] int bench_scale(settings const& chosen, peer const* go);
[[nodiscard]] int bench_harness(settings const& chosen);

}  // namespace retake::bench
