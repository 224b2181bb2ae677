// affine_driver.cpp: somebody else's library, which locks threads: read the source of such a one
// before you call it
#include "vendor/affine_driver.hpp"

#include <atomic>
#include <chrono>
#include <memory>

#include "hammer.hpp"
#include "retake/channel.hpp"
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/thread_lock.hpp"

namespace affine_driver {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t opening_ns = 200'000, asking_ns = 1'000'000;
constexpr std::int64_t kept_ns = 30'000'000'000;
constexpr std::int64_t look_every_ns = 50'000'000;

std::atomic<std::uint32_t> opened{0};
std::atomic<bool> letting_go{false};

}  // namespace

std::uint32_t query_here(std::uint32_t key) {
  thread_local bool has_session = false;
  if (!has_session) {
    retake::stress::busy_ns(opening_ns);
    ++opened;
  }
  has_session = true;
  retake::stress::nap_ns(asking_ns);
  return key * 2654435761u;
}

std::uint32_t sessions_opened() { return opened; }

std::uint32_t query(std::uint32_t key) {
  auto const answer = std::make_shared<retake::channel<std::uint32_t>>(1);
  retake::go([answer, key] {
    const retake::os_thread_lock mine;
    answer->send(retake::foreign_call([key] { return query_here(key); }));
    for (std::int64_t kept = 0; kept < kept_ns && !letting_go; kept += look_every_ns)
      retake::sleep_for(std::chrono::nanoseconds(look_every_ns));
  });
  return *answer->receive();
}

void let_go() { letting_go = true; }

}  // namespace affine_driver
