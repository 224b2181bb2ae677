// Files: what is in memory is read at once; what waits, waits in a ring and holds no thread; a
// close ends it; without io_uring there are blocking calls.
//
// A test of the ring is skipped, with the reason, where this kernel refuses io_uring; where a disk
// never makes anybody wait (tmpfs), so is a test of cold reads.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../program.hpp"
#include "observe/inspector.hpp"
#include "retake/channel.hpp"
#include "retake/file.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "world/kernel.hpp"
#include "world/ring.hpp"

namespace retake {

namespace test {
namespace {

std::span<std::byte const> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string text_of(result<std::size_t> const& got, std::span<char const> memory) {
  return got ? std::string(memory.data(), *result<std::size_t>(got)) : "error: " + got.error().message();
}

std::string read_text(file& from, std::size_t most, std::uint64_t offset) {
  std::string memory(most, '?');
  return text_of(from.read_at(std::as_writable_bytes(std::span(memory.data(), memory.size())), offset), memory);
}

std::string next_text(file& from, std::size_t most) {
  std::string memory(most, '?');
  return text_of(from.read(std::as_writable_bytes(std::span(memory.data(), memory.size()))), memory);
}

// Why this kernel gives us no ring; empty: it does.
std::string no_ring() {
  world::ring ring;
  const int failed = ring.open(2);
  return failed == 0 ? "" : "this kernel refuses io_uring: " + std::string(std::strerror(-failed));
}

#define RETAKE_NEEDS_RING() \
  if (const std::string why = no_ring(); !why.empty()) GTEST_SKIP() << why

// A folder of the test's own, beside the program: on the disk that the build is on, and never in
// the folder that the test was started in.
class folder {
 public:
  folder() {
    path_ = (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "file_test_XXXXXX").string();
    EXPECT_NE(::mkdtemp(path_.data()), nullptr) << path_ << ": " << std::strerror(errno);
  }
  ~folder() {
    for (std::string const& name : names_) ::unlink(name.c_str());
    ::rmdir(path_.c_str());
  }
  folder(folder const&) = delete;
  folder& operator=(folder const&) = delete;

  char const* at(std::string const& name) {
    names_.push_back(path_ + "/" + name);
    return names_.back().c_str();
  }

 private:
  std::string path_;
  std::vector<std::string> names_;
};

file opened(char const* path, open_mode mode) {
  auto made = open_file(path, mode);
  EXPECT_TRUE(made) << made.error().message();
  return made ? std::move(*made) : file();
}

constexpr std::size_t page = 4096;

// A file of so many pages, each full of its own letter.
void make_pages(char const* path, std::size_t pages) {
  const int fd = ::open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  ASSERT_GE(fd, 0);
  for (std::size_t i = 0; i < pages; ++i) {
    const std::string content(page, static_cast<char>('a' + i % 26));
    ASSERT_EQ(::write(fd, content.data(), page), static_cast<ssize_t>(page));
  }
  ::close(fd);
}

// What memory holds of it is dropped. False: a read would not wait all the same.
bool make_cold(char const* path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  ::fsync(fd);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
  char one = 0;
  const world::kernel::io_slice slice{&one, 1};
  const std::int64_t got = world::kernel::read_at(fd, &slice, 1, 0, true);
  ::close(fd);
  return got == -EAGAIN;
}

struct blocking_pipe {
  file reader;
  int writer;
};
blocking_pipe a_pipe() {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  auto made = file_of(ends[0]);
  EXPECT_TRUE(made);
  return {std::move(*made), ends[1]};
}

std::uint32_t threads() {
  const locked hold(here().lock);
  return here().machine_count.get();
}

TEST(file, what_was_written_is_read_back_and_the_end_is_told) {
  folder temporary;
  char const* const path = temporary.at("one");
  for (const std::uint32_t processors : {1u, 2u}) {
    run_on(processors, [&] {
      file f = opened(path, open_mode::read_write | open_mode::create | open_mode::truncate);
      const auto put = f.write_at(bytes_of("hello, world"), 0);
      ASSERT_TRUE(put) << put.error().message();
      EXPECT_EQ(read_text(f, 5, 0), "hello");
      EXPECT_EQ(read_text(f, 100, 7), "world");
      EXPECT_EQ(read_text(f, 100, 12), "");
      EXPECT_EQ(next_text(f, 6), "hello,");
      EXPECT_EQ(next_text(f, 100), " world");
      EXPECT_EQ(next_text(f, 100), "");
      ASSERT_TRUE(f.write(bytes_of("!")));
      EXPECT_FALSE(f.sync());
      EXPECT_FALSE(f.data_sync());
      auto status = f.status();
      ASSERT_TRUE(status) << status.error().message();
      EXPECT_EQ(status->bytes, 13u);
      EXPECT_TRUE(S_ISREG(status->mode));
      EXPECT_FALSE(f.truncate(5));
      EXPECT_EQ(read_text(f, 100, 0), "hello");
      auto again = status_of(path);
      ASSERT_TRUE(again);
      EXPECT_EQ(again->bytes, 5u);
      EXPECT_EQ(again->inode, status->inode);
      file end = opened(path, open_mode::write | open_mode::append);
      ASSERT_TRUE(end.write(bytes_of(" again")));
      EXPECT_EQ(read_text(f, 100, 0), "hello again");
    });
  }
}

TEST(file, several_pieces_of_memory_are_filled_and_written_in_one_call) {
  folder temporary;
  run_on(2, [&] {
    file f = opened(temporary.at("one"), open_mode::read_write | open_mode::create);
    const std::array<std::span<std::byte const>, 3> from{bytes_of("ab"), bytes_of(""), bytes_of("cdef")};
    auto put = f.writev_at(from, 1);
    ASSERT_TRUE(put);
    EXPECT_EQ(*put, 6u);
    std::array<char, 2> first{};
    std::array<char, 9> rest{};
    const std::array<std::span<std::byte>, 2> into{std::as_writable_bytes(std::span(first)),
                                                   std::as_writable_bytes(std::span(rest))};
    auto got = f.readv_at(into, 0);
    ASSERT_TRUE(got);
    EXPECT_EQ(*got, 7u);
    EXPECT_EQ(std::string(first.data(), 2), std::string("\0a", 2));
    EXPECT_EQ(std::string(rest.data(), 5), "bcdef");
    const std::vector<std::span<std::byte>> many(file::pieces_max + 1);
    EXPECT_EQ(f.readv_at(many, 0).error(), std::errc::invalid_argument);
  });
}

TEST(file, its_position_is_where_it_was_put_and_its_descriptor_is_the_caller_s_to_ask) {
  run_on(2, [] {
    folder place;
    auto f = open_file(place.at("one"), open_mode::read_write | open_mode::create);
    ASSERT_TRUE(f) << f.error().message();
    ASSERT_TRUE(f->write(std::as_bytes(std::span(std::string_view("0123456789")))));
    const auto next = [&] {
      std::array<std::byte, 2> two{};
      const auto got = f->read(two);
      return got ? std::string(reinterpret_cast<char const*>(two.data()), *got) : got.error().message();
    };
    EXPECT_EQ(*f->seek(3), 3U);
    EXPECT_EQ(next(), "34");
    EXPECT_EQ(*f->seek(-1, seek_from::position), 4U);
    EXPECT_EQ(next(), "45");
    EXPECT_EQ(*f->seek(-2, seek_from::end), 8U);
    EXPECT_EQ(next(), "89");
    EXPECT_EQ(next(), "") << "at the end";
    EXPECT_EQ(*f->seek(0, seek_from::position), 10U) << "where it is";
    EXPECT_EQ(f->seek(-1).error(), std::errc::invalid_argument);
    EXPECT_EQ(*f->seek(std::int64_t{1} << 33), std::uint64_t{1} << 33) << "behind the end";
    EXPECT_EQ(::fcntl(f->descriptor(), F_GETFD), FD_CLOEXEC);
    f->close();
    EXPECT_EQ(f->descriptor(), -1);
    EXPECT_EQ(f->seek(0).error(), std::errc::operation_canceled);
    file none;
    EXPECT_EQ(none.descriptor(), -1);
    EXPECT_EQ(none.seek(0).error(), std::errc::bad_file_descriptor);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    ::close(ends[1]);
    EXPECT_EQ(file_of(ends[0])->seek(0).error(), std::errc::invalid_seek);
  });
}

TEST(file, errors_are_those_of_the_system) {
  folder temporary;
  char const* const path = temporary.at("one");
  run_on(1, [&] {
    EXPECT_EQ(open_file(path, open_mode::read).error(), std::errc::no_such_file_or_directory);
    EXPECT_EQ(status_of(path).error(), std::errc::no_such_file_or_directory);
    { file made = opened(path, open_mode::write | open_mode::create); }
    EXPECT_EQ(open_file(path, open_mode::write | open_mode::create | open_mode::exclusive).error(),
              std::errc::file_exists);
    file f = opened(path, open_mode::read);
    EXPECT_EQ(f.write_at(bytes_of("x"), 0).error(), std::errc::bad_file_descriptor);
    file closed = opened(path, open_mode::read);
    closed.close();
    closed.close();
    char one = 0;
    EXPECT_EQ(closed.read_at(std::as_writable_bytes(std::span(&one, 1)), 0).error(), std::errc::operation_canceled);
    EXPECT_EQ(closed.sync(), std::errc::operation_canceled);
    file directory = opened("/", open_mode::read);
    EXPECT_EQ(directory.read_at(std::as_writable_bytes(std::span(&one, 1)), 0).error(), std::errc::is_a_directory);
    EXPECT_EQ(file_of(-1).error(), std::errc::bad_file_descriptor);
  });
}

TEST(file, what_memory_holds_is_read_at_once_without_a_ring_and_without_a_thread) {
  folder temporary;
  char const* const path = temporary.at("one");
  make_pages(path, 4);
  run_on(2, [&] {
    file f = opened(path, open_mode::read);
    wait_group all;
    all.add(100);
    for (std::size_t i = 0; i < 100; ++i) {
      go([&, i] {
        for (int k = 0; k < 50; ++k)
          EXPECT_EQ(read_text(f, page, i % 4 * page), std::string(page, static_cast<char>('a' + i % 4)));
        all.done();
      });
    }
    all.wait();
    EXPECT_GE(value(paths().file_at_once), 5000u);
    EXPECT_EQ(value(paths().file_ring), 0u);
    EXPECT_EQ(value(paths().file_blocking), 0u);
    EXPECT_LE(threads(), 2u + 2u);
  });
}

TEST(file, what_a_disk_has_to_bring_is_read_through_a_ring_and_holds_no_thread) {
  RETAKE_NEEDS_RING();
  folder temporary;
  char const* const path = temporary.at("one");
  constexpr std::size_t pages = 400;
  make_pages(path, pages);
  if (!make_cold(path)) GTEST_SKIP() << "nobody waits for the disk under this folder";
  run_on(2, [&] {
    file f = opened(path, open_mode::read);
    wait_group all;
    all.add(pages);
    for (std::size_t i = 0; i < pages; ++i) {
      go([&, i] {
        EXPECT_EQ(read_text(f, page, i * page), std::string(page, static_cast<char>('a' + i % 26)));
        all.done();
      });
    }
    all.wait();
    EXPECT_GT(value(paths().file_ring), 0u);
    EXPECT_EQ(value(paths().file_blocking), 0u);
    EXPECT_LE(threads(), 2u + 2u);
  });
}

TEST(file, opens_of_fifos_wait_in_blocking_calls_and_starve_no_other_operation) {
  RETAKE_NEEDS_RING();
  folder temporary;
  const int count = 20;  // more than the kernel's threads for opens
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) {
    names.push_back(temporary.at("fifo" + std::to_string(i)));
    ASSERT_EQ(::mkfifo(names.back().c_str(), 0600), 0);
  }
  char const* const plain = temporary.at("plain");
  run_on(2, [&] {
    wait_group all;
    all.add(count);
    for (std::string const& name : names) {
      go([&] {
        {
          file f = opened(name.c_str(), open_mode::read);
          EXPECT_EQ(next_text(f, 10), "x");
          EXPECT_EQ(next_text(f, 10), "");
        }
        all.done();
      });
    }
    EXPECT_TRUE(yielding_until([&] { return value(paths().file_blocking) == count; }));
    file other = opened(plain, open_mode::write | open_mode::create);
    EXPECT_TRUE(other.write(bytes_of("y")));
    EXPECT_FALSE(other.sync());
    EXPECT_GE(value(paths().file_ring), 3u);
    for (std::string const& name : names) {
      file f = opened(name.c_str(), open_mode::write);
      EXPECT_TRUE(f.write(bytes_of("x")));
    }
    all.wait();
  });
}

// Goroutines wait for bytes of a pipe that never come, each with memory of its own: one in a ring,
// the others for their turn.
struct waiting_readers {
  static constexpr std::size_t room = 16;
  std::vector<std::array<char, room>> memory;
  wait_group ended;
  std::atomic<int> begun{0}, cancelled{0}, served{0};

  waiting_readers(file& from, std::size_t count) : memory(count) {
    ended.add(static_cast<std::int32_t>(count));
    for (std::array<char, room>& mine : memory) {
      go([this, &mine, &from] {
        mine.fill('-');
        ++begun;
        const auto got = from.read(std::as_writable_bytes(std::span(mine)));
        if (!got && got.error() == std::errc::operation_canceled) {
          ++cancelled;
        } else if (got) {
          ++served;
        }
        mine.fill('*');  // ours again: nobody may write here any more
        ended.done();
      });
    }
  }
  [[nodiscard]] bool untouched() const {
    for (std::array<char, room> const& one : memory) {
      for (const char c : one) {
        if (c != '*') return false;
      }
    }
    return true;
  }
};

bool all_wait(std::size_t count) {
  return yielding_until([count] { return inspector::waiting(here().network) == count; });
}

TEST(file, a_close_ends_the_operations_that_wait_and_their_memory_is_not_touched_afterwards) {
  RETAKE_NEEDS_RING();
  for (const std::uint32_t processors : {1u, 2u, 4u}) {
    run_on(processors, [&] {
      blocking_pipe p = a_pipe();
      constexpr std::size_t count = 40;
      waiting_readers readers(p.reader, count);
      ASSERT_TRUE(all_wait(1) && yielding_until([&] { return readers.begun == static_cast<int>(count); }));
      p.reader.close();
      readers.ended.wait();
      EXPECT_EQ(readers.cancelled, static_cast<int>(count));
      EXPECT_EQ(::write(p.writer, "abcdefghijklmnop", 16), -1) << "the descriptor is open as long as its object lives";
      EXPECT_EQ(errno, EPIPE);
      nap_ns(1'000'000);
      EXPECT_TRUE(readers.untouched());
      ::close(p.writer);
    });
  }
}

TEST(file, a_close_against_bytes_that_come_loses_no_goroutine_and_writes_to_no_memory_that_was_given_back) {
  RETAKE_NEEDS_RING();
  run_on(4, [&] {
    for (int round = 0; round < 200; ++round) {
      blocking_pipe p = a_pipe();
      constexpr std::size_t count = 6;
      waiting_readers readers(p.reader, count);
      go([fd = ::dup(p.writer)] {
        static_cast<void>(!::write(fd, "abc", 3));
        yield();
        static_cast<void>(!::write(fd, "def", 3));
        ::close(fd);
      });
      if (round % 2 != 0) yield();
      p.reader.close();
      readers.ended.wait();
      EXPECT_EQ(readers.cancelled + readers.served, static_cast<int>(count));
      EXPECT_TRUE(readers.untouched());
      ::close(p.writer);
    }
  });
}

TEST(file, more_operations_than_the_queues_have_places_are_all_done) {
  RETAKE_NEEDS_RING();
  policy rules;
  rules.ring_entries = 2;  // and 4 places for completions
  run_on(1, rules, [&] {
    constexpr std::size_t count = 64;
    std::vector<blocking_pipe> pipes;
    for (std::size_t i = 0; i < count; ++i) pipes.push_back(a_pipe());
    wait_group all;
    all.add(count);
    for (blocking_pipe& one : pipes) {
      go([&] {
        EXPECT_EQ(next_text(one.reader, 10), "x");
        all.done();
      });
    }
    ASSERT_TRUE(all_wait(count));
    for (blocking_pipe& one : pipes)
      EXPECT_EQ(::write(one.writer, "x", 1), 1);  // without a call of the runtime: nobody reaps
    all.wait();
    EXPECT_EQ(value(paths().file_ring), count);
    for (blocking_pipe& one : pipes) ::close(one.writer);
  });
}

// The thread that submits ends while its operation is under way: the kernel drops what it did in
// that thread's name.
TEST(file, an_operation_outlives_the_thread_that_sent_it) {
  RETAKE_NEEDS_RING();
  run_on(1, [&] {
    lock_os_thread();  // main keeps its own thread, so that what follows runs on others, which may end
    blocking_pipe p = a_pipe();
    int ended = 0;
    for (int i = 0; i < 10; ++i) {
      std::atomic<int> sender{0};
      std::atomic<bool> read{false};
      go([&] {
        sender = ::gettid();
        EXPECT_EQ(next_text(p.reader, 10), "x");
        read = true;
      });
      ASSERT_TRUE(all_wait(1));
      channel<bool> there;
      for (int tries = 0; tries < 20; ++tries) {
        go([&] {
          const bool same = ::gettid() == sender;
          if (same) lock_os_thread();  // ends locked: so does its thread
          there.send(same);
        });
        if (!there.receive().value_or(false)) continue;
        EXPECT_TRUE(yielding_until([&] { return ::syscall(SYS_tgkill, ::getpid(), sender.load(), 0) != 0; }));
        ++ended;
        break;
      }
      EXPECT_EQ(::write(p.writer, "x", 1), 1);
      EXPECT_TRUE(yielding_until([&] { return read.load(); }));
    }
    EXPECT_GT(ended, 0) << "no sender's thread could be ended";
    ::close(p.writer);
    RecordProperty("asked_again", static_cast<int>(value(paths().ring_asked_again)));
  });
}

TEST(file, a_program_ends_although_operations_are_under_way_and_its_files_after_it) {
  RETAKE_NEEDS_RING();
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  std::vector<file> readers(20);
  run_on(2, [&] {
    for (file& reader : readers) {
      auto made = file_of(&reader == readers.data() ? ends[0] : ::dup(ends[0]));
      ASSERT_TRUE(made);
      reader = std::move(*made);
      go([&reader] { static_cast<void>(next_text(reader, 10)); });
    }
    ASSERT_TRUE(all_wait(20));
  });
  readers.resize(10);
  run_on(2, [&] { readers.clear(); });
  EXPECT_EQ(::write(ends[1], "too late", 8), -1);
  EXPECT_EQ(errno, EPIPE) << "the last reader's number is closed";
  ::close(ends[1]);
}

TEST(file, registered_buffers_are_read_into_past_the_page_cache) {
  RETAKE_NEEDS_RING();
  folder temporary;
  char const* const path = temporary.at("one");
  constexpr std::size_t pages = 32;
  make_pages(path, pages);
  const int probe = ::open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
  if (probe < 0) GTEST_SKIP() << "the file system under this folder has no O_DIRECT";
  ::fsync(probe);
  ::close(probe);
  void* const memory = std::aligned_alloc(page, pages * page);
  run_on(2, [&] {
    const std::span<std::byte> whole(static_cast<std::byte*>(memory), pages * page);
    for (int round = 0; round < 3; ++round) {
      file f = opened(path, open_mode::read | open_mode::direct);
      auto buffer = registered_buffer::make(whole);
      ASSERT_TRUE(buffer) << buffer.error().message();
      std::memset(memory, 0, pages * page);
      wait_group all;
      all.add(pages);
      for (std::size_t i = 0; i < pages; ++i) {
        go([&, i] {
          auto const got = f.read_at(*buffer, i * page, page, i * page);
          EXPECT_TRUE(got) << got.error().message();
          all.done();
        });
      }
      all.wait();
      for (std::size_t i = 0; i < pages; ++i)
        EXPECT_EQ(static_cast<char>(whole[i * page + 17]), static_cast<char>('a' + i % 26));
      EXPECT_EQ(f.read_at(*buffer, page, pages * page, 0).error(), std::errc::invalid_argument);
    }
    EXPECT_EQ(value(paths().file_at_once), 3u);  // the opens
    std::vector<registered_buffer> many;
    for (;;) {
      auto one = registered_buffer::make(whole);
      if (!one) {
        EXPECT_EQ(one.error(), std::errc::no_buffer_space);
        break;
      }
      many.push_back(std::move(*one));
    }
    EXPECT_EQ(many.size(), 64u);
  });
  std::free(memory);
}

// From here on the kernel has no io_uring for this process. False: this kernel has no seccomp.
bool refuse_rings() {
  constexpr unsigned load = BPF_LD | BPF_W | BPF_ABS, is = BPF_JMP | BPF_JEQ | BPF_K, answer = BPF_RET | BPF_K;
  sock_filter steps[] = {{load, 0, 0, offsetof(seccomp_data, nr)},
                         {is, 1, 0, SYS_io_uring_setup},
                         {answer, 0, 0, SECCOMP_RET_ALLOW},
                         {answer, 0, 0, SECCOMP_RET_ERRNO | EPERM}};
  sock_fprog program{sizeof(steps) / sizeof(steps[0]), steps};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

bool calls_block_and_are_counted() {
  folder temporary;
  char const* const path = temporary.at("one");
  bool right = true;
  run_on(2, [&] {
    const auto expect = [&right](bool holds, char const* what) {
      if (!holds) std::fprintf(stderr, "not so: %s\n", what);
      right = right && holds;
    };
    file f = opened(path, open_mode::read_write | open_mode::create);
    expect(static_cast<bool>(f.write_at(bytes_of("hello"), 0)), "it is written");
    expect(!f.sync() && read_text(f, 10, 0) == "hello", "it is synced and read");
    expect(f.status()->bytes == 5, "it has a size");
    std::array<blocking_pipe, 4> pipes{a_pipe(), a_pipe(), a_pipe(), a_pipe()};
    wait_group all;
    all.add(4);
    for (blocking_pipe& p : pipes) {
      go([&] {
        expect(next_text(p.reader, 1) == "x", "a byte of the pipe is read");
        all.done();
      });
    }
    std::atomic<int> others{0};
    for (int i = 0; i < 10; ++i) go([&] { ++others; });
    expect(yielding_until([&] { return others == 10; }), "others run beside calls that block");
    for (blocking_pipe const& p : pipes) expect(::write(p.writer, "x", 1) == 1, "the pipe takes a byte");
    all.wait();
    expect(value(paths().rings_refused) >= 1, "the counter says that rings are refused");
    expect(value(paths().file_blocking) >= 2, "the counter says that calls block");
    expect(value(paths().file_ring) == 0, "no ring was used");
    for (blocking_pipe const& p : pipes) ::close(p.writer);
  });
  return right;
}

// Everything that may wait, without a ring. Exit status 0: as it should be.
void without_a_ring() {
  if (!refuse_rings()) {
    std::fputs("this test needs seccomp", stderr);
    std::_Exit(1);
  }
  std::_Exit(calls_block_and_are_counted() ? 0 : 1);  // _Exit removes no folder: it is gone by then
}

TEST(file_death, where_io_uring_is_refused_calls_block_with_hand_off_and_a_counter_says_so) {
  EXPECT_EXIT(without_a_ring(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace test
}  // namespace retake
