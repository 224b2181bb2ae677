// conformance_files.hpp: what files and rings do, as observations, the same from every kernel:
// conformance_rest.hpp says how. Among them a full queue of requests and an overflow of
// completions, which the real ring is brought to as the simulated one is.
#pragma once

#include "conformance_rest.hpp"
#include "world/ring.hpp"

namespace retake::conformance {

inline k::io_slice slice_of(char const* text) { return {const_cast<char*>(text), std::strlen(text)}; }

// Reads once, wherever; says the bytes.
inline void read_file(notebook& n, char const* what, int fd, std::int64_t offset, std::size_t room = 8) {
  char text[9] = {};
  k::io_slice const into{text, room};
  std::int64_t const count = k::read_at(fd, &into, 1, offset, false);
  if (count < 0) return n.result(what, count);
  for (char& c : text) c = c == 0 ? '.' : c;
  n.say("%s -> %lld \"%.*s\"", what, static_cast<long long>(count), static_cast<int>(count), text);
}

inline constexpr char file_name[] = "retake_rest.tmp";

inline void observe_files(notebook& n) {
  n.section("file");
  constexpr std::uint32_t fresh = k::open_read | k::open_write | k::open_create | k::open_truncate;
  int const fd = k::open_file(file_name, fresh, 0600, false);
  n.success("make", fd);
  n.result("make it exclusively", k::open_file(file_name, fresh | k::open_exclusive, 0600, false));
  n.result("make it at once", k::open_file(file_name, fresh, 0600, true));
  n.result("open what is not there", k::open_file("retake_none.tmp", k::open_read, 0, false));
  k::io_slice const two[] = {slice_of("abc"), slice_of("defg")};
  n.result("write two slices", k::write_at(fd, two, 2, k::at_position, false));
  read_file(n, "read at the position", fd, k::at_position);
  read_file(n, "read", fd, 2);
  read_file(n, "read behind the end", fd, 7);
  n.result("write at 9", k::write_at(fd, two, 1, 9, false));
  read_file(n, "read the gap", fd, 6);
  read_file(n, "read at the position", fd, k::at_position, 3);
  k::file_record status{};
  n.result("status", k::status_of_file(fd, nullptr, status));
  n.say("%llu bytes, mode %o", static_cast<unsigned long long>(status.bytes), status.mode & 0170000U);
  n.result("truncate", k::truncate_file(fd, 4));
  n.result("status by name", k::status_of_file(-1, file_name, status));
  n.say("%llu bytes", static_cast<unsigned long long>(status.bytes));
  n.result("status of what is not there", k::status_of_file(-1, "retake_none.tmp", status));
  n.result("sync", k::sync_file(fd, false));
  n.result("sync data", k::sync_file(fd, true));
  char byte = 0;
  k::io_slice const one{&byte, 1};
  std::int64_t const at_once = k::read_at(fd, &one, 1, 0, true);
  n.holds("read at once: it is there, or would wait, or cannot be asked for",
          at_once == 1 || at_once == -EAGAIN || at_once == -EOPNOTSUPP);
  int const reader = k::open_file(file_name, k::open_read, 0, false);
  n.result("write to what is open for reading", k::write_at(reader, two, 1, 0, false));
  int const appender = k::open_file(file_name, k::open_write | k::open_append, 0, false);
  n.result("append", k::write_at(appender, two, 1, k::at_position, false));
  read_file(n, "read", reader, 0);
  n.result("read what is open for writing", k::read_at(appender, &one, 1, 0, false));
  n.result("seek from the beginning", k::seek(reader, 2, k::seek_from::begin));
  n.result("seek on", k::seek(reader, 1, k::seek_from::position));
  read_file(n, "read at the position", reader, k::at_position);
  n.result("seek from the end", k::seek(reader, -2, k::seek_from::end));
  read_file(n, "read at the position", reader, k::at_position);
  n.result("seek before the beginning", k::seek(reader, -3, k::seek_from::begin));
  n.result("seek behind the end", k::seek(reader, 100, k::seek_from::end));
  read_file(n, "read at the position", reader, k::at_position);
  n.result("append, at an offset", k::write_at(appender, two, 1, 0, false));
  read_file(n, "read", reader, 0);
  n.result("appends", k::appends(appender));
  n.result("does not append", k::appends(reader));
  n.result("a closed number appends", k::appends(1000));
  n.result("read below the offsets", k::read_at(fd, &one, 1, k::at_position - 1, false));
  n.result("write below the offsets", k::write_at(fd, two, 1, k::at_position - 1, false));
  n.result("truncate below the sizes", k::truncate_file(fd, -1));
  int const ep = k::epoll_create();
  n.result("poll a file", k::epoll_add(ep, fd, k::poll_in, 1));
  int ends[2];
  n.result("pipe", k::pipe_blocking(ends));
  n.result("read a pipe at an offset", k::read_at(ends[0], &one, 1, 0, false));
  n.result("sync a pipe", k::sync_file(ends[0], false));
  n.result("seek in a pipe", k::seek(ends[0], 0, k::seek_from::begin));
  n.result("send it into a pipe", k::sendfile(ends[1], fd, 1, 3));
  char sent[4] = {};
  n.result("read the pipe", k::read(ends[0], sent, 3));
  n.say("%s", sent);
  int pair[2];
  n.result("socketpair", k::socketpair(pair));
  n.result("send it, to its end", k::sendfile(pair[0], reader, 2, 12));
  n.result("read the socket", k::read(pair[1], sent, 2));
  n.result("send from behind its end", k::sendfile(pair[0], reader, 100, 3));
  n.result("send what is open for writing", k::sendfile(pair[0], appender, 0, 3));
  n.result("send a closed number", k::sendfile(pair[0], 1000, 0, 3));
  n.result("send from below the offsets", k::sendfile(pair[0], reader, -1, 3));
  n.result("close the peer", k::close(pair[1]));
  n.result("send it to nobody", k::sendfile(pair[0], reader, 0, 3));
  close_all({fd, reader, appender, ep, ends[0], ends[1], pair[0]});
  n.result("read", k::read_at(fd, &one, 1, 0, false));
}

// Gives the kernel what is prepared, waits for `count` completions in all, says each by its number.
inline void carry_out(notebook& n, char const* what, world::ring& ring, std::uint32_t count) {
  n.result(what, ring.submit(count));
  std::int64_t results[16];
  bool there[16] = {};
  world::ring_completion done[16];
  std::uint32_t const reaped = ring.reap(done, 16);
  for (std::uint32_t i = 0; i < reaped; ++i) {
    results[done[i].user_data] = done[i].result;
    there[done[i].user_data] = true;
  }
  n.say("%u completions", reaped);
  for (int number = 0; number != 16; ++number) {
    char text[24];
    std::snprintf(text, sizeof text, "  number %d", number);
    if (there[number]) n.result(text, results[number]);
  }
}

inline world::ring_request transfer(world::ring_operation what, int fd, k::io_slice const* slice, std::int64_t offset,
                                    std::uint64_t number) {
  world::ring_request request;
  request.what = what;
  request.fd = fd;
  request.slices = slice;
  request.count = 1;
  request.offset = offset;
  request.user_data = number;
  return request;
}

inline world::ring_request plain_request(world::ring_operation what, std::uint64_t number, std::uint64_t target = 0) {
  world::ring_request request;
  request.what = what;
  request.target = target;
  request.user_data = number;
  return request;
}

inline void observe_queues_of_ring(notebook& n, world::ring& ring) {
  int const ep = k::epoll_create();
  n.result("add", k::epoll_add(ep, ring.descriptor(), k::poll_in, 7));
  look(n, "nothing yet", ep);
  for (std::uint64_t i = 1; i <= 4; ++i)
    n.holds("room", ring.prepare(plain_request(world::ring_operation::nothing, i)));
  n.holds("four places, no fifth", !ring.prepare(plain_request(world::ring_operation::nothing, 5)));
  look(n, "prepared", ep);
  n.result("submit", ring.submit());
  look(n, "done", ep);
  look(n, "still", ep);
  n.holds("room again", ring.prepare(plain_request(world::ring_operation::nothing, 5)));
  carry_out(n, "submit", ring, 5);
  look(n, "reaped", ep);
  n.result("submit nothing", ring.submit());
  for (std::uint64_t i = 0; i != 3; ++i) {
    for (std::uint64_t j = 1; j <= 4; ++j)
      static_cast<void>(ring.prepare(plain_request(world::ring_operation::nothing, 4 * i + j)));
    n.result("submit into an overflow", ring.submit());
  }
  look(n, "twelve for eight places", ep);
  carry_out(n, "reap", ring, 0);
  look(n, "reaped", ep);
  for (std::uint64_t i = 1; i <= 2; ++i)
    static_cast<void>(ring.prepare(plain_request(world::ring_operation::nothing, i)));
  std::uint64_t withdrawn[4] = {};
  n.result("withdraw", ring.withdraw(withdrawn, 4));
  n.say("numbers %llu and %llu", static_cast<unsigned long long>(withdrawn[0]),
        static_cast<unsigned long long>(withdrawn[1]));
  n.result("withdraw again", ring.withdraw(withdrawn, 4));
  carry_out(n, "submit what was withdrawn", ring, 0);
  k::close(ep);
}

inline void observe_ring_cancel(notebook& n, world::ring& ring) {
  int ends[2];
  n.result("pipe", k::pipe_blocking(ends));
  char memory[8] = {};
  k::io_slice const into{memory, 4};
  static_cast<void>(ring.prepare(plain_request(world::ring_operation::cancel, 1, 9)));
  carry_out(n, "cancel what is not there", ring, 1);
  static_cast<void>(ring.prepare(transfer(world::ring_operation::read, ends[0], &into, k::at_position, 2)));
  static_cast<void>(ring.prepare(plain_request(world::ring_operation::cancel, 3, 2)));
  carry_out(n, "read and cancel in one go", ring, 2);
  static_cast<void>(ring.prepare(plain_request(world::ring_operation::cancel, 3, 2)));
  carry_out(n, "cancel twice", ring, 1);
  static_cast<void>(ring.prepare(transfer(world::ring_operation::read, ends[0], &into, k::at_position, 4)));
  carry_out(n, "read", ring, 0);
  n.result("write", write_text(ends[1], "xyz"));
  carry_out(n, "bytes came", ring, 1);
  n.say("\"%.3s\"", memory);
  static_cast<void>(ring.prepare(transfer(world::ring_operation::read, ends[0], &into, k::at_position, 5)));
  static_cast<void>(ring.prepare(transfer(world::ring_operation::read, ends[0], &into, k::at_position, 6)));
  carry_out(n, "two reads", ring, 0);
  static_cast<void>(ring.prepare(plain_request(world::ring_operation::cancel_all, 7)));
  carry_out(n, "cancel all", ring, 3);
  static_cast<void>(ring.prepare(transfer(world::ring_operation::read, ends[0], &into, k::at_position, 8)));
  carry_out(n, "read", ring, 0);
  k::close(ends[1]);
  carry_out(n, "the end came", ring, 1);
  k::close(ends[0]);
}

inline void observe_ring_files(notebook& n, world::ring& ring) {
  world::ring_request open = plain_request(world::ring_operation::open, 1);
  open.path = file_name;
  open.how = k::open_read | k::open_write;
  static_cast<void>(ring.prepare(open));
  n.result("open", ring.submit(1));
  world::ring_completion opened{};
  static_cast<void>(ring.reap(&opened, 1));
  n.success("  it is", opened.result);
  int const fd = static_cast<int>(opened.result);
  k::io_slice const from = slice_of("through");
  static_cast<void>(ring.prepare(transfer(world::ring_operation::write, fd, &from, 1, 2)));
  carry_out(n, "write", ring, 1);
  char memory[16] = {};
  k::io_slice const into{memory, 16};
  static_cast<void>(ring.prepare(transfer(world::ring_operation::read, fd, &into, 1, 3)));
  carry_out(n, "read", ring, 1);
  n.say("\"%.7s\"", memory);
  world::ring_request sync = plain_request(world::ring_operation::sync, 4);
  sync.fd = fd;
  static_cast<void>(ring.prepare(sync));
  carry_out(n, "sync", ring, 1);
  k::file_record record{};
  world::ring_request status = plain_request(world::ring_operation::status, 5);
  status.fd = fd;
  status.status = &record;
  static_cast<void>(ring.prepare(status));
  carry_out(n, "status", ring, 1);
  n.say("%llu bytes", static_cast<unsigned long long>(record.bytes));
  open.how |= k::open_create | k::open_exclusive;
  static_cast<void>(ring.prepare(open));
  carry_out(n, "open exclusively", ring, 1);
  static_cast<void>(ring.prepare(transfer(world::ring_operation::read, 999, &into, 0, 6)));
  carry_out(n, "read what is not open", ring, 1);
  n.result("set a buffer", ring.set_buffer(1, memory, sizeof memory));
  world::ring_request fixed = transfer(world::ring_operation::read, fd, &into, 2, 7);
  fixed.buffer = 1;
  static_cast<void>(ring.prepare(fixed));
  carry_out(n, "read into it", ring, 1);
  n.say("\"%.6s\"", memory);
  fixed.buffer = 2;
  static_cast<void>(ring.prepare(fixed));
  carry_out(n, "read into one that is not set", ring, 1);
  n.result("forget the buffer", ring.set_buffer(1, nullptr, 0));
  fixed.buffer = 1;
  static_cast<void>(ring.prepare(fixed));
  carry_out(n, "read into it", ring, 1);
  k::close(fd);
}

// Where the kernel refuses, there is nothing to compare: the script leaves the section out and says
// so.
inline void observe_ring(notebook& n) {
  n.section("ring");
  world::ring ring;
  int const failed = ring.open(4);
  if (failed < 0) return static_cast<void>(std::fprintf(stderr, "no ring here: %s\n", std::strerror(-failed)));
  n.result("open", failed);
  observe_queues_of_ring(n, ring);
  observe_ring_cancel(n, ring);
  observe_ring_files(n, ring);
}

inline void observe_files_and_rings() {
  notebook n;
  observe_files(n);
  observe_ring(n);
}

}  // namespace retake::conformance
