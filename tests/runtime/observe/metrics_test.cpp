// Metrics: names that stay, a text that a Prometheus server accepts, and every counter of a path
// driven from zero by the situation it names.
#include <gmock/gmock.h>

#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "../program.hpp"
#include "retake/metrics.hpp"

namespace retake::test {
namespace {

double metric_of(std::string const& name, std::string const& label = "") {
  for (metric const& one : read_metrics()) {
    if (one.name == name && one.label_value == label) return one.value;
  }
  ADD_FAILURE() << "no metric " << name << " " << label;
  return -1;
}

// These names are what dashboards and alerts are built on: one that is changed or lost here is a
// break of the contract.
TEST(metrics, names_and_labels_stay) {
  std::vector<std::string> names;
  run_on(2, [&] {
    for (metric const& one : read_metrics())
      names.push_back(one.label_value.empty() ? one.name
                                              : one.name + "{" + one.label_name + "=" + one.label_value + "}");
  });
  EXPECT_THAT(names, testing::IsSupersetOf({
                         "retake_processors",
                         "retake_processors_idle",
                         "retake_threads",
                         "retake_threads_idle",
                         "retake_threads_waiting_locked",
                         "retake_threads_spinning",
                         "retake_goroutines",
                         "retake_run_queue_global",
                         "retake_run_queue_local",
                         "retake_goroutines_created_total",
                         "retake_syscall_exit_total{path=old_p}",
                         "retake_syscall_exit_total{path=old_p_aba}",
                         "retake_syscall_exit_total{path=idle_p}",
                         "retake_syscall_exit_total{path=slow}",
                         "retake_syscall_exit_total{path=slow_locked}",
                         "retake_retake_total{reason=queue}",
                         "retake_retake_total{reason=nobody_idle}",
                         "retake_retake_total{reason=grace}",
                         "retake_retake_total{reason=lost}",
                         "retake_stop_total{way=taken_from_call}",
                         "retake_stop_total{way=stopped_at_enter}",
                         "retake_syscall_enter_blocking_total",
                         "retake_file_operation_total{way=at_once}",
                         "retake_file_operation_total{way=ring}",
                         "retake_file_operation_total{way=blocking}",
                         "retake_ring_trouble_total{what=refused}",
                         "retake_accept_put_off_total",
                         "retake_poll_break_total",
                         "retake_machine_start_total",
                         "retake_thread_create_total",
                         "retake_signal_told_total",
                         "retake_signal_wait_ns_total",
                         "retake_wall_clock_read_total",
                         "retake_wall_clock_ahead_ns",
                         "retake_handoff_total{case=queue}",
                         "retake_handoff_total{case=idle}",
                     }));
}

TEST(metrics, the_text_is_prometheus_exposition) {
  run_on(2, [] {
    const std::regex help("# HELP [a-z_]+ [^\\n]+\\."), type("# TYPE ([a-z_]+) (counter|gauge)"),
        sample("([a-z_]+)(\\{[a-z]+=\"[a-z0-9_]+\"\\})? ([0-9]+(\\.[0-9]+)?(e\\+[0-9]+)?)");
    std::istringstream in(metrics_text());
    std::map<std::string, int> families;
    std::string open;
    for (std::string line; std::getline(in, line);) {
      std::smatch m;
      if (std::regex_match(line, help)) continue;
      if (std::regex_match(line, m, type)) {
        open = m[1];
        EXPECT_EQ(families[open]++, 0) << "a family that comes twice: " << line;
        EXPECT_EQ(m[2] == "counter", open.ends_with("_total")) << line;
        continue;
      }
      ASSERT_TRUE(std::regex_match(line, m, sample)) << line;
      EXPECT_EQ(m[1], open) << line;
    }
    EXPECT_GE(families.size(), 15u);
  });
}

// What drives each path is in syscall_test.cpp and handoff_test.cpp; here each name shows its own
// counter and no other.
TEST(metrics, each_name_shows_its_own_counter) {
  run_on(2, [] {
    path_counters& c = paths();
    const std::vector<std::tuple<char const*, std::string, counter*>> named =
        {{"retake_syscall_exit_total", "old_p", &c.exit_old},
         {"retake_syscall_exit_total", "old_p_aba", &c.exit_old_aba},
         {"retake_syscall_exit_total", "idle_p", &c.exit_idle},
         {"retake_syscall_exit_total", "slow", &c.exit_slow},
         {"retake_syscall_exit_total", "slow_locked", &c.exit_slow_locked},
         {"retake_retake_total", "queue", &c.retake_queue},
         {"retake_retake_total", "nobody_idle", &c.retake_nobody_idle},
         {"retake_retake_total", "grace", &c.retake_grace},
         {"retake_retake_total", "lost", &c.retake_lost},
         {"retake_handoff_total", "queue", &c.handoff[handoff_case::queue]},
         {"retake_handoff_total", "idle", &c.handoff[handoff_case::idle]}};
    std::uint64_t amount = 1'000'000;
    for (auto const& [name, label, count] : named) {
      const double before = metric_of(name, label);
      for (auto const& [other_name, other_label, other] : named)
        other->value.store_relaxed(other == count ? static_cast<std::uint64_t>(before) + amount : 0);
      EXPECT_GE(metric_of(name, label), before + static_cast<double>(amount)) << name << " " << label;
      for (auto const& [other_name, other_label, other] : named) {
        if (other != count) {
          EXPECT_LT(metric_of(other_name, other_label), static_cast<double>(amount))
              << other_name << " " << other_label;
        }
      }
      amount += 1'000'000;
    }
  });
}

}  // namespace
}  // namespace retake::test
