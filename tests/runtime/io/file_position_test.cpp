// Files at their own position: what is written in parts is counted and lies behind what was written
// before; whole writes do not mix, and each byte is read once. Method: the kernel's own files and
// pipes; a limit of the file's size that is met within a write.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "../program.hpp"
#include "bytes.hpp"
#include "retake/file.hpp"
#include "retake/sync.hpp"

namespace retake::test {
namespace {

constexpr std::size_t record_bytes = 200'000;  // more than a pipe holds

// On the disk that the build is on: a file system in memory makes no write wait. Nameless.
file a_file() {
  std::string name = std::filesystem::read_symlink("/proc/self/exe").string() + "_position_XXXXXX";
  int const fd = ::mkstemp(name.data());
  ::unlink(name.c_str());
  auto made = file_of(fd);
  EXPECT_TRUE(made);
  return made ? std::move(*made) : file();
}

std::string read_next(file& from, std::size_t most) {
  std::string text(most, 0);
  auto const got = from.read(std::as_writable_bytes(std::span(text.data(), text.size())));
  if (!got) return "error: " + got.error().message();
  text.resize(*got);
  return text;
}

std::string whole_of(file& from) {
  std::string all;
  for (std::string part = read_next(from, 10'000); !part.empty(); part = read_next(from, 10'000)) all += part;
  return all;
}

// Records of one letter each, in any order.
void expect_whole(std::string const& came, std::size_t writers) {
  ASSERT_EQ(came.size(), writers * record_bytes);
  std::string letters;
  for (std::size_t i = 0; i < writers; ++i) {
    letters += came[i * record_bytes];
    EXPECT_EQ(came.substr(i * record_bytes, record_bytes), std::string(record_bytes, letters.back()))
        << "two records are mixed";
  }
  std::sort(letters.begin(), letters.end());
  EXPECT_EQ(letters, std::string("abcdefgh").substr(0, writers)) << "one is there twice";
}

void write_records(file& to, std::size_t writers) {
  wait_group all;
  for (std::size_t i = 0; i < writers; ++i) {
    all.go([&, i] {
      transfer_result const put = to.write(bytes_of(std::string(record_bytes, static_cast<char>('a' + i))));
      EXPECT_TRUE(put) << put.error().message();
      EXPECT_EQ(put.bytes(), record_bytes);
    });
  }
  all.wait();
}

TEST(file_position, whole_writes_of_many_goroutines_do_not_mix) {
  for (const std::uint32_t processors : {1u, 3u}) {
    run_on(processors, [] {
      int ends[2];
      ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
      auto reader = file_of(ends[0]), writer = file_of(ends[1]);
      ASSERT_TRUE(reader && writer);
      go([&] {
        write_records(*writer, 4);
        writer->close();
      });
      expect_whole(whole_of(*reader), 4);
      file f = a_file();
      write_records(f, 4);
      ASSERT_EQ(*f.seek(0), 0U);
      expect_whole(whole_of(f), 4);
    });
  }
}

// Also what memory does not hold, which a ring brings.
TEST(file_position, each_byte_is_read_once_by_one_of_many_goroutines) {
  run_on(3, [] {
    constexpr std::size_t page = 4096, pages = 64, readers = 4;
    for (const bool cold : {false, true}) {
      file f = a_file();
      for (std::size_t i = 0; i < pages; ++i)
        ASSERT_TRUE(f.write(bytes_of(std::string(page, static_cast<char>(' ' + i)))));
      ASSERT_FALSE(f.sync());
      if (cold) { ASSERT_EQ(::posix_fadvise(f.descriptor(), 0, 0, POSIX_FADV_DONTNEED), 0); }
      ASSERT_EQ(*f.seek(0), 0U);
      std::array<std::string, readers> came;
      wait_group all;
      for (std::string& mine : came) {
        all.go([&] {
          for (std::string part = read_next(f, page); !part.empty(); part = read_next(f, page)) {
            EXPECT_EQ(part, std::string(page, part[0]));
            mine += part[0];
            yield();
          }
        });
      }
      all.wait();
      std::string together = came[0] + came[1] + came[2] + came[3], expected;
      std::sort(together.begin(), together.end());
      for (std::size_t i = 0; i < pages; ++i) expected += static_cast<char>(' ' + i);
      EXPECT_EQ(together, expected) << (cold ? "cold" : "warm");
    }
  });
}

// Exit status 0: as it should be.
void write_past_the_limit() {
  constexpr std::size_t limit = 100'000, first = 60'000;
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit const bytes{limit, limit};
  bool right = ::setrlimit(RLIMIT_FSIZE, &bytes) == 0;
  run_on(1, [&] {
    file f = a_file();
    right = right && f.write(bytes_of(std::string(first, 'a')));
    transfer_result const more = f.write(bytes_of(std::string(2 * (limit - first), 'b')));
    std::fprintf(stderr, "%s, %zu bytes\n", more ? "written" : more.error().message().c_str(), more.bytes());
    right = right && !more && more.error() == std::errc::file_too_large && more.bytes() == limit - first;
    right = right && f.seek(0) && whole_of(f) == std::string(first, 'a') + std::string(limit - first, 'b');
  });
  std::_Exit(right ? 0 : 1);
}

TEST(file_position_death, a_write_that_ends_at_a_limit_counts_its_bytes_and_goes_over_none) {
  EXPECT_EXIT(write_past_the_limit(), testing::ExitedWithCode(0), "40000 bytes");
}

}  // namespace
}  // namespace retake::test
