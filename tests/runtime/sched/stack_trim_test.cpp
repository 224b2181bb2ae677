// Stacks that nobody wants give their memory back, and are as good as new. Method: resident memory,
// as the kernel counts it, against goroutines that wrote to their stacks.
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/sync.hpp"

namespace retake::test {
namespace {

constexpr int goroutines = 1'000;
constexpr std::size_t touched_bytes = 64 * 1024;
constexpr std::int64_t all_touched = std::int64_t{goroutines} * touched_bytes;

std::int64_t resident_bytes() {
  long whole = 0, resident = 0;
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  EXPECT_NE(file, nullptr);
  if (file == nullptr) return 0;
  EXPECT_EQ(std::fscanf(file, "%ld %ld", &whole, &resident), 2);
  std::fclose(file);
  return std::int64_t{resident} * ::sysconf(_SC_PAGESIZE);
}

[[gnu::noinline]] void touch() {
  char room[touched_bytes];
  std::memset(room, 1, sizeof(room));
  asm volatile("" : : "r"(room) : "memory");
}

// All at once: none has the stack of another.
void live_and_die() {
  wait_group begun, all;
  channel<int> gate;
  begun.add(goroutines);
  all.add(goroutines);
  for (int i = 0; i < goroutines; ++i) {
    go([&] {
      touch();
      begun.done();
      static_cast<void>(gate.receive());
      all.done();
    });
  }
  begun.wait();
  gate.close();
  all.wait();
}

struct memory_seen {
  std::int64_t with = 0, later = 0;  // what the goroutines have added: behind their end, and some time later
};

memory_seen look(std::int64_t trim_period_ns, int looks) {
  policy rules;
  rules.stack_trim_period = std::chrono::nanoseconds(trim_period_ns);
  memory_seen seen;
  run_on(2, rules, [&] {
    const std::int64_t before = resident_bytes();
    live_and_die();
    seen.with = resident_bytes() - before;
    const auto falls = [&] { return seen.with - (seen.later = resident_bytes() - before) > all_touched / 2; };
    for (int i = 0; i < looks && !falls(); ++i) sleep_for(10ms);
    live_and_die();
  });
  return seen;
}

TEST(stack_trim, gives_the_memory_of_unwanted_stacks_back_and_uses_them_again) {
  const memory_seen seen = look(20'000'000, 500);
  EXPECT_GE(seen.with, all_touched * 9 / 10);
  EXPECT_GT(seen.with - seen.later, all_touched / 2);  // a sanitizer's shadow stays
}

// The twin that the other test is to tell from the right one.
TEST(stack_trim, without_it_the_memory_stays) {
  const memory_seen seen = look(3'600'000'000'000, 20);
  EXPECT_LT(seen.with - seen.later, all_touched / 10);
}

}  // namespace
}  // namespace retake::test
