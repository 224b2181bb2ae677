// Sockets of every kind over the simulated kernel, and what becomes of them when it refuses,
// interrupts or shortens a call.
#include <array>
#include <vector>

#include "retake/buffered.hpp"
#include "retake/clock.hpp"
#include "retake/context.hpp"
#include "retake/datagram.hpp"
#include "retake/go.hpp"
#include "retake/sync.hpp"
#include "retake/tcp.hpp"
#include "retake/unix.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "world/clock.hpp"
#include "world/kernel.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

namespace kernel = world::kernel;

template <std::size_t n>
std::array<std::byte, n> counted() {
  std::array<std::byte, n> bytes{};
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(i + 1);
  return bytes;
}

// Every descriptor is in use when a connection comes: it is accepted when one is free again, and
// meanwhile the only P is there for others.
void accept_without_descriptors() {
  run_watched(1, [] {
    auto listener = tcp_listen(loopback_address, 0);
    auto mine = tcp_connect(loopback_address, listener->port());
    world::require(listener && mine, "N1: no connection");
    std::vector<int> others;
    for (int fd = kernel::eventfd(); fd >= 0; fd = kernel::eventfd()) others.push_back(fd);
    wait_group done;
    done.add(1);
    go([&] {
      auto theirs = listener->accept();
      world::require(static_cast<bool>(theirs), "N1: a connection is refused for want of a descriptor");
      done.done();
    });
    sleep_for(20ms);
    for (const int fd : others) kernel::close(fd);
    done.wait();
  });
}

// Bytes, the end of one direction, the answer, the end of the other.
void half_close() {
  run_watched(2, [] {
    auto listener = tcp_listen(loopback_address, 0);
    wait_group done;
    done.add(1);
    go([&] {
      auto theirs = listener->accept();
      if (theirs) {
        std::array<std::byte, 8> room{};
        buffered_reader reader(*theirs, 4);
        const auto got = reader.read_full(room);
        if (got) {
          world::require(*got == 6 && room[5] == std::byte{6}, "N8: bytes before the end are lost");
          static_cast<void>(theirs->write(std::span(room).first(2)));
        }
      }
      done.done();
    });
    auto mine = tcp_connect(loopback_address, listener->port());
    if (mine) {
      const auto bytes = counted<6>();
      const std::array<byte_view, 3> parts{byte_view(bytes).first(1), byte_view(), byte_view(bytes).subspan(1)};
      world::require(mine->writev(parts).error() == std::error_code(), "N8: a write of several parts fails");
      mine->close_write();
      std::array<std::byte, 4> room{};
      buffered_reader reader(*mine, 2);
      const auto got = reader.read_full(room);
      world::require(got && *got == 2, "N8: the answer behind a half close is lost");
    }
    done.wait();
  });
}

// A datagram each way, beside others who receive at the same time; nothing is joined, cut or given
// to another.
void udp_echo() {
  run_watched(2, [] {
    auto mine = datagram_bind(ipv4(loopback_address, 0));
    auto theirs = datagram_bind(ipv4(loopback_address, 0));
    world::require(mine && theirs, "N1: no sockets");
    wait_group done;
    done.add(1);
    go([&] {
      for (int i = 0; i < 2; ++i) {
        std::array<std::byte, 8> room{};
        const auto got = theirs->receive(room);
        world::require(got && !got->cut, "N8: a datagram is lost on the way there");
        world::require(theirs->send_to(std::span(room).first(got->bytes), got->from).error() == std::error_code(),
                       "N8: an answer is refused");
      }
      done.done();
    });
    const auto bytes = counted<6>();
    const auto where = theirs->local_address();
    for (const std::size_t n : {std::size_t{6}, std::size_t{3}}) {
      static_cast<void>(mine->send_to(std::span(bytes).first(n), *where));
      std::array<std::byte, 8> room{};
      const auto got = mine->receive(room);
      world::require(got && got->bytes == n && got->from == *where, "N8: a datagram comes back as another");
    }
    done.wait();
  });
}

// The reading end of a pipe goes to another goroutine through a local socket; what is written into
// the pipe comes out of what arrived.
void descriptor_passes() {
  run_watched(2, [] {
    auto pair = unix_pair();
    auto pipe = make_pipe();
    wait_group done;
    done.add(1);
    go([&] {
      std::array<std::byte, 4> room{};
      int came = -1;
      const auto got = pair->second.receive(room, std::span(&came, 1));
      world::require(got && got->descriptors == 1, "N8: a descriptor is lost on the way");
      auto reader = adopt(came);
      world::require(reader && reader->polled(), "N1: the poller refuses a descriptor that was passed");
      std::byte one{};
      const auto byte = reader->read(std::span(&one, 1));
      world::require(byte && *byte == 1 && one == std::byte{1}, "N8: what arrived is another file");
      done.done();
    });
    const auto bytes = counted<2>();
    const int reader = pipe->reader.descriptor();
    world::require(pair->first.send(bytes, std::span(&reader, 1)).error() == std::error_code(),
                   "N8: a descriptor cannot be sent");
    pipe->reader = stream();  // the one that arrives is the last
    static_cast<void>(pipe->writer.write(std::span(bytes).first(1)));
    done.wait();
  });
}

// From a pipe into a connection without passing through this process, more than either holds.
void splice_through() {
  run_watched(2, [] {
    auto source = unix_pair();
    auto sink = unix_pair();
    constexpr std::size_t bytes_sent = 2 * sim::kernel::stream_bytes + 5;
    wait_group done;
    done.add(2);
    go([&] {
      world::require(source->first.write(counted<bytes_sent>()).error() == std::error_code(), "N8: a write fails");
      source->first = unix_stream();
      done.done();
    });
    go([&] {
      const auto moved = copy(sink->first, source->second);
      world::require(moved && *moved == bytes_sent, "N8: bytes are lost inside the kernel");
      sink->first = unix_stream();
      done.done();
    });
    std::array<std::byte, 2 * bytes_sent> room{};
    const std::size_t got = read_by_fives(sink->second, room);
    world::require(got == bytes_sent && room[bytes_sent - 1] == static_cast<std::byte>(bytes_sent),
                   "N8: bytes arrive changed");
    done.wait();
  });
}

// A listener whose queue is full takes one connection and answers the next no more: only the
// context ends that. Or it is accepted at the same moment.
void connect_beside_cancel() {
  run_watched(2, [] {
    const int full = kernel::socket(kernel::address_family::ipv4, kernel::socket_kind::stream);
    static_cast<void>(kernel::bind(full, ipv4(loopback_address, 0)));
    static_cast<void>(kernel::listen(full, 0));
    kernel::socket_address where;
    static_cast<void>(kernel::local_address(full, where));
    auto first = tcp_connect(where);
    world::require(static_cast<bool>(first), "N1: no connection");
    cancellable wanted = with_cancel(background());
    wait_group done;
    done.add(1);
    go([&] {
      call(20 * us);
      wanted.cancel.cancel();
      done.done();
    });
    auto second = tcp_connect(wanted.ctx, where);
    world::require(!second && second.error() == std::errc::operation_canceled,
                   "N1: a connection that nobody accepts stands");
    done.wait();
    kernel::close(full);
  });
}

}  // namespace

RETAKE_SCENARIO(connect_against_cancel, "connecting ends with its context, and leaves nobody behind",
                connect_beside_cancel);
RETAKE_SCENARIO(accept_backs_off,
                "a listener without a free descriptor waits for one, does not spin, and loses no connection",
                accept_without_descriptors);
RETAKE_SCENARIO(half_close_answers, "a connection that is closed in one direction carries the answer in the other",
                half_close,
                .cannot_bear = {sim::mask_of({sim::fault_kind::econnreset}),
                                "it demands every byte, and a connection that is reset loses some"});
RETAKE_SCENARIO(udp_echo_loopback, "datagrams arrive whole and say from whom", udp_echo);
RETAKE_SCENARIO(descriptor_passes_on, "a descriptor that is passed names the same file", descriptor_passes);
RETAKE_SCENARIO(splice_keeps_bytes, "bytes that are copied inside the kernel arrive in order, every one",
                splice_through);

}  // namespace retake::scenarios
