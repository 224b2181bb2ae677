// Bytes that the runtime moves from one descriptor to another, of whatever kinds the two are.
#include <array>
#include <utility>

#include "retake/go.hpp"
#include "retake/stream.hpp"
#include "retake/unix.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "world/kernel.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

namespace kernel = world::kernel;

enum class kind : std::uint32_t { pipe, socket, file };
constexpr std::uint32_t kind_count = 3;
constexpr std::size_t bytes_moved = 6;

std::array<std::byte, bytes_moved> counted() {
  std::array<std::byte, bytes_moved> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i + 1);
  return bytes;
}

int opened(char const* name, std::uint32_t how) {
  int fd = -1;
  while (fd < 0) fd = kernel::open_file(name, how, 0, false);  // the fault
  return fd;
}

stream stream_on(char const* name, std::uint32_t how) {
  result<stream> made = std::error_code();
  while (!made) made = adopt(opened(name, how));
  world::require(!made->polled(), "N1: the poller takes a file");
  return std::move(*made);
}

void fill(stream& to) { world::require(to.write(counted()).error() == std::error_code(), "N8: a write fails"); }

// A stream that gives counted() and ends.
stream source_of(kind what) {
  if (what == kind::pipe) {
    auto ends = make_pipe();
    while (!ends) ends = make_pipe();
    fill(ends->writer);
    return std::move(ends->reader);
  }
  if (what == kind::socket) {
    auto ends = unix_pair();
    while (!ends) ends = unix_pair();
    fill(ends->first);
    return std::move(ends->second);
  }
  stream made = stream_on("source", kernel::open_write | kernel::open_create | kernel::open_truncate);
  fill(made);
  return stream_on("source", kernel::open_read);
}

struct sink {
  stream to, far;
};
sink sink_of(kind what) {
  if (what == kind::pipe) {
    auto ends = make_pipe();
    while (!ends) ends = make_pipe();
    return {std::move(ends->writer), std::move(ends->reader)};
  }
  if (what == kind::socket) {
    auto ends = unix_pair();
    while (!ends) ends = unix_pair();
    return {std::move(ends->first), std::move(ends->second)};
  }
  stream to = stream_on("sink", kernel::open_write | kernel::open_create | kernel::open_truncate);
  return {std::move(to), stream_on("sink", kernel::open_read)};
}

void expect_counted(sink& at, result<std::size_t> const& moved) {
  world::require(moved && *result<std::size_t>(moved) == bytes_moved, "N8: bytes are not moved between these kinds");
  at.to = stream();
  std::array<std::byte, 2 * bytes_moved> room{};
  const std::size_t got = read_by_fives(at.far, room);
  world::require(got == bytes_moved, "N8: bytes are lost between two kinds of descriptor, or come twice");
  for (std::size_t i = 0; i < got; ++i)
    world::require(room[i] == static_cast<std::byte>(i + 1), "N8: bytes arrive changed");
}

void copies() {
  run_watched(1, [] {
    for (std::uint32_t from = 0; from < kind_count; ++from) {
      for (std::uint32_t to = 0; to < kind_count; ++to) {
        stream source = source_of(kind{from});
        sink target = sink_of(kind{to});
        expect_counted(target, copy(target.to, source));
      }
    }
  });
}

void sends() {
  run_watched(1, [] {
    static_cast<void>(source_of(kind::file));
    const int file = opened("source", kernel::open_read);
    for (std::uint32_t to = 0; to < kind_count; ++to) {
      for (const bool cold : {false, true}) {
        if (cold) sim::kernel::drop_caches();
        sink target = sink_of(kind{to});
        expect_counted(target, send_file(target.to, file, 0, 2 * bytes_moved));
      }
    }
    kernel::close(file);
  });
}

}  // namespace

RETAKE_SCENARIO(
    copies_between_kinds, "a copy moves every byte from every kind of descriptor to every other", copies,
    .cannot_bear = {sim::mask_of({sim::fault_kind::eagain}),
                    "a file's descriptor, which nothing polls, never says that it is not ready, and the fault does"});
RETAKE_SCENARIO(sends_to_kinds, "a file is sent to every kind of descriptor, polled or not", sends);

}  // namespace retake::scenarios
