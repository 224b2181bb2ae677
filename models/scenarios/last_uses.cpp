// The last use of a counted object ends on whatever thread it is on, after every other use, however
// the two threads meet there.
//
// Nothing else orders the two uses: what a scenario waits for comes before them, or after both.
#include <array>

#include "io/file_body.hpp"
#include "io/polled_file.hpp"
#include "retake/go.hpp"
#include "retake/sync.hpp"
#include "retake/timer.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "sched/scheduler.hpp"
#include "world/errors.hpp"
#include "world/kernel.hpp"

namespace retake::scenarios {

namespace {

namespace kernel = world::kernel;

// The call runs on the other P; its use of the timer ends beside that of the handle.
void delayed_calls() {
  run_watched(2, [] {
    world::atomic<std::uint32_t> calls(0);
    for (int i = 0; i < 3; ++i) {
      const auto handle = after_func(10us, [&] { calls.fetch_add_release(1); });
      compute(12 * us);
    }
    while (calls.load_acquire() != 3) sleep_for(20us);
  });
}

// The owner's use of a socket ends beside that of a reader that its close wakes; a writer has come
// and gone.
void polled() {
  run_watched(2, [] {
    int ends[2];
    while (kernel::socketpair(ends) != 0) {}
    int failed = 0;
    detail::polled_file* const f = detail::polled_file::make(ends[0], failed);
    if (f == nullptr) return;  // the fault
    world::atomic<std::uint32_t> inside(0);
    wait_group done;
    done.add(2);
    go([&] {
      static_cast<void>(f->reading([&] {
        inside.fetch_or_release(1);
        return std::int64_t{world::errors::would_block};
      }));
      done.done();
    });
    go([&] {
      static_cast<void>(f->writing([&] {
        inside.fetch_or_release(2);
        return std::int64_t{0};
      }));
      done.done();
    });
    while (inside.load_acquire() != 3) sleep_for(5us);
    f->release();
    done.wait();
    kernel::close(ends[1]);
  });
}

// The owner's use of a file ends beside that of a read that its close cancels.
void in_ring() {
  run_watched(2, [] {
    int ends[2];
    while (kernel::pipe_blocking(ends) != 0) {}
    detail::file_body* const f = detail::file_body::make(ends[0], 0);
    if (f == nullptr) return;  // the fault
    goroutine* reader = nullptr;
    wait_group done;
    done.add(1);
    go([&] {
      reader = &this_goroutine();
      std::array<std::byte, 4> into{};
      const kernel::io_slice slice{into.data(), into.size()};
      static_cast<void>(f->read(&slice, 1, -1));
      done.done();
    });
    bool waits = false;
    for (int tries = 0; tries < 20 && !waits; ++tries) {  // by peek(), which orders nothing
      sleep_for(10us);
      waits = reader != nullptr && reader->state.peek() == goroutine_state::waiting;
    }
    if (!waits) {  // no ring: the read is a blocking call, and a close does not end it
      kernel::close(ends[1]);
      done.wait();
    }
    f->release();
    done.wait();
    if (waits) kernel::close(ends[1]);
  });
}

}  // namespace

RETAKE_SCENARIO(last_use_of_timer, "a timer ends after the last use of it, be that the handle's or the call's",
                delayed_calls);
RETAKE_SCENARIO(last_use_of_socket,
                "a socket's record ends after the last use of it, be that the owner's or a call's that the close ended",
                polled);
RETAKE_SCENARIO(
    last_use_of_file,
    "a file's record ends after the last use of it, be that the owner's or a read's that the close cancelled", in_ring,
    .cannot_bear = {sim::mask_of({sim::fault_kind::ring_busy}),
                    "a read that was seen to wait in a busy ring may become a blocking call, which no close ends"});

}  // namespace retake::scenarios
