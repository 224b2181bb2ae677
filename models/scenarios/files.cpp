// Goroutines that wait for a disk or a pipe in the rings of their Ps, and who takes their
// operations back.
#include <array>
#include <cerrno>
#include <utility>

#include "retake/file.hpp"
#include "retake/go.hpp"
#include "retake/net.hpp"
#include "retake/sync.hpp"
#include "scenarios/opened_file.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "sched/scheduler.hpp"
#include "world/kernel.hpp"
#include "world/memory.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

constexpr std::size_t piece = 4;

// Pieces on the disk, each of its own letter, none of them in memory.
void make_data(std::size_t pieces) {
  file f = opened(open_mode::write | open_mode::create);
  for (std::size_t i = 0; i < pieces; ++i) {
    std::array<std::byte, piece> content;
    content.fill(std::byte{static_cast<unsigned char>('a' + i)});
    const auto put = f.write_at(content, i * piece);
    world::require(put && *put == piece, "G6: a write is cut short");
  }
  sim::kernel::drop_caches();
}

void read_piece(file& f, std::size_t which) {
  std::array<std::byte, piece> into{};
  const auto got = f.read_at(into, which * piece);
  world::require(got && *got == piece, "G6: a read is cut short");
  for (const std::byte b : into)
    world::require(b == std::byte{static_cast<unsigned char>('a' + which)}, "G6: a read returns another's bytes");
}

// A file goes through a connection that holds less than it, to one who reads by fives: in pieces,
// each from where the last one ended, whether memory has it or not.
void sends_cold_file() {
  constexpr std::size_t pieces = 6;
  run_watched(2, [] {
    make_data(pieces);
    int data = -1;
    while (data < 0) data = world::kernel::open_file("data", world::kernel::open_read, 0, false);  // the fault
    auto ends = unix_pair();
    wait_group done;
    done.add(1);
    go([&] {
      const auto sent = send_file(ends->first, data, piece, (pieces + 3) * piece);
      world::require(sent && *sent == (pieces - 1) * piece, "N8: a file is not sent to its end");
      ends->first = unix_stream();
      done.done();
    });
    std::array<std::byte, 2 * pieces * piece> room{};
    const std::size_t got = read_by_fives(ends->second, room);
    world::require(got == (pieces - 1) * piece, "N8: bytes of a file are lost, or sent twice");
    for (std::size_t i = 0; i < got; ++i)
      world::require(room[i] == std::byte{static_cast<unsigned char>('b' + i / piece)},
                     "N8: bytes of a file arrive changed");
    done.wait();
    world::kernel::close(data);
  });
}

struct waiting_pipe {
  file reader;
  int writer = -1;

  waiting_pipe() {
    int ends[2];
    while (world::kernel::pipe_blocking(ends) != 0) {}
    auto made = file_of(ends[0]);
    reader = std::move(*made);
    writer = ends[1];
  }
  ~waiting_pipe() { end(); }
  waiting_pipe(waiting_pipe const&) = delete;
  waiting_pipe& operator=(waiting_pipe const&) = delete;

  // What waits in a blocking call, because a ring refused it, is not ended by a close of the
  // reader.
  void end() {
    if (writer >= 0) world::kernel::close(std::exchange(writer, -1));
  }

  std::int64_t write(std::size_t bytes) {
    static constexpr char content[piece + 1] = "xxxx";
    return world::kernel::write(writer, content, bytes);
  }
};

policy small_rings() {
  policy rules;
  rules.ring_entries = 2;  // and 4 completions
  return rules;
}

// Reads of what is not in memory, by more goroutines than Ps, which compute in between.
void cold_reads() {
  run_watched(2, [] {
    make_data(3);
    file f = opened(open_mode::read);
    wait_group done;
    done.add(3);
    for (std::size_t i = 0; i < 3; ++i) {
      go([&, i] {
        read_piece(f, i);
        if (i == 1) compute(30 * us);
        done.done();
      });
    }
    done.wait();
  });
}

// Everything a file can, through a ring or without one; the same at the end.
void use_file() {
  make_data(2);
  file f = opened(open_mode::read_write);
  std::array<std::byte, piece> twice;
  twice.fill(std::byte{'z'});
  const std::array<std::span<std::byte const>, 2> from{twice, twice};
  std::size_t put = 0;
  while (put < 2 * piece) {  // writev may do a part
    const auto one = f.writev_at(put < piece ? std::span(from).first(2) : std::span(from).last(1), put);
    world::require(one && *one != 0, "G6: a write of several pieces fails");
    put += *one;
  }
  world::require(!f.sync() && !f.data_sync(), "G6: a sync fails");
  const auto status = f.status();
  world::require(status && result<file_status>(status)->bytes >= 2 * piece,
                 "G6: a file has not the size that was written");
  std::array<std::byte, piece> first{}, second{};
  const std::array<std::span<std::byte>, 2> into{first, second};
  const auto got = f.readv_at(into, 0);
  world::require(got && *result<std::size_t>(got) != 0 && first[0] == std::byte{'z'},
                 "G6: what was written is not read");
  world::require(!f.truncate(1), "G6: a file is not truncated");
  world::require(!open_file("nothing", open_mode::read), "G6: what is not there opens");
}

void every_operation() {
  run_watched(2, [] {
    wait_group done;
    done.add(1);
    go([&] {
      use_file();
      done.done();
    });
    done.wait();
  });
}

// The kernel has no rings for us: calls that block hold their threads, not their Ps.
void refused() {
  run_watched(2, [] {
    sim::kernel::refuse_rings(-EPERM);
    wait_group done;
    done.add(2);
    go([&] {
      use_file();
      done.done();
    });
    waiting_pipe p;
    go([&] {
      std::array<std::byte, piece> into{};
      const auto got = p.reader.read(into);
      world::require(got && *result<std::size_t>(got) != 0, "G6: a blocking read returns nothing");
      done.done();
    });
    call(100 * us);
    p.write(1);
    done.wait();
    path_counters const& paths = this_machine()->home.paths;
    world::require(paths.rings_refused.value.load_relaxed() != 0 && paths.file_blocking.value.load_relaxed() != 0,
                   "G6: nothing says that rings are refused");
    world::require(paths.file_ring.value.load_relaxed() == 0, "G6: a ring is used that was refused");
  });
}

// A reader of a pipe, whose memory nobody may touch once its read has returned.
void read_and_watch(file& from, wait_group& done) {
  std::array<std::byte, piece> into{};
  const auto got = from.read(into);
  world::require(got || got.error() == std::errc::operation_canceled,
                 "G6: a read ends otherwise than by bytes or by the close");
  into.fill(std::byte{'*'});
  sleep_for(200us);
  for (const std::byte b : into)
    world::require(b == std::byte{'*'}, "G6: the kernel writes to memory that was given back");
  done.done();
}

// A close, while readers wait or are about to; no byte ever comes. The other end learns of it
// although the object lives on.
void close_and_read() {
  run_watched(2, [] {
    waiting_pipe p;
    wait_group done;
    done.add(3);
    for (int i = 0; i < 2; ++i) go([&] { read_and_watch(p.reader, done); });
    go([&] {
      p.reader.close();
      done.done();
    });
    done.wait();
    constexpr int interrupted = -4, broken_pipe = -32;
    std::int64_t put = p.write(1);
    while (put == interrupted) put = p.write(1);
    world::require(put == broken_pipe, "N2: a file that was closed is open as long as its object lives");
  });
}

// The same behind the readers, which all wait, on the ring of another P.
void close_behind_readers() {
  const steady_clock steady(20 * us);
  run_watched(2, [] {
    waiting_pipe p;
    wait_group done;
    done.add(2);
    for (int i = 0; i < 2; ++i) go([&] { read_and_watch(p.reader, done); });
    sleep_for(100us);
    p.reader.close();
    p.write(piece);
    p.end();
    done.wait();
  });
}

// More operations than the queues have places for: requests that find no room or that the kernel
// does not take, completions that find none, while the only P computes.
void small_queues() {
  run_watched(
      1,
      [] {
        sim::kernel::trouble_rings(3);
        waiting_pipe pipes[5];
        wait_group done;
        done.add(5);
        for (waiting_pipe& p : pipes) {
          go([&] {
            std::array<std::byte, piece> into{};
            const auto got = p.reader.read(into);
            world::require(got && *result<std::size_t>(got) == 1, "G6: a read is lost in a queue that is full");
            done.done();
          });
        }
        for (int i = 0; i < 6; ++i) yield();
        for (waiting_pipe& p : pipes) p.write(1);  // without a call of the runtime: nobody reaps
        compute(30 * us);
        done.wait();
      },
      small_rings());
}

// The program ends while operations are under way, which write to stacks that are given back.
void end_under_way() {
  run_watched(2,
              [] {
                auto* const p = new (world::allocate(sizeof(waiting_pipe), alignof(waiting_pipe)))
                    waiting_pipe();  // abandoned with its readers
                make_data(2);
                for (int i = 0; i < 2; ++i) {
                  go([p] {
                    std::array<std::byte, piece> into{};
                    static_cast<void>(p->reader.read(into));
                  });
                }
                go([] {
                  file f = opened(open_mode::read);
                  read_piece(f, 1);
                });
                yield();
              },
              {}, {.everything_ends = false});
}

// A reader waits and nobody computes: an M polls for it, or the bytes are never seen.
void idle_and_read() {
  run_watched(2, [] {
    waiting_pipe p;
    wait_group done;
    done.add(1);
    go([&] {
      std::array<std::byte, piece> into{};
      const auto got = p.reader.read(into);
      world::require(got && *result<std::size_t>(got) != 0, "G6: a read returns nothing");
      done.done();
    });
    retake::syscall([&p] {
      sim::kernel::sleep_syscall(300 * us);
      p.write(1);
    });
    done.wait();
  });
}

constexpr std::uint32_t no_ring = sim::mask_of({sim::fault_kind::ring_refused, sim::fault_kind::ring_busy});

}  // namespace

RETAKE_SCENARIO(sendfile_keeps_bytes,
                "a file that is sent inside the kernel arrives in order, to its end and no further", sends_cold_file);
RETAKE_SCENARIO(cold_reads_in_rings,
                "what memory does not hold is read through the rings, whole, by whom it belongs to", cold_reads);
RETAKE_SCENARIO(file_operations, "a file's operations do what they say, through a ring or without", every_operation);
RETAKE_SCENARIO(rings_refused, "where the kernel refuses rings, files work all the same, and a counter says so",
                refused);
RETAKE_SCENARIO(close_against_operations,
                "a close ends the operations of a file, and the kernel lets go of their memory first", close_and_read,
                .cannot_bear = {no_ring,
                                "without a ring a read is a blocking call, which goes on although its file is closed, "
                                "and nothing is written"});
RETAKE_SCENARIO(close_behind_operations, "a close reaches operations in the ring of another P", close_behind_readers);
RETAKE_SCENARIO(ring_queues_full, "operations that find the queues full are done all the same", small_queues);
RETAKE_SCENARIO(end_beside_operations, "a program ends only when the kernel has let go of its memory", end_under_way,
                .cannot_bear = {no_ring,
                                "without a ring a read is a blocking call, and a thread in one ends with the process, "
                                "of which an execution has none"});
RETAKE_SCENARIO(completions_are_polled, "a completion that comes while every P is idle or in a call is found",
                idle_and_read);

}  // namespace retake::scenarios
