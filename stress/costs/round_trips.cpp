// round_trips.cpp: many questions to a database against one, small writes to a socket against a
// buffer before it and what that does to latency, recvmsg(2) against the poller
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "ledger.hpp"
#include "observed.hpp"
#include "retake/buffered.hpp"
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/tcp.hpp"
#include "retake/unix.hpp"

namespace retake::costs {

namespace {

using namespace std::chrono_literals;

using stress::now_ns;

double ms_since(std::int64_t began_ns) { return static_cast<double>(now_ns() - began_ns) * 1e-6; }

// ---- a database --------------------------------------------------------------------------------

constexpr int rows = 10'000, wanted = 200;

// SQLite behind a local socket, as a server would be: a question is a statement and a newline, the
// answer the sum of what it found, and a newline.
class database {
 public:
  database() {
    if (sqlite3_open(":memory:", &sqlite_) != SQLITE_OK) return;
    run("create table item (id integer primary key, price integer)");
    run(
        fmt::format("with recursive n(i) as (select 1 union all select i + 1 from n where i < {}) insert into item "
                    "select i, i * 7 from n",
                    rows));
  }
  ~database() { sqlite3_close(sqlite_); }
  database(database const&) = delete;
  database& operator=(database const&) = delete;

  // Until the client has gone.
  void serve(unix_stream& client) {
    buffered_reader questions(client);
    for (;;) {
      const result<std::string> question = questions.read_until('\n');
      if (!question || question->empty()) return;
      const std::string answer = fmt::format("{}\n", foreign_call([&] { return run(*question); }));
      if (!client.write(std::as_bytes(std::span(answer)))) return;
    }
  }

 private:
  long long run(std::string const& statement) {
    sqlite3_stmt* prepared = nullptr;
    long long sum = 0;
    if (sqlite3_prepare_v2(sqlite_, statement.c_str(), -1, &prepared, nullptr) != SQLITE_OK) return -1;
    while (sqlite3_step(prepared) == SQLITE_ROW) sum += sqlite3_column_int64(prepared, 0);
    sqlite3_finalize(prepared);
    return sum;
  }

  sqlite3* sqlite_ = nullptr;
};

long long ask(unix_stream& server, buffered_reader& answers, std::string const& question) {
  static_cast<void>(server.write(std::as_bytes(std::span(question))));
  const result<std::string> answer = answers.read_until('\n');
  return answer ? std::atoll(answer->c_str()) : -1;
}

void one_query(ledger& into) {
  result<unix_pair_ends> ends = unix_pair();
  if (!ends) return;
  database all;
  wait_group server;
  server.add(1);
  go([&] {
    all.serve(ends->second);
    server.done();
  });
  buffered_reader answers(ends->first);
  long long one_by_one = 0, at_once = 0;
  into.compare(
      {"one_query", "200 rows of an SQLite table, a question for each: all of them", "one question with all 200 ids",
       "ms", 3,
       "not when: what is asked for depends on the answer before, or the statement becomes longer than the server "
       "takes"},
      5,
      [&] {
        const std::int64_t began_ns = now_ns();
        one_by_one = 0;
        for (int i = 0; i < wanted; ++i)
          one_by_one += ask(ends->first, answers, fmt::format("select price from item where id = {}\n", 1 + i * 37));
        return ms_since(began_ns);
      },
      [&] {
        const std::int64_t began_ns = now_ns();
        std::string question = "select price from item where id in (";
        for (int i = 0; i < wanted; ++i) question += fmt::format("{}{}", i == 0 ? "" : ", ", 1 + i * 37);
        at_once = ask(ends->first, answers, question + ")\n");
        return ms_since(began_ns);
      });
  into.at_most("one_query_answers", "how far the sums of both answers are apart",
               one_by_one > 0 ? static_cast<double>(std::abs(one_by_one - at_once)) + (into.broken() ? 1 : 0) : 1e9, 0,
               "");
  ends->first = unix_stream();
  server.wait();
}

// ---- sockets -----------------------------------------------------------------------------------

struct connection {
  tcp_stream here, there;
};
result<connection> make_connection() {
  result<tcp_listener> listener = tcp_listen(loopback_address, 0);
  if (!listener) return listener.error();
  result<tcp_stream> here = tcp_connect(loopback_address, listener->port());
  if (!here) return here.error();
  result<tcp_stream> there = listener->accept();
  if (!there) return there.error();
  return connection{std::move(*here), std::move(*there)};
}

// Segments with data that the kernel has sent of it.
double segments_of(tcp_stream const& one) {
  tcp_info info{};
  socklen_t bytes = sizeof info;
  return ::getsockopt(one.descriptor(), IPPROTO_TCP, TCP_INFO, &info, &bytes) == 0 ? info.tcpi_data_segs_out : 0;
}

constexpr std::size_t piece_bytes = 16;
using piece = std::array<std::byte, piece_bytes>;

// Until so many pieces have come, or the stream ends. `arrived` is called with the number of each.
template <class Arrived>
void read_pieces(tcp_stream& from, std::size_t pieces, Arrived arrived) {
  std::array<std::byte, 4096> room;
  for (std::size_t got = 0; got < pieces * piece_bytes;) {
    const result<std::size_t> n = from.read(room);
    if (!n || *n == 0) return;
    const std::size_t before = got / piece_bytes;
    got += *n;
    for (std::size_t i = before; i < got / piece_bytes; ++i) arrived(i);
  }
}

void buffered_sockets(ledger& into) {
  constexpr int pieces = 2'000;
  std::vector<double> segments_small, segments_buffered;
  const auto send_all = [&](bool buffers) {
    result<connection> both = make_connection();
    if (!both) return 0.0;
    wait_group reader;
    reader.add(1);
    go([&] {
      read_pieces(both->there, pieces, [](std::size_t) {});
      reader.done();
    });
    const piece one{};
    buffered_writer collected(both->here);
    const std::int64_t began_ns = now_ns();
    for (int i = 0; i < pieces; ++i) {
      if (buffers)
        static_cast<void>(collected.write(one));
      else
        static_cast<void>(both->here.write(one));
    }
    static_cast<void>(collected.flush());
    const double took_ms = ms_since(began_ns);
    reader.wait();
    (buffers ? segments_buffered : segments_small).push_back(segments_of(both->here));
    return took_ms;
  };
  into.compare(
      {"buffered_sockets", "2,000 writes of 16 bytes to a TCP socket", "through a buffer of 4 KB", "ms", 3,
       "not when: bytes must be on the wire at once (the next row)"},
      5, [&] { return send_all(false); }, [&] { return send_all(true); });
  into.text(fmt::format("segments on the wire: {:.0f} and {:.0f} (the kernel collects too, while the peer is slow)",
                        stress::median(segments_small), stress::median(segments_buffered)));
}

// A piece each half millisecond: how old it is when the peer has it.
void flushed_sockets(ledger& into) {
  constexpr int pieces = 64;
  constexpr std::size_t buffer_bytes = 16 * piece_bytes;
  const auto age_us = [&](bool flushes) {
    result<connection> both = make_connection();
    if (!both) return 0.0;
    std::array<std::atomic<std::int64_t>, pieces> written_ns{};
    std::vector<double> ages;
    wait_group reader;
    reader.add(1);
    go([&] {
      read_pieces(both->there, pieces,
                  [&](std::size_t i) { ages.push_back(static_cast<double>(now_ns() - written_ns[i]) * 1e-3); });
      reader.done();
    });
    const piece one{};
    buffered_writer collected(both->here, buffer_bytes);
    for (auto& at : written_ns) {
      at = now_ns();
      static_cast<void>(collected.write(one));
      if (flushes) static_cast<void>(collected.flush());
      sleep_for(500us);
    }
    static_cast<void>(collected.flush());
    reader.wait();
    return stress::median(ages);
  };
  into.compare(
      {"flushed_sockets", "a piece in a buffer that is written when it is full: its age when it arrives (median)",
       "flushed behind each piece", "us", 3, "not when: nobody waits for the piece, only for all of them"},
      3, [&] { return age_us(false); }, [&] { return age_us(true); });
}

// ---- messages ----------------------------------------------------------------------------------

void messages_by_poller(ledger& into) {
  constexpr std::uint32_t sockets = 100;
  const auto threads_for = [&](bool raw) {
    double threads = 0;
    options chosen;
    chosen.processors = 2;
    run(chosen, [&] {
      std::vector<unix_pair_ends> all;
      for (std::uint32_t i = 0; i < sockets; ++i) {
        if (result<unix_pair_ends> made = unix_pair()) all.push_back(std::move(*made));
      }
      const auto before = static_cast<double>(stress::kernel_threads());
      wait_group readers;
      readers.add(static_cast<std::int32_t>(all.size()));
      std::atomic<std::uint32_t> told{0};
      stress::thread_peak seen;
      for (unix_pair_ends& one : all) {
        go([&] {
          std::array<std::byte, 8> room;
          std::array<int, 1> passed{-1};
          if (raw) {
            const int fd = one.second.descriptor();
            ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
            iovec where{room.data(), room.size()};
            alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> beside;
            msghdr message{};
            message.msg_iov = &where;
            message.msg_iovlen = 1;
            message.msg_control = beside.data();
            message.msg_controllen = beside.size();
            const ssize_t n = retake::syscall([&] { return ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC); });
            cmsghdr const* const first = n > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
            if (first != nullptr && first->cmsg_type == SCM_RIGHTS)
              std::copy_n(reinterpret_cast<char const*>(CMSG_DATA(first)), sizeof(int),
                          reinterpret_cast<char*>(passed.data()));
          } else {
            static_cast<void>(one.second.receive(room, passed));
          }
          if (passed[0] >= 0) {
            ++told;
            ::close(passed[0]);
          }
          readers.done();
        });
      }
      sleep_for(60ms);
      const std::array<std::byte, 1> byte{};
      for (unix_pair_ends& one : all) static_cast<void>(one.first.send(byte, std::array{STDERR_FILENO}));
      readers.wait();
      threads = told == sockets ? std::max(1.0, static_cast<double>(seen.end()) - before) : 0;
    });
    return threads;
  };
  into.compare(
      {"messages_by_poller", "100 goroutines in recvmsg(2) for a descriptor that is passed: threads that they cost",
       "in unix_stream::receive()", "threads", 5, "not when: the message is known to be there"},
      3, [&] { return threads_for(true); }, [&] { return threads_for(false); });
}

// ---- a file of a megabyte ----------------------------------------------------------------------

// By plain reads, as a program without retake::file makes them.
void larger_file(ledger& into) {
  constexpr std::size_t bytes = 1 << 20, page = 4'096;
  const int fd = ::memfd_create("retake-costs", MFD_CLOEXEC);
  const std::vector<char> content(bytes, 'x');
  static_cast<void>(::pwrite(fd, content.data(), content.size(), 0));
  std::array<std::byte, page> room;
  const auto in_pieces_of = [&](std::size_t piece_size) {
    const std::int64_t began_ns = now_ns();
    for (std::size_t at = 0; at < bytes; at += piece_size)
      stress::keep(retake::syscall([&] { return ::pread(fd, room.data(), piece_size, static_cast<off_t>(at)); }));
    return ms_since(began_ns);
  };
  into.compare(
      {"larger_file", "1 MB, byte by byte (expected: 4 s)", "1 MB by 4 KB (expected: 1 ms)", "ms", 50,
       "not when: what is read comes in large pieces already"},
      3, [&] { return in_pieces_of(1); }, [&] { return in_pieces_of(page); });
  ::close(fd);
}

struct row {
  char const* name;
  void (*measure)(ledger&);
};
constexpr row in_a_runtime[] = {{"one_query", one_query},
                                {"buffered_sockets", buffered_sockets},
                                {"flushed_sockets", flushed_sockets},
                                {"larger_file", larger_file}};

}  // namespace

void round_trips(ledger& into) {
  into.heading("Fewer round trips");
  options chosen;
  chosen.processors = 2;
  run(chosen, [&] {
    for (row const& one : in_a_runtime) {
      if (into.wanted(one.name)) one.measure(into);
    }
  });
  if (into.wanted("messages_by_poller")) messages_by_poller(into);
}

}  // namespace retake::costs
