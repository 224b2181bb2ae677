// The pinned workers as a process: the kernel's count of threads and the library's of handles bound
// what the program may say of itself.
#include <gtest/gtest.h>

#include <algorithm>

#include "child.hpp"
#include "http_client.hpp"

namespace retake::test {
namespace {

constexpr std::uint32_t workers = 4, few = 8,
                        threads_max =
                            workers + 2 + few;  // GOMAXPROCS=2; few: the runtime's own, and those that look for work

// "" when the threads were few, and none but workers had handles.
std::string check_pinned(std::vector<std::string> command, nlohmann::json& said) {
  child c(std::move(command));
  std::uint32_t peak = 0;
  for (; !c.has_spoken(); nap_ms(5)) peak = std::max(peak, c.threads());
  said = c.json_line();
  if (!said.is_object()) return "it says nothing";
  if (const int code = c.code(); code != 0) return "exit code " + std::to_string(code);
  if (peak > threads_max) return "threads: " + std::to_string(peak);
  if (said["handles"] > workers) return "handles: " + said["handles"].dump();
  return "";
}

TEST(pinned_workers, call_for_many_on_few_threads) {
  nlohmann::json said;
  EXPECT_EQ(check_pinned({RETAKE_PINNED_WORKERS, "--workers", "4", "--callers", "200", "--calls", "1000", "--json"},
                         said),
            "");
  EXPECT_EQ(said["given_up"], 0);
  EXPECT_GE(said["p99_ms"], said["p50_ms"]);
  EXPECT_GT(said["p50_ms"], 0.5) << "a call takes so long";
}

TEST(pinned_workers, callers_give_up_and_the_workers_go_on) {
  nlohmann::json said;
  EXPECT_EQ(check_pinned({RETAKE_PINNED_WORKERS, "--workers", "4", "--callers", "200", "--calls", "1000", "--call-us",
                          "2000", "--deadline-ms", "10", "--json"},
                         said),
            "");
  EXPECT_GT(said["given_up"], 0);
}

TEST(pinned_workers, a_twin_without_the_pool_is_noticed) {
  nlohmann::json said;
  EXPECT_EQ(check_pinned({RETAKE_FAULTY_WORKERS}, said).find("threads: "), 0u);
  EXPECT_GT(said["handles"], workers);
}

}  // namespace
}  // namespace retake::test
