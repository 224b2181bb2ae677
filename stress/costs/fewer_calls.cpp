// fewer_calls.cpp: larger reads, buffers, writev, sendfile, one foreign call for many
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "ledger.hpp"
#include "retake/buffered.hpp"
#include "retake/file.hpp"
#include "retake/foreign_call.hpp"
#include "retake/run.hpp"
#include "retake/stream.hpp"
#include "retake/tcp.hpp"

namespace retake::costs {

namespace {

using stress::now_ns;

constexpr std::size_t page_bytes = 4'096;

// In memory: a file system that cannot lend its pages (DAX, FUSE, 9p) would have its say in the
// figures.
int nameless_file(std::size_t bytes) {
  const int fd = ::memfd_create("retake-costs", MFD_CLOEXEC);
  const std::vector<char> content(bytes, 'x');
  static_cast<void>(::pwrite(fd, content.data(), content.size(), 0));
  return fd;
}

double ms_since(std::int64_t began_ns) { return static_cast<double>(now_ns() - began_ns) * 1e-6; }

void larger_reads(ledger& into) {
  result<file> opened = file_of(nameless_file(page_bytes));
  if (!opened) return;
  std::array<std::byte, page_bytes> room;
  const auto in_pieces_of = [&](std::size_t bytes) {
    return [&, bytes] {
      const std::int64_t began_ns = now_ns();
      for (int turn = 0; turn < 4; ++turn) {
        for (std::size_t at = 0; at < page_bytes; at += bytes)
          stress::keep(opened->read_at(std::span(room).first(bytes), at));
      }
      return ms_since(began_ns) / 4;
    };
  };
  into.compare({"larger_reads", "4 KB of a file, byte by byte", "4 KB in one read", "ms", 50,
                "not when: what is read comes in large pieces already"},
               5, in_pieces_of(1), in_pieces_of(page_bytes));
}

void buffered_reads(ledger& into) {
  result<pipe_ends> ends = make_pipe();
  if (!ends) return;
  constexpr std::size_t bytes = 32'768;
  const std::vector<std::byte> content(bytes, std::byte{'x'});
  std::array<std::byte, 1> one;
  const auto bytes_of = [&](auto& from) {
    static_cast<void>(ends->writer.write(content));
    const std::int64_t began_ns = now_ns();
    for (std::size_t i = 0; i < bytes; ++i) stress::keep(from.read(one));
    return ms_since(began_ns);
  };
  buffered_reader buffered(ends->reader);
  into.compare(
      {"buffered_reads", "32 KB of a pipe, each byte asked of the pipe", "each byte asked of a buffer before it", "ms",
       3, "not when: another reads the same descriptor, which misses what the buffer took"},
      5, [&] { return bytes_of(ends->reader); }, [&] { return bytes_of(buffered); });
}

void buffered_writes(ledger& into) {
  result<stream> out = adopt(nameless_file(1));
  if (!out) return;
  const std::string line = "processed 1234567890 of something that is worth a line\n";
  constexpr int lines = 3'000;
  const auto rewound = [&] {
    ::lseek(out->descriptor(), 0, SEEK_SET);
    return now_ns();
  };
  into.compare(
      {"buffered_writes", "3,000 lines, each written", "collected, and written by 4 KB", "ms", 3,
       "not when: each line must be out before the next step (flush then), or may not be lost with the process"},
      5,
      [&] {
        const std::int64_t began_ns = rewound();
        for (int i = 0; i < lines; ++i)
          static_cast<void>(out->write(std::as_bytes(std::span(line.data(), line.size()))));
        return ms_since(began_ns);
      },
      [&] {
        const std::int64_t began_ns = rewound();
        buffered_writer collected(*out);
        for (int i = 0; i < lines; ++i) static_cast<void>(collected.write(std::string_view(line)));
        static_cast<void>(collected.flush());
        return ms_since(began_ns);
      });
}

void one_writev(ledger& into) {
  result<stream> out = adopt(nameless_file(1));
  if (!out) return;
  const std::array<std::byte, 64> head{}, tail{};
  const std::array<std::byte, 256> body{};
  const std::array<byte_view, 3> all{head, body, tail};
  constexpr int messages = 2'000;
  const auto send = [&](bool together) {
    ::lseek(out->descriptor(), 0, SEEK_SET);
    const std::int64_t began_ns = now_ns();
    for (int i = 0; i < messages; ++i) {
      if (together)
        static_cast<void>(out->writev(all));
      else
        for (byte_view const& piece : all) static_cast<void>(out->write(piece));
    }
    return ms_since(began_ns);
  };
  into.compare(
      {"writev", "head, body and tail of 2,000 messages, each written", "in one writev", "ms", 1.4,
       "not when: the pieces lie side by side already, or do not exist yet"},
      7, [&] { return send(false); }, [&] { return send(true); });
}

double ms_of(clockid_t clock) {
  timespec used{};
  ::clock_gettime(clock, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) * 1e-6;
}

// A peer that takes what comes and copies nothing. Its own processor time can be told from the
// sender's.
class sink {
 public:
  explicit sink(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    taker_ = std::thread([this, at] {
      if (::connect(socket_, reinterpret_cast<sockaddr const*>(&at), sizeof(at)) != 0) return;
      char nothing = 0;
      while (::recv(socket_, &nothing, std::size_t{1} << 20, MSG_TRUNC) > 0) {}
    });
  }
  ~sink() {
    taker_.join();
    ::close(socket_);
  }
  // Of the process without this thread.
  [[nodiscard]] double cpu_of_others_ms() {
    clockid_t own{};
    ::pthread_getcpuclockid(taker_.native_handle(), &own);
    return ms_of(CLOCK_PROCESS_CPUTIME_ID) - ms_of(own);
  }
  sink(sink const&) = delete;
  sink& operator=(sink const&) = delete;

 private:
  int socket_;
  std::thread taker_;
};

void send_by_kernel(ledger& into) {
  constexpr std::size_t bytes = 16 << 20, piece = 32 << 10;  // Go's io.Copy takes pieces of 32 KB
  const int fd = nameless_file(bytes);
  result<file> opened = file_of(fd);
  result<tcp_listener> listener = tcp_listen(loopback_address, 0);
  if (!opened || !listener) return;
  sink peer(listener->port());
  result<tcp_stream> to = listener->accept();
  if (!to) return;
  std::vector<std::byte> room(piece);
  into.compare(
      {"sendfile", "16 MB from a file to a socket, read and written", "sendfile", "ms of CPU", 1.1,
       "not when: the bytes are looked at or changed on their way (TLS, compression), or the file system cannot lend "
       "its pages (DAX, FUSE)"},
      11,
      [&] {
        const double began = peer.cpu_of_others_ms();
        for (std::size_t at = 0; at < bytes; at += piece) {
          static_cast<void>(opened->read_at(room, at));
          static_cast<void>(to->write(room));
        }
        return peer.cpu_of_others_ms() - began;
      },
      [&] {
        const double began = peer.cpu_of_others_ms();
        static_cast<void>(send_file(*to, fd, 0, bytes));
        return peer.cpu_of_others_ms() - began;
      });
  to->close();
}

void batched_foreign(ledger& into) {
  static void (*volatile noop)() = [] {};
  constexpr int items = 20'000;
  into.compare(
      {"batched_foreign_calls", "20,000 foreign calls of nothing", "one, which does it 20,000 times", "ms", 3,
       "not when: an item is much more than a microsecond of work, or others wait for the thread's P longer than they "
       "may"},
      7,
      [] {
        const std::int64_t began_ns = now_ns();
        for (int i = 0; i < items; ++i) foreign_call([] { noop(); });
        return ms_since(began_ns);
      },
      [] {
        const std::int64_t began_ns = now_ns();
        foreign_call([] {
          for (int i = 0; i < items; ++i) noop();
        });
        return ms_since(began_ns);
      });
}

struct row {
  char const* name;
  void (*measure)(ledger&);
};
constexpr row rows[] = {{"larger_reads", larger_reads},       {"buffered_reads", buffered_reads},
                        {"buffered_writes", buffered_writes}, {"writev", one_writev},
                        {"sendfile", send_by_kernel},         {"batched_foreign_calls", batched_foreign}};

}  // namespace

void fewer_calls(ledger& into) {
  into.heading("Fewer calls");
  options chosen;
  chosen.processors = 2;
  run(chosen, [&] {
    for (row const& one : rows) {
      if (into.wanted(one.name)) one.measure(into);
    }
  });
}

}  // namespace retake::costs
