// Streams in both directions: socketpair(2) and TCP over loopback. See files.hpp.
//
// Recipe.    Bytes written by one end are in the other end's `in` at once: the wire takes no time.
//            A connection is made when connect finds room in the listener's queue; both of its ends
//            exist from then on, and accept only gives one of them a number. The two families
//            differ where the kernel's do: net/unix/af_unix.c and net/ipv4/tcp.c.
#include <cerrno>

#include "kernel/files.hpp"

namespace retake::sim::kernel {

using namespace world::kernel;

namespace {

// The other end of a connection whose one end sends a reset: behind a FIN that was seen, a reset is
// a broken pipe.
void reset_peer(file& f) noexcept {
  file* const other = f.socket->peer;
  f.socket->peer = nullptr;
  if (other != nullptr) reset_socket(*other, other->socket->peer_finished ? EPIPE : ECONNRESET);
}

// The fault econnreset: both ends of a TCP connection lose each other.
bool connection_lost(file& f, site const& where) noexcept {
  socket_body& s = *f.socket;
  if (!s.tcp || s.state != socket_state::connected || s.peer == nullptr || !fault(fault_kind::econnreset, where))
    return false;
  reset_peer(f);
  reset_socket(f, ECONNRESET);
  return true;
}

void stop_connecting(file& f) noexcept {
  file* const listener = f.socket->listener;
  f.socket->listener = nullptr;
  if (listener == nullptr) return;
  socket_body& l = *listener->socket;
  for (std::uint32_t i = 0; i < l.waiters; ++i) {
    if (l.waiting[i] == &f) return remove_at(l.waiting, l.waiters, i);
  }
}

void end_listener(file& f) noexcept {
  socket_body& s = *f.socket;
  while (s.waiters != 0) {
    file& client = *s.waiting[0];
    remove_at(s.waiting, s.waiters, 0);
    client.socket->listener = nullptr;
    reset_socket(client, ECONNREFUSED);
  }
  while (s.queued != 0) {
    file& server = *s.queue[0];
    remove_at(s.queue, s.queued, 0);
    server.socket->reset_on_close = true;
    drop_reference(server);
  }
}

// Room appeared in `f`'s in: does its writer hear of it?
void announce_room(file& f) noexcept {
  file* const writer = f.socket->peer;
  if (writer == nullptr || !f.socket->in.writable()) return;
  if (writer->socket->tcp && !writer->socket->wants_room) return;
  writer->socket->wants_room = false;
  activity(*writer, poll_out);
}

// The answer of a read that finds no bytes, or `go_on`.
constexpr std::int64_t go_on = 1;
std::int64_t empty_read(socket_body& s) noexcept {
  if (s.state == socket_state::fresh || s.state == socket_state::listening) return -ENOTCONN;
  if (s.peer_finished) return 0;
  if (s.error != 0) return -take_error(s);
  return s.no_more_in ? 0 : go_on;
}

}  // namespace

void reset_socket(file& f, int error) noexcept {
  socket_body& s = *f.socket;
  s.error = error;
  s.state = socket_state::ended;
  s.no_more_in = s.no_more_out = true;
  s.peer = nullptr;
  activity(f, 0);
}

void finish_writing(file& f) noexcept {
  socket_body& s = *f.socket;
  s.no_more_out = true;
  if (s.peer == nullptr) return;
  socket_body& other = *s.peer->socket;
  other.no_more_in = true;
  other.peer_finished = true;
  activity(*s.peer, 0);
}

int take_error(socket_body& s) noexcept {
  int const error = s.error;
  s.error = 0;
  return error;
}

file& new_socket(address_family family, bool stream) noexcept {
  file& f = *make<file>(file_kind::socket);
  f.socket = make<socket_body>();
  f.socket->family = family;
  f.socket->tcp = stream && family != address_family::local;
  if (!stream) f.socket->box = make<datagram_box>();
  return f;
}

void drop_passed(passed_files& gone) noexcept {
  while (gone.count != 0) drop_reference(*gone.files[--gone.count]);
}

std::int64_t socket_read(file& f, unsigned char* to, std::size_t n, site const& where) noexcept {
  return f.socket->box != nullptr ? datagram_read(f, to, n, nullptr, where) : socket_receive(f, to, n, nullptr, where);
}

std::int64_t socket_receive(file& f, unsigned char* to, std::size_t n, passed_files* passed,
                            site const& where) noexcept {
  socket_body& s = *f.socket;
  if (s.tcp && n == 0 && s.state == socket_state::connected) return 0;
  while (s.in.count == 0) {  // bound: whoever wakes us has written, or ended this direction
    if (std::int64_t const answer = empty_read(s); answer != go_on) return answer;
    if (int const error = wait_for(f, where); error != 0) return error;
  }
  if (n == 0) return 0;
  if (not_yet(f, poll_in, where)) return -EAGAIN;
  if (connection_lost(f, where)) return -take_error(s);
  std::uint32_t const there = n < s.in.count ? static_cast<std::uint32_t>(n) : s.in.count;
  bool const stops =
      s.passed_count != 0 && s.passed[0].end < s.taken + there;  // behind the bytes that descriptors came with
  std::uint32_t const wanted = stops ? static_cast<std::uint32_t>(s.passed[0].end - s.taken) : there;
  std::uint32_t const taken = some_of(wanted, fault_kind::short_read, where);
  s.in.take(to, taken);
  s.taken += taken;
  if (s.passed_count != 0 && s.passed[0].begin < s.taken) {
    if (passed != nullptr) {
      *passed = s.passed[0];
    } else {
      drop_passed(s.passed[0]);
    }
    remove_at(s.passed, s.passed_count, 0);
  }
  observe(s.in.order);
  announce_room(f);
  return taken;
}

std::int64_t socket_write(file& f, unsigned char const* from, std::size_t n, site const& where) noexcept {
  socket_body& s = *f.socket;
  if (s.box != nullptr) return datagram_write(f, from, n, nullptr, where);
  std::size_t written = 0;
  do {
    if (s.state == socket_state::fresh || s.state == socket_state::listening) {
      broken_pipe(where);
      return -EPIPE;
    }
    if (s.tcp && s.error != 0 && s.error != EPIPE)
      return written != 0 ? static_cast<std::int64_t>(written) : -take_error(s);
    file* const other = s.peer;
    bool const nobody_reads = !s.tcp && (other == nullptr || other->socket->no_more_in);
    if (s.no_more_out || nobody_reads) {
      s.error = s.error == EPIPE ? 0 : s.error;
      if (written != 0) return static_cast<std::int64_t>(written);
      broken_pipe(where);
      return -EPIPE;
    }
    if (n == 0) return 0;
    if (s.state == socket_state::connected && other == nullptr) {
      // The other end has gone; it answers these bytes with a reset.
      reset_socket(f, EPIPE);
      return static_cast<std::int64_t>(n);
    }
    std::uint32_t const room = s.state == socket_state::connecting ? 0 : other->socket->in.room();
    if (room != 0 && written == 0 && not_yet(f, poll_out, where)) return -EAGAIN;
    if (room == 0) {
      s.wants_room = true;
      int const error = wait_for(f, where);
      if (error == 0) continue;
      return written != 0 ? static_cast<std::int64_t>(written) : error;
    }
    if (connection_lost(f, where)) return -take_error(s);
    std::size_t const left = n - written;
    std::uint32_t const possible = left < room ? static_cast<std::uint32_t>(left) : room;
    std::uint32_t const moved = some_of(possible, fault_kind::short_write, where);
    other->socket->in.put(from + written, moved);
    written += moved;
    publish(other->socket->in.order);
    activity(*other, poll_in);
    if (moved != possible) break;  // the fault
  } while (written != n);
  return static_cast<std::int64_t>(written);
}

std::uint32_t socket_ready(file& f) noexcept {
  socket_body& s = *f.socket;
  if (s.box != nullptr) return datagram_ready(f);
  if (s.state == socket_state::listening) return s.queued != 0 ? poll_in : 0;
  std::uint32_t result = 0;
  bool const all_shut = s.no_more_in && s.no_more_out;
  if (all_shut || s.state == socket_state::fresh) result |= poll_hup;
  if (s.no_more_in) result |= poll_in | poll_rdhup;
  if (s.error != 0) result |= poll_err;
  if (s.state == socket_state::connecting) return result;
  if (s.in.count != 0) result |= poll_in;
  bool const room = s.peer == nullptr || s.peer->socket->in.writable();
  bool const writable = s.tcp ? s.no_more_out || room : room;
  if (writable) {
    result |= poll_out;
  } else {
    s.wants_room = true;
  }
  return result;
}

void socket_end(file& f) noexcept {
  socket_body& s = *f.socket;
  if (s.box != nullptr) return datagram_end(f);
  while (s.passed_count != 0) drop_passed(s.passed[--s.passed_count]);
  if (s.state == socket_state::listening) return end_listener(f);
  stop_connecting(f);
  file* const other = s.peer;
  if (other == nullptr) return;
  bool const unread = s.in.count != 0;
  if (s.tcp && (unread || s.reset_on_close)) return reset_peer(f);
  s.peer = nullptr;
  socket_body& o = *other->socket;
  o.peer = nullptr;
  o.no_more_in = true;
  if (s.tcp) {
    o.peer_finished = true;
  } else {
    o.no_more_out = true;
    if (unread) o.error = ECONNRESET;
  }
  activity(*other, 0);
}

}  // namespace retake::sim::kernel
