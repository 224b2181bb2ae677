// Goroutines that read and write a file at its own position, which moves on: in turn, and without a
// ring where the file is on a disk.
#include <array>
#include <cstddef>
#include <span>

#include "retake/file.hpp"
#include "retake/go.hpp"
#include "retake/sync.hpp"
#include "scenarios/opened_file.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "world/kernel.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

template <std::size_t bytes>
std::array<std::byte, bytes> all(char letter) {
  std::array<std::byte, bytes> made;
  made.fill(std::byte{static_cast<unsigned char>(letter)});
  return made;
}

struct file_pair {
  file reader, writer;
};

file_pair pipe_of_files() {
  int ends[2];
  while (world::kernel::pipe_blocking(ends) != 0) {  // the fault
  }
  auto reader = file_of(ends[0]);
  auto writer = file_of(ends[1]);
  world::require(reader && writer, "N1: a pipe is no file");
  return {std::move(*reader), std::move(*writer)};
}

// The disk has room for two of four bytes. They are counted, and they lie behind what was written
// before, not over it.
void fills_the_disk() {
  run_watched(2, [] {
    constexpr std::size_t room = sim::kernel::disk_file_bytes, left = 2;
    file f = opened(open_mode::read_write | open_mode::create);
    const auto before = f.write(all<room - left>('a'));
    world::require(before && *before == room - left, "G6: a write is cut short");
    const auto more = f.write(all<2 * left>('b'));
    world::require(!more && more.error() == std::errc::no_space_on_device,
                   "G6: a write that the disk has no room for succeeds");
    world::require(more.bytes() == left, "G6: a write that ended early counts wrong");
    std::array<std::byte, room> content{};
    const auto got = f.read_at(content, 0);
    world::require(got && *got == room, "G6: a read is cut short");
    for (std::size_t i = 0; i < room; ++i)
      world::require(content[i] == (i < room - left ? std::byte{'a'} : std::byte{'b'}),
                     "G6: a write goes over what was written before");
    std::array<std::byte, 1> behind{};
    const auto end = f.read(behind);
    world::require(end && *end == 0, "G6: the position is not where the last write ended");
  });
}

// A file that memory does not hold, read by two goroutines, a byte at a time.
void cold_reads_in_turn() {
  run_watched(2, [] {
    constexpr std::size_t bytes = 6;
    {
      file f = opened(open_mode::write | open_mode::create);
      std::array<std::byte, bytes> content;
      for (std::size_t i = 0; i < bytes; ++i) content[i] = std::byte{static_cast<unsigned char>(i)};
      const auto put = f.write(content);
      world::require(put && *put == bytes, "G6: a write is cut short");
    }
    sim::kernel::drop_caches();
    file f = opened(open_mode::read);
    std::array<int, bytes> times{};
    wait_group done;
    done.add(2);
    for (int i = 0; i < 2; ++i) {
      go([&] {
        std::array<std::byte, 1> into{};
        for (auto got = f.read(into); *got != 0; got = f.read(into)) ++times[static_cast<std::size_t>(into[0])];
        done.done();
      });
    }
    done.wait();
    for (const int n : times) world::require(n == 1, "G6: a byte is read twice, or not at all");
  });
}

// More than the pipe holds, by each of three.
void whole_writes() {
  run_watched(2, [] {
    constexpr std::size_t each = sim::kernel::stream_bytes + 2;
    file_pair pipe = pipe_of_files();
    wait_group done;
    done.add(3);
    for (const char letter : {'a', 'b', 'c'}) {
      go([&, letter] {
        const auto put = pipe.writer.write(all<each>(letter));
        world::require(put && *put == each, "N1: a writer that waits its turn does not write all");
        done.done();
      });
    }
    std::array<std::byte, 3 * each> came{};
    for (std::size_t n = 0; n < came.size();) {
      const auto got = pipe.reader.read(std::span(came).subspan(n));
      world::require(got && *got != 0, "N1: a pipe ends before its writer");
      n += *got;
    }
    done.wait();
    for (std::size_t i = 0; i < came.size(); ++i)
      world::require(came[i] == came[i / each * each], "N1: the parts of two writes are mixed");
  });
}

// A reader waits for bytes and another for its turn: the close ends both waits.
void close_and_wait_for_turn() {
  run_watched(2, [] {
    file_pair pipe = pipe_of_files();
    wait_group done;
    done.add(3);
    for (int i = 0; i < 2; ++i) {
      go([&] {
        std::array<std::byte, 1> into{};
        const auto got = pipe.reader.read(into);
        world::require(!got && got.error() == std::errc::operation_canceled, "N2: a read of a closed file goes on");
        done.done();
      });
    }
    go([&] {
      sleep_for(50us);
      pipe.reader.close();
      done.done();
    });
    done.wait();
  });
}

}  // namespace

RETAKE_SCENARIO(writes_at_position_fill_the_disk,
                "a write at a file's position that ends early goes over nothing, and is counted", fills_the_disk);
RETAKE_SCENARIO(cold_reads_at_position,
                "each byte of a file is read once at its position, whether memory has it or not", cold_reads_in_turn);
RETAKE_SCENARIO(whole_writes_of_files,
                "of several goroutines that write to one file each has one turn, however many system calls it takes",
                whole_writes);
RETAKE_SCENARIO(close_against_turns_of_files,
                "a close ends the wait for a turn at a file, as it ends the wait for bytes", close_and_wait_for_turn,
                .cannot_bear = {sim::mask_of({sim::fault_kind::ring_refused, sim::fault_kind::ring_busy}),
                                "without a ring a read is a blocking call, which goes on although its file is closed"});

}  // namespace retake::scenarios
