// Objects that outlive their program. Goal: after its end each may be destroyed, by a static
// variable's end too, gives back what it has, and answers in the next program as its header says.
// Method: a program that leaves goroutines inside them, then their end: after it, in the next
//         program,
// and in exit(). A program whose abandoned goroutines keep memory ends by _exit: that is no leak.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "../end_with_the_process.hpp"
#include "../program.hpp"
#include "bytes.hpp"
#include "retake/file.hpp"
#include "retake/foreign_pool.hpp"
#include "retake/net.hpp"
#include "retake/pprof.hpp"
#include "retake/process.hpp"
#include "retake/select.hpp"
#include "retake/signal.hpp"

namespace retake::test {
namespace {

constexpr std::array usr1{SIGUSR1};

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

template <class T>
T of(result<T>&& made) {
  EXPECT_TRUE(made) << made.error().message();
  return std::move(*made);
}

// What an abandoned goroutine has is on its stack, or it is a leak.
void read_one(stream& from) {
  std::byte one{};
  static_cast<void>(from.read(std::span(&one, 1)));
}

// Lets goroutines begin, and park if they do.
void let_others_wait() {
  for (int i = 0; i < 3; ++i) sleep_for(1ms);
}

// One of each, with the numbers that they have.
struct descriptors {
  pipe_ends pipe;
  tcp_listener listener;
  datagram_socket datagrams;
  file null;
  std::vector<int> numbers;

  void make() {
    pipe = a_pipe();
    listener = of(tcp_listen(loopback_address, 0));
    datagrams = of(datagram_bind(ipv4(loopback_address, 0)));
    null = of(open_file("/dev/null", open_mode::read_write));
    numbers = {pipe.reader.descriptor(), pipe.writer.descriptor(), listener.descriptor(), datagrams.descriptor(),
               null.descriptor()};
  }
  // Two of each, so that the second waits for its turn.
  void leave_goroutines_inside() {
    for (int i = 0; i < 2; ++i) {
      go([this] { read_one(pipe.reader); });
      go([this] { static_cast<void>(listener.accept()); });
      go([this] {
        std::array<std::byte, 8> room{};
        static_cast<void>(datagrams.receive(room));
      });
    }
    let_others_wait();
  }
  void expect_all(bool open) const {
    for (const int fd : numbers) EXPECT_EQ(is_open(fd), open) << fd;
  }
};

TEST(outliving, descriptors_are_open_until_their_handles_end) {
  auto all = std::make_unique<descriptors>();
  run_on(2, [&] {
    all->make();
    all->leave_goroutines_inside();
  });
  all->expect_all(true);
  std::vector<int> const numbers = all->numbers;
  all.reset();
  for (const int fd : numbers) EXPECT_FALSE(is_open(fd)) << fd;
}

TEST(outliving, descriptors_are_closed_in_the_next_program) {
  descriptors all;
  run_on(2, [&] {
    all.make();
    all.leave_goroutines_inside();
  });
  run_on(2, [&] {
    EXPECT_EQ(all.pipe.reader.descriptor(), -1);
    EXPECT_FALSE(all.listener.accept());
    all.listener.close();
    all.datagrams.close();
    all.null = file();
    all.pipe = pipe_ends();
    all.expect_all(false);
  });
}

TEST(outliving, the_number_of_a_closed_stream_is_not_kept_by_a_goroutine_inside) {
  stream reader;
  int fd = -1;
  run_on(1, [&] {
    pipe_ends pipe = a_pipe();
    reader = std::move(pipe.reader);
    fd = reader.descriptor();
    go([&] { read_one(reader); });
    let_others_wait();
    reader.close();
    EXPECT_TRUE(is_open(fd)) << "the goroutine has not left it";
  });
  EXPECT_FALSE(is_open(fd));
}

TEST(outliving, what_closed_a_number_keeps_it_from_being_closed_again) {
  stream reader;
  run_on(1, [&] {
    pipe_ends pipe = a_pipe();
    reader = std::move(pipe.reader);
    reader.close();
  });
  const int other = ::dup(0);
  reader = stream();
  EXPECT_TRUE(is_open(other));
  ::close(other);
}

TEST(outliving, registered_buffers_are_memory_in_the_next_program) {
  std::array<std::byte, 64> room{};
  std::optional<registered_buffer> kept, ended;
  run_on(1, [&] {
    kept.emplace(of(registered_buffer::make(room)));
    ended.emplace(of(registered_buffer::make(room)));
  });
  ended.reset();
  run_on(1, [&] {
    std::array<std::byte, 64> other{};
    registered_buffer mine = of(registered_buffer::make(other));
    file zero = of(open_file("/dev/zero", open_mode::read));
    EXPECT_EQ(*zero.read_at(*kept, 0, 64, 0), 64u);
    kept.reset();
    EXPECT_EQ(here().network.rings.buffer_at(0).address, other.data()) << "the place is this program's";
  });
}

TEST(outliving, pools_end_without_their_workers) {
  std::optional<foreign_pool> kept, ended;
  run_on(2, [&] {
    kept.emplace(2);
    ended.emplace(1);
    EXPECT_TRUE(kept->call(background(), [] { return 1; }));
  });
  ended.reset();
  run_on(2, [&] {
    bool called = false;
    EXPECT_EQ(kept->call(background(), [&] { called = true; }), std::errc::operation_canceled);
    EXPECT_FALSE(called);
    kept.reset();
  });
}

TEST(outliving, gates_are_closed_for_foreign_threads) {
  std::optional<callback_gate> kept, ended;
  run_on(2, [&] {
    kept.emplace();
    ended.emplace();
  });
  ended.reset();
  const auto is_refused = [&] {
    bool refused = false;
    std::thread([&] {
      try {
        kept->call([] {});
      } catch (std::system_error const& e) { refused = e.code() == std::errc::operation_canceled; }
    }).join();
    return refused;
  };
  EXPECT_TRUE(is_refused());
  run_on(2, [&] {
    EXPECT_TRUE(is_refused());
    EXPECT_EQ(kept->call([] { return 7; }), 7) << "a goroutine needs no gate";
    kept.reset();
  });
}

// One of each that is no descriptor, in the order in which they are destroyed last.
struct services {
  std::optional<registered_buffer> buffer;
  std::optional<foreign_pool> pool;
  std::optional<callback_gate> gate;
  std::optional<pprof_server> server;
  std::optional<signal_cancellable> until;
  std::array<std::byte, 64> room{};

  void make() {
    buffer.emplace(of(registered_buffer::make(room)));
    pool.emplace(2);
    gate.emplace();
    server.emplace(of(serve_pprof(ipv4(loopback_address, 0))));
    until.emplace(of(with_signals(background(), usr1)));
    let_others_wait();
  }
};

[[noreturn]] void end_after_the_program() {
  services all;
  run_on(2, [&] { all.make(); });
  all.until.reset();
  all.server.reset();
  ::_exit(testing::Test::HasFailure() ? 1 : 0);
}

[[noreturn]] void end_in_the_next_program() {
  services all;
  run_on(2, [&] { all.make(); });
  run_on(2, [&] {
    EXPECT_EQ(all.server->port(), 0);
    all.server.reset();
    EXPECT_FALSE(all.until->ctx.error());
    all.until->cancel.cancel();
    EXPECT_EQ(all.until->ctx.error(), std::errc::operation_canceled);
    all.until.reset();
  });
  ::_exit(testing::Test::HasFailure() ? 1 : 0);
}

TEST(outliving_death, servers_and_contexts_of_signals_end_after_the_program) {
  EXPECT_EXIT(end_after_the_program(), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(end_in_the_next_program(), testing::ExitedWithCode(0), "");
}

TEST(outliving_death, statics_end_with_the_process) {
  const auto ends_well = testing::ExitedWithCode(0);
  EXPECT_EXIT(end_with_the_process([] {
                static descriptors all;
                all.make();
                all.leave_goroutines_inside();
              }),
              ends_well, "");
  EXPECT_EXIT(end_with_the_process([] {
                static process child =
                    of(spawn({.arguments = {"true"}, .environment = {}, .directory = {}, .files = {}}));
                go([] { static_cast<void>(child.wait()); });
              }),
              ends_well, "");
  EXPECT_EXIT(end_with_the_process([] { static foreign_pool pool(2); }), ends_well, "");
  EXPECT_EXIT(end_with_the_process([] { static callback_gate gate; }), ends_well, "");
  EXPECT_EXIT(end_with_the_process([] {
                static std::array<std::byte, 8> room;
                static registered_buffer buffer = of(registered_buffer::make(room));
              }),
              ends_well, "");
  EXPECT_EXIT(end_with_the_process([] {
                static unix_listener listener = of(unix_listen(*parse_address("@retake_outliving_test")));
                go([] { static_cast<void>(listener.accept()); });
                let_others_wait();
              }),
              ends_well, "");
}

}  // namespace
}  // namespace retake::test
