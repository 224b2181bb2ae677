// metrics.hpp: how many of what there are, and why calls took the path they took: numbers with
// stable names.
//
// Names and labels do not change between versions; new ones may come. Counters (…_total) only grow
// while the program runs. The values are read one after another while everything goes on: they need
// not fit together to the last one. errno belongs to the thread; any of these calls may move the
// goroutine to another (syscall.hpp).
#pragma once

#include <string>
#include <vector>

#include "retake/needs_exceptions.hpp"

namespace retake {

struct metric {
  std::string name;         // "retake_syscall_exit_total"
  std::string label_name;   // "path", or ""
  std::string label_value;  // "old_p"
  std::string help;         // one sentence
  bool counter = false;     // else a gauge
  double value = 0;
};

// All metrics, those of one name together. By a goroutine; takes the scheduler's lock for a moment,
// does not block. Throws std::bad_alloc.
[[nodiscard]] std::vector<metric> read_metrics();

// The same as text for a Prometheus server (exposition format 0.0.4).
[[nodiscard]] std::string metrics_text();

}  // namespace retake
