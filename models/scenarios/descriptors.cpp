// What the poller makes of ends, interruptions and descriptors that it did not make itself.
#include <array>
#include <csignal>

#include "retake/go.hpp"
#include "retake/stream.hpp"
#include "retake/sync.hpp"
#include "retake/tcp.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "world/kernel.hpp"
#include "world/require.hpp"
#include "world/signal.hpp"

namespace retake::scenarios {

namespace {

using some_bytes = std::array<std::byte, sim::kernel::stream_bytes + 1>;  // more than a stream holds

// One goroutine waits for bytes of a connection and one for room in it, when the other end resets
// it: one event, which concerns both.
void hang_up() {
  run_watched(2, [] {
    auto listener = tcp_listen(loopback_address, 0);
    auto mine = tcp_connect(loopback_address, listener->port());
    auto theirs = listener->accept();
    wait_group done;
    done.add(2);
    go([&] {
      std::byte one{};
      const auto got = mine->read(std::span(&one, 1));
      world::require(!got || *got == 0, "N8: a connection that was reset has bytes");
      done.done();
    });
    go([&] {
      static_cast<void>(
          mine->write(some_bytes{}));  // fails, unless it began behind the close: then the bytes go nowhere
      done.done();
    });
    sleep_for(50us);         // both wait
    *theirs = tcp_stream();  // with bytes unread: a reset
    done.wait();
  });
}

// The end of a pipe's reading side is an error on its writing side, and nothing else: no room ever
// comes.
void error_alone() {
  run_watched(1, [] {
    auto ends = make_pipe();
    wait_group done;
    done.add(1);
    go([&] {
      const auto put = ends->writer.write(some_bytes{});
      world::require(!put && put.error() == std::errc::broken_pipe, "N8: a pipe without a reader takes bytes");
      done.done();
    });
    yield();
    ends->reader = stream();
    done.wait();
  });
}

// The M that blocks in the poller until a timer is due is interrupted again and again: each time it
// waits for the rest only.
void interrupted_polls() {
  const steady_clock steady(1 * ms);
  run_watched(2, [] {
    static_cast<void>(world::install_signal(SIGUSR1, [](int) {}));
    auto ends = make_pipe();
    wait_group done;
    done.add(1);
    go([&] {
      const std::int64_t due_ns = world::nanotime() + 5 * ms;
      sleep_for(5ms);
      world::require(world::nanotime() < due_ns + 45 * ms,
                     "V3: interruptions put a timer off");  // two calls may be slow, by 20 ms each
      done.done();
    });
    yield();
    const world::signal_mask before = world::block_signals();  // so that the M in the poller gets them
    for (int i = 0; i < 20; ++i) {
      compute(3 * ms);
      sim::kernel::raise_signal(SIGUSR1);
    }
    world::restore_signals(before);
    done.wait();
  });
}

// A descriptor that blocks, handed to the runtime: a read waits in the poller and leaves the only P
// to the writer.
void adopted_pipe() {
  run_watched(1, [] {
    int ends[2];
    world::require(world::kernel::pipe_blocking(ends) == 0, "N1: no pipe");
    auto reader = adopt(ends[0]);
    auto writer = adopt(ends[1]);
    world::require(reader && reader->polled() && writer && writer->polled(), "N1: the poller refuses a pipe");
    wait_group done;
    done.add(1);
    go([&] {
      std::byte one{};
      const auto got = reader->read(std::span(&one, 1));
      world::require(got && *got == 1, "N8: a byte is lost");
      done.done();
    });
    yield();
    const std::byte one{};
    static_cast<void>(writer->write(std::span(&one, 1)));
    done.wait();
  });
}

}  // namespace

RETAKE_SCENARIO(hang_up_wakes_both, "a connection that is reset ends the waits of both directions", hang_up);
RETAKE_SCENARIO(error_wakes_writer, "a writer that waits for room learns that nobody reads any more", error_alone);
RETAKE_SCENARIO(interrupted_polls_keep_time, "an interrupted poll goes on until its timer is due and no longer",
                interrupted_polls);
RETAKE_SCENARIO(adopted_pipe_is_polled, "an adopted descriptor waits in the poller, whatever flags it came with",
                adopted_pipe);

}  // namespace retake::scenarios
