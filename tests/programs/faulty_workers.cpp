// faulty_workers.cpp: what pinned_workers does, without the pool: every caller makes its foreign
// call itself. The checks have to notice.
#include <atomic>
#include <cstdio>
#include <ctime>

#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"

int main() {
  std::atomic<int> handles{0};
  retake::run([&] {
    retake::wait_group all;
    for (int i = 0; i < 64; ++i) {
      all.add(1);
      retake::go([&] {
        for (int calls = 0; calls < 4; ++calls) {
          retake::foreign_call([&handles] {
            thread_local bool const opened = ++handles != 0;
            static_cast<void>(opened);
            const std::timespec length{0, 50'000'000};
            ::nanosleep(&length, nullptr);
          });
        }
        all.done();
      });
    }
    all.wait();
  });
  std::printf("{\"workers\":4,\"calls\":256,\"handles\":%d,\"given_up\":0,\"p50_ms\":50,\"p99_ms\":50}\n",
              handles.load());
}
