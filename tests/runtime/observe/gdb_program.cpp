// What gdb_test.sh looks at: one goroutine parked and locked to its thread, one in a system call,
// and one that aborts.
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/syscall.hpp"
#include "retake/thread_lock.hpp"

namespace {

[[gnu::noinline]] void is_parked(retake::channel<int>& c) {
  static_cast<void>(c.receive());
  asm volatile("");
}

[[gnu::noinline]] void is_in_a_call() {
  retake::syscall([] {
    for (;;) ::usleep(100'000);
  });
  asm volatile("nop");
}

[[gnu::noinline]] void aborts() { std::abort(); }

}  // namespace

int main() {
  retake::run([] {
    retake::channel<int> c;
    retake::go([&c] {
      const retake::os_thread_lock hold;
      is_parked(c);
    });
    retake::go([] { is_in_a_call(); });
    retake::sleep_for(std::chrono::milliseconds(100));
    aborts();
  });
}
