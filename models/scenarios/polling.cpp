// Goroutines that wait for descriptors and timers, and who wakes them.
#include <array>

#include "retake/channel.hpp"
#include "retake/clock.hpp"
#include "retake/go.hpp"
#include "retake/net.hpp"
#include "retake/sync.hpp"
#include "retake/unix.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "sim/kernel/kernel.hpp"
#include "world/clock.hpp"
#include "world/limits.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

std::size_t read_some(stream& from) {
  std::array<std::byte, 4> room{};
  const auto got = from.read(room);
  return got ? *got : 0;
}

void write_bytes(stream& to, std::size_t n) {
  const std::array<std::byte, 4> bytes{};
  static_cast<void>(to.write(std::span(bytes).first(n)));
}

// A byte arrives while its reader is on its way into the park.
void wake_against_park() {
  run_watched(2, [] {
    auto ends = make_pipe();
    wait_group done;
    done.add(1);
    go([&] {
      std::size_t n = 0;
      while (n < 3) n += read_some(ends->reader);
      done.done();
    });
    for (int i = 0; i < 3; ++i) write_bytes(ends->writer, 1);
    done.wait();
  });
}

// An M blocks in the poller without limit or until a late timer; an earlier timer must make it
// return.
void break_and_block() {
  run_watched(2, [] {
    auto ends = make_pipe();
    wait_group done;
    done.add(3);
    go([&] {
      static_cast<void>(read_some(ends->reader));
      done.done();
    });
    go([&] {
      sleep_for(40ms);
      write_bytes(ends->writer, 1);
      done.done();
    });
    go([&] {
      yield();
      const std::int64_t before_ns = world::nanotime();
      sleep_for(2ms);
      const std::int64_t took_ns = world::nanotime() - before_ns;
      world::require(took_ns >= 2 * ms, "V3: a timer fires early");
      if (sim::healing()) world::require(took_ns < 30 * ms, "V7: an earlier timer does not end a blocking poll");
      done.done();
    });
    done.wait();
  });
}

// Readiness against a wait without deadline, and both directions of one descriptor.
void ready_and_wait() {
  run_watched(1, [] {
    auto ends = make_pipe();
    wait_group done;
    done.add(2);
    go([&] {
      for (int i = 0; i < 5; ++i) write_bytes(ends->writer, 4);  // more than the pipe holds
      done.done();
    });
    go([&] {
      std::size_t n = 0;
      while (n < 20) n += read_some(ends->reader);
      done.done();
    });
    done.wait();
  });
}

// A descriptor is closed while a goroutine waits, is about to wait, or is about to try again; its
// number is used again as soon as it is free. The other end learns of it although the object lives
// on.
void close_and_wait() {
  run_watched(2, [] {
    auto ends = make_pipe();
    wait_group done;
    done.add(2);
    go([&] {
      std::array<std::byte, 4> room{};
      const auto got = ends->reader.read(room);
      world::require(!got && got.error() == std::errc::operation_canceled,
                     "N2: a read on a closed descriptor returns somebody else's bytes");
      done.done();
    });
    go([&] {
      ends->reader.close();
      auto others = make_pipe();
      write_bytes(others->writer, 4);
      done.done();
    });
    done.wait();
    const std::byte one{};
    const auto put = ends->writer.write(std::span(&one, 1));
    world::require(!put && put.error() == std::errc::broken_pipe,
                   "N2: a descriptor that was closed is open as long as its object lives");
  });
}

// Two close a connection while a third uses it, and its number is used again as soon as it is free:
// what the third does reaches nobody else.
void close_and_use() {
  run_watched(2, [] {
    auto ends = unix_pair();
    wait_group done;
    done.add(3);
    go([&] {
      std::error_code how;
      while (!how) {
        how = ends->first.close_write();
        world::require(!how || how == std::errc::operation_canceled, "N2: a number is used that was closed");
        static_cast<void>(ends->first.set_deadline(no_deadline));
        yield();
      }
      done.done();
    });
    for (int i = 0; i < 2; ++i) {
      go([&] {
        ends->first.close();
        auto others = unix_pair();
        const std::byte one{};
        world::require(others->first.write(std::span(&one, 1)) && read_some(others->second) == 1,
                       "N2: a closed descriptor's number is used, and is somebody else's");
        done.done();
      });
    }
    done.wait();
    world::require(read_some(ends->second) == 0,
                   "N2: a descriptor that was closed is open as long as its object lives");
  });
}

// The same for goroutines that write: one waits for room, the others for their turn.
template <int writers>
void close_and_wait_to_write() {
  run_watched(2, [] {
    auto ends = make_pipe();
    wait_group done;
    done.add(writers + 1);
    for (int i = 0; i < writers; ++i) {
      go([&] {
        std::array<std::byte, sim::kernel::stream_bytes + 1> bytes{};  // more than the pipe holds
        const auto put = ends->writer.write(bytes);
        world::require(!put && put.error() == std::errc::operation_canceled,
                       "N2: a write on a closed descriptor goes on");
        world::require(put.bytes() <= sim::kernel::stream_bytes, "N1: a write counts what the pipe has no room for");
        done.done();
      });
    }
    go([&] {
      sleep_for(50us);
      ends->writer.close();
      done.done();
    });
    done.wait();
  });
}

// The other end goes away, which is no byte and no room.
void end_and_wait() {
  run_watched(2, [] {
    auto first = make_pipe();
    auto second = make_pipe();
    wait_group done;
    done.add(2);
    go([&] {
      std::byte one{};
      const auto got = first->reader.read(std::span(&one, 1));
      world::require(got && *got == 0, "N8: the end of a pipe is not told");
      done.done();
    });
    go([&] {
      std::array<std::byte, sim::kernel::stream_bytes + 1> bytes{};
      const auto put = second->writer.write(bytes);
      world::require(!put && put.error() == std::errc::broken_pipe, "N8: a pipe without a reader takes bytes");
      done.done();
    });
    sleep_for(50us);  // both wait
    first->writer = stream();
    second->reader = stream();
    done.wait();
  });
}

// Two goroutines read one pipe: the second has its turn behind the first, and neither loses a byte
// nor sleeps for ever.
void two_readers() {
  run_watched(2, [] {
    auto ends = make_pipe();
    write_bytes(ends->writer, 1);
    sleep_for(50us);  // the edge is noted: both find `ready`, and nothing to read
    static_cast<void>(read_some(ends->reader));
    wait_group done;
    done.add(2);
    for (int i = 0; i < 2; ++i) {
      go([&] {
        std::array<std::byte, 1> room{};
        const auto got = ends->reader.read(room);
        world::require(got && *got == 1, "N1: a reader that waits its turn does not get its byte");
        done.done();
      });
    }
    sleep_for(200us);  // both have found nothing to read
    for (int i = 0; i < 2; ++i) write_bytes(ends->writer, 1);
    done.wait();
  });
}

// What one write says is read in one piece, although the pipe has no room for one.
void two_writers() {
  run_watched(2, [] {
    constexpr std::size_t each = sim::kernel::stream_bytes + 2;
    auto ends = make_pipe();
    wait_group done;
    done.add(3);
    for (const std::byte mark : {std::byte{1}, std::byte{2}, std::byte{3}}) {
      go([&, mark] {
        std::array<std::byte, each> bytes;
        bytes.fill(mark);
        const auto put = ends->writer.write(bytes);
        world::require(put && *put == each && put.bytes() == each,
                       "N1: a writer that waits its turn does not write all");
        done.done();
      });
    }
    std::array<std::byte, 3 * each> came{};
    for (std::size_t n = 0; n < came.size();) n += *ends->reader.read(std::span(came).subspan(n));
    done.wait();
    for (std::size_t i = 0; i < came.size(); ++i)
      world::require(came[i] == came[i / each * each], "N1: the parts of two writes are mixed");
    world::require(came[0] != came[each] && came[each] != came[2 * each] && came[0] != came[2 * each],
                   "N1: a write is missing");
  });
}

// The deadline of a direction ends the write under way, which says how much went, and every one
// that waits behind it.
void deadline_and_turns() {
  run_watched(2, [] {
    auto ends = make_pipe();
    static_cast<void>(ends->writer.set_write_deadline(deadline_in(100us)));
    std::size_t went = 0;
    wait_group done;
    done.add(2);
    for (int i = 0; i < 2; ++i) {
      go([&] {
        std::array<std::byte, sim::kernel::stream_bytes + 1> bytes{};
        const auto put = ends->writer.write(bytes);
        world::require(!put && put.error() == std::errc::timed_out, "N9: a write goes on behind its deadline");
        went += put.bytes();
        done.done();
      });
    }
    done.wait();
    ends->writer.close();
    std::size_t came = 0;
    while (const std::size_t some = read_some(ends->reader)) came += some;
    world::require(came == went, "N1: a write that did not end says another count than went out");
  });
}

// Bytes arrive while every M is in a system call or asleep, and nobody polls but sysmon.
void poll_while_busy() {
  run_watched(1, [] {
    auto ends = make_pipe();
    wait_group done;
    done.add(1);
    go([&] {
      static_cast<void>(read_some(ends->reader));
      done.done();
    });
    yield();
    write_bytes(ends->writer, 1);
    call(60 * us);
    done.wait();
  });
}

// Bytes arrive for several readers in one look of the poller, and the first to run computes: idle
// Ps run the others, however many more there are than a ring holds.
void many_ready_at_once() {
  run_watched(3, [] {
    constexpr std::size_t readers = world::limits::run_queue_capacity + 2;
    std::array<pipe_ends, readers> ends;
    wait_group done;
    done.add(readers);
    for (pipe_ends& one : ends) {
      one = std::move(*make_pipe());
      go([&] {
        static_cast<void>(read_some(one.reader));
        compute(30 * us);
        done.done();
      });
    }
    sleep_for(50us);  // all wait
    for (pipe_ends& one : ends) write_bytes(one.writer, 1);
    compute(30 * us);
    done.wait();
  });
}

// A connection over loopback: accept, connect, a word each way, the end of the stream.
void tcp_echo() {
  run_watched(2, [] {
    auto listener = tcp_listen(loopback_address, 0);
    world::require(static_cast<bool>(listener), "N1: no listener");
    wait_group done;
    done.add(1);
    go([&] {
      auto peer = listener->accept();
      while (peer) {
        const std::size_t n = read_some(*peer);
        if (n == 0) break;
        write_bytes(*peer, n);
      }
      done.done();
    });
    {
      auto mine = tcp_connect(loopback_address, listener->port());
      if (mine) {
        write_bytes(*mine, 3);
        std::size_t n = 0;
        while (n < 3) {
          const std::size_t more = read_some(*mine);
          if (more == 0) break;
          n += more;
        }
        world::require(n == 3, "N8: an echo is lost");
      }
    }
    done.wait();
  });
}

// Sleepers on two Ps: every timer fires, none early.
void sleepers() {
  run_watched(2, [] {
    wait_group done;
    done.add(3);
    for (int i = 0; i < 3; ++i) {
      go([&done, i] {
        const std::int64_t before_ns = world::nanotime();
        sleep_for((3 - i) * 700us);
        world::require(world::nanotime() - before_ns >= (3 - i) * 700 * us, "V3: a timer fires early");
        done.done();
      });
    }
    done.wait();
  });
}

// More sleepers than a level of the heap holds, in no order, on one P: each wakes in time.
void many_sleepers() {
  const steady_clock steady(5 * ms);
  run_watched(1, [] {
    constexpr std::array durations{6, 2, 9, 4, 1, 8, 3, 7, 5};
    wait_group done;
    done.add(static_cast<int>(durations.size()));
    for (const int hundreds : durations) {
      go([&done, hundreds] {
        const std::int64_t due_ns = world::nanotime() + hundreds * 100 * ms;
        sleep_for(hundreds * 100ms);
        const std::int64_t late_ns = world::nanotime() - due_ns;
        world::require(late_ns >= 0, "V3: a timer fires early");
        world::require(late_ns < 95 * ms, "V3: a timer fires late, behind one that is due later");
        done.done();
      });
    }
    done.wait();
  });
}

// A timer on the P of a goroutine that computes on: the idle P must learn of it, though nobody
// polls yet.
void sleeper_beside_hog() {
  run_watched(2, [] {
    wait_group done;
    done.add(1);
    go([&] {
      sleep_for(100us);
      done.done();
    });
    yield();
    compute(60 * ms);  // longer than any bound of the checkers
    done.wait();
  });
}

// The same while an M blocks in the poller, without limit: only a break tells it of the timer.
void sleeper_beside_hog_and_poller() {
  run_watched(2, [] {
    auto ends = make_pipe();
    wait_group done;
    done.add(2);
    go([&] {
      static_cast<void>(read_some(ends->reader));
      done.done();
    });
    sleep_for(50us);
    go([&] {
      sleep_for(100us);
      done.done();
    });
    yield();
    compute(60 * ms);
    write_bytes(ends->writer, 1);
    done.wait();
  });
}

}  // namespace

RETAKE_SCENARIO(poller_wake_against_park, "a byte that arrives while its reader parks is read", wake_against_park);
RETAKE_SCENARIO(break_against_block, "an earlier timer ends a blocking poll", break_and_block);
RETAKE_SCENARIO(ready_against_plain_wait, "readiness is neither lost nor taken for the next wait's", ready_and_wait);
RETAKE_SCENARIO(close_against_wait, "a close ends every wait on the descriptor and reaches no other", close_and_wait);
RETAKE_SCENARIO(close_against_uses,
                "a number that two goroutines close while a third uses it is closed once, and by then nobody uses it",
                close_and_use);
RETAKE_SCENARIO(readers_take_turns, "a second goroutine that reads waits for its turn, gets its byte and loses none",
                two_readers);
RETAKE_SCENARIO(whole_writes_do_not_mix,
                "of several goroutines that write each has one turn, however many system calls its write takes",
                two_writers);
RETAKE_SCENARIO(close_against_turns, "a close ends the wait for a turn, as it ends the wait for room",
                close_and_wait_to_write<3>);
RETAKE_SCENARIO(deadline_against_turns,
                "a deadline ends a write, which counts what went out, and those that wait behind it",
                deadline_and_turns);
RETAKE_SCENARIO(sysmon_polls_for_busy, "bytes are noticed while every M is in a system call", poll_while_busy);
RETAKE_SCENARIO(many_ready_together, "goroutines that become ready in one look of the poller are run by all idle Ps",
                many_ready_at_once);
RETAKE_SCENARIO(tcp_echo_loopback, "a connection carries its bytes both ways and its end", tcp_echo,
                .cannot_bear = {sim::mask_of({sim::fault_kind::econnreset}),
                                "it demands every byte, and a connection that is reset loses some"});
RETAKE_SCENARIO(sleepers_wake, "every sleeper wakes, none early", sleepers);
RETAKE_SCENARIO(sleeper_wakes_beside_hog, "a sleeper wakes although the P that keeps its timer computes",
                sleeper_beside_hog);
RETAKE_SCENARIO(
    sleeper_breaks_poll,
    "a sleeper wakes although an M blocks in the poller without limit and the P that keeps its timer computes",
    sleeper_beside_hog_and_poller);
RETAKE_SCENARIO(many_sleepers_wake, "many sleepers wake each in time, whatever the order of their beginnings",
                many_sleepers);
RETAKE_SCENARIO(close_against_writer, "a close ends a wait for room", close_and_wait_to_write<1>);
RETAKE_SCENARIO(end_against_wait, "the end of a stream ends the waits on its other side", end_and_wait);

}  // namespace retake::scenarios
