// Goal.   The core's claims hold on real threads.
// Method. Each claim many times over: its threads meet at a barrier, then run at once. Under TSan
// this is where `plain` is checked.
#include <gtest/gtest.h>

#include <barrier>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "conformance_core.hpp"

namespace retake::conformance {

namespace {

constexpr int executions = 2000;

// `threads` helpers run each execution; the caller makes the claim before and looks at it after.
template <class Claim>
void run_many() {
  std::unique_ptr<Claim> claim;
  std::barrier<> meet(Claim::threads + 1);
  std::vector<std::thread> helpers;
  for (unsigned index = 0; index != Claim::threads; ++index) {
    helpers.emplace_back([&, index] {
      for (int i = 0; i != executions; ++i) {
        meet.arrive_and_wait();
        claim->body(index);
        meet.arrive_and_wait();
      }
    });
  }
  for (int i = 0; i != executions; ++i) {
    claim = std::make_unique<Claim>();
    meet.arrive_and_wait();
    meet.arrive_and_wait();
    claim->after();
  }
  for (std::thread& helper : helpers) helper.join();
}

class claim_on_real_threads : public testing::Test {
 public:
  explicit claim_on_real_threads(std::function<void()> run) : run_(std::move(run)) {}
  void TestBody() override { run_(); }

 private:
  std::function<void()> run_;
};

struct register_claim {
  template <class Claim>
  void operator()() const {
    testing::RegisterTest("core_in_os", Claim::name, nullptr, nullptr, __FILE__, __LINE__,
                          [] { return new claim_on_real_threads(run_many<Claim>); });
  }
};

}  // namespace

}  // namespace retake::conformance

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  retake::conformance::core_claims::each(retake::conformance::register_claim{});
  return RUN_ALL_TESTS();
}
