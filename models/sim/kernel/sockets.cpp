// Streams in both directions: socketpair(2) and TCP over loopback. See files.hpp.
//
// Recipe.    Bytes written by one end are in the other end's `in` at once: the wire takes no time. A connection is made when connect finds
//            room in the listener's queue; both of its ends exist from then on, and accept only gives one of them a number.
//            The two families differ where the kernel's do: net/unix/af_unix.c and net/ipv4/tcp.c.
#include <cerrno>

#include "kernel/files.hpp"

namespace retake::sim::kernel {

using namespace world::kernel;

namespace {

file& new_socket(bool tcp) noexcept {
  file& f = *make<file>(file_kind::socket);
  f.socket = make<socket_body>();
  f.socket->tcp = tcp;
  return f;
}

// A TCP end learns that the connection is gone.
void reset(file& f, int error) noexcept {
  socket_body& s = *f.socket;
  s.error = error;
  s.state = socket_state::ended;
  s.no_more_in = s.no_more_out = true;
  s.peer = nullptr;
  activity(f, 0);
}

// The other end of a connection whose one end sends a reset: behind a FIN that was seen, a reset is a broken pipe.
void reset_peer(file& f) noexcept {
  file* const other = f.socket->peer;
  f.socket->peer = nullptr;
  if (other != nullptr) reset(*other, other->socket->peer_finished ? EPIPE : ECONNRESET);
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

// The fault econnreset: both ends of a TCP connection lose each other.
bool connection_lost(file& f, site const& where) noexcept {
  socket_body& s = *f.socket;
  if (!s.tcp || s.state != socket_state::connected || s.peer == nullptr || !fault(fault_kind::econnreset, where)) return false;
  reset_peer(f);
  reset(f, ECONNRESET);
  return true;
}

int take_error(socket_body& s) noexcept {
  int const error = s.error;
  s.error = 0;
  return error;
}

file* find_listener(std::uint16_t port) noexcept {
  for (file* f : state().descriptors) {
    if (f != nullptr && f->socket != nullptr && f->socket->state == socket_state::listening && f->socket->port == port) return f;
  }
  return nullptr;
}

bool port_taken(std::uint16_t port, bool shared) noexcept {
  for (file* f : state().descriptors) {
    if (f == nullptr || f->socket == nullptr || f->socket->port != port) continue;
    bool const both_share = shared && f->socket->reuse_address && f->socket->state != socket_state::listening;
    if (!both_share) return true;
  }
  return false;
}

std::uint16_t free_port() noexcept {
  kernel_state& s = state();
  while (port_taken(s.next_port, false)) ++s.next_port;  // bound: fewer ports are taken than there are descriptors
  return s.next_port++;
}

bool queue_has_room(socket_body const& listener) noexcept {
  return listener.queued <= listener.backlog && listener.queued < socket_body::queue_max;
}

// Makes the connection; the listener's end waits in the queue for accept.
void establish(file& client, file& listener) noexcept {
  file& server = new_socket(true);
  server.references = 1;  // the queue's
  socket_body& far = *server.socket;
  socket_body& near = *client.socket;
  far.state = near.state = socket_state::connected;
  far.peer = &client;
  near.peer = &server;
  far.port = listener.socket->port;
  near.listener = nullptr;
  listener.socket->queue[listener.socket->queued++] = &server;
  publish(listener.socket->order);
  activity(listener, poll_in);
  activity(client, 0);
}

template <std::uint32_t n>
void remove_at(file* (&list)[n], std::uint32_t& count, std::uint32_t index) noexcept {
  --count;
  for (std::uint32_t i = index; i < count; ++i) list[i] = list[i + 1];
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
    reset(client, ECONNREFUSED);
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

std::int64_t socket_read(file& f, unsigned char* to, std::size_t n, site const& where) noexcept {
  socket_body& s = *f.socket;
  if (s.tcp && n == 0 && s.state == socket_state::connected) return 0;
  while (s.in.count == 0) {  // bound: whoever wakes us has written, or ended this direction
    if (std::int64_t const answer = empty_read(s); answer != go_on) return answer;
    if (int const error = wait_for(f, where); error != 0) return error;
  }
  if (n == 0) return 0;
  if (not_yet(f, poll_in, where)) return -EAGAIN;
  if (connection_lost(f, where)) return -take_error(s);
  std::uint32_t const wanted = n < s.in.count ? static_cast<std::uint32_t>(n) : s.in.count;
  std::uint32_t const taken = some_of(wanted, fault_kind::short_read, where);
  s.in.take(to, taken);
  observe(s.in.order);
  announce_room(f);
  return taken;
}

std::int64_t socket_write(file& f, unsigned char const* from, std::size_t n, site const& where) noexcept {
  socket_body& s = *f.socket;
  std::size_t written = 0;
  do {
    if (s.state == socket_state::fresh || s.state == socket_state::listening) {
      broken_pipe(where);
      return -EPIPE;
    }
    if (s.tcp && s.error != 0 && s.error != EPIPE) return written != 0 ? static_cast<std::int64_t>(written) : -take_error(s);
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
      reset(f, EPIPE);
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

namespace retake::world::kernel {

using namespace sim::kernel;

namespace {

// The socket behind `fd`, or an error in `error`.
file* socket_of(int fd, int& error) noexcept {
  file* const f = lookup(fd);
  error = f == nullptr ? -EBADF : f->socket == nullptr ? -ENOTSOCK : 0;
  return error == 0 ? f : nullptr;
}

bool ours(std::uint32_t address) noexcept { return address == 0 || address >> 24 == loopback_ipv4 >> 24; }

}  // namespace

int socketpair(int (&ends)[2], site where) noexcept {
  enter(where);
  if (!room_for_descriptors(2, where)) return leave(-EMFILE);
  file& a = new_socket(false);
  file& b = new_socket(false);
  a.socket->peer = &b;
  b.socket->peer = &a;
  a.socket->state = b.socket->state = socket_state::connected;
  ends[0] = give_descriptor(a);
  ends[1] = give_descriptor(b);
  return leave(0);
}

int tcp_socket(site where) noexcept {
  enter(where);
  if (!room_for_descriptors(1, where)) return leave(-EMFILE);
  return leave(give_descriptor(new_socket(true)));
}

int bind_ipv4(int fd, std::uint32_t address, std::uint16_t port, site where) noexcept {
  enter(where);
  int error = 0;
  file* const f = socket_of(fd, error);
  if (f == nullptr) return leave(error);
  socket_body& s = *f->socket;
  if (!s.tcp || s.port != 0 || s.state != socket_state::fresh) return leave(-EINVAL);
  if (!ours(address)) return leave(-EADDRNOTAVAIL);
  if (port != 0 && port_taken(port, s.reuse_address)) return leave(-EADDRINUSE);
  s.port = port != 0 ? port : free_port();
  return leave(0);
}

int listen(int fd, int backlog, site where) noexcept {
  enter(where);
  int error = 0;
  file* const f = socket_of(fd, error);
  if (f == nullptr) return leave(error);
  socket_body& s = *f->socket;
  bool const possible = s.tcp && (s.state == socket_state::fresh || s.state == socket_state::listening);
  if (!possible) return leave(-EINVAL);
  if (s.port == 0) s.port = free_port();
  s.state = socket_state::listening;
  s.backlog = backlog < 0 ? socket_body::queue_max : static_cast<std::uint32_t>(backlog);
  return leave(0);
}

int accept(int fd, site where) noexcept {
  enter(where);
  int error = 0;
  file* const f = socket_of(fd, error);
  if (f == nullptr) return leave(error);
  socket_body& s = *f->socket;
  if (!s.tcp || s.state != socket_state::listening) return leave(-EINVAL);
  if (!room_for_descriptors(1, where)) return leave(-EMFILE);
  hold const keep(*f);
  while (s.queued == 0) {
    if (error = wait_for(*f, where); error != 0) return leave(error);
  }
  if (not_yet(*f, poll_in, where)) return leave(-EAGAIN);
  file& connection = *s.queue[0];
  remove_at(s.queue, s.queued, 0);
  observe(s.order);
  int const result = give_descriptor(connection);
  drop_reference(connection);  // the queue's
  if (s.waiters != 0 && queue_has_room(s)) {
    file& next = *s.waiting[0];
    remove_at(s.waiting, s.waiters, 0);
    establish(next, *f);
  }
  return leave(result);
}

int connect_ipv4(int fd, std::uint32_t address, std::uint16_t port, site where) noexcept {
  enter(where);
  int error = 0;
  file* const f = socket_of(fd, error);
  if (f == nullptr) return leave(error);
  socket_body& s = *f->socket;
  if (!s.tcp) return leave(-EINVAL);
  if (s.state == socket_state::listening) return leave(-EISCONN);
  if (s.state == socket_state::connecting) return leave(-EALREADY);
  if (s.state == socket_state::ended) return leave(s.error != 0 ? -take_error(s) : -ECONNABORTED);
  if (s.state == socket_state::connected) {
    if (s.announced) return leave(-EISCONN);
    s.announced = true;
    return leave(0);
  }
  if (!ours(address)) return leave(-ENETUNREACH);
  if (s.port == 0) s.port = free_port();
  file* const listener = find_listener(port);
  s.state = socket_state::connecting;
  hold const keep(*f);
  if (listener == nullptr) {
    reset(*f, ECONNREFUSED);
  } else if (queue_has_room(*listener->socket)) {
    establish(*f, *listener);
  } else if (listener->socket->waiters < socket_body::queue_max) {
    s.listener = listener;
    listener->socket->waiting[listener->socket->waiters++] = f;
  } else {
    sim::fail("bound: more connections wait for one listener than socket_body::queue_max", where);
  }
  if (f->nonblocking) return leave(-EINPROGRESS);
  while (s.state == socket_state::connecting) {
    if (error = wait_for(*f, where); error != 0) return leave(error);
  }
  s.announced = true;
  return leave(-take_error(s));
}

int local_port(int fd, site where) noexcept {
  enter(where);
  int error = 0;
  file* const f = socket_of(fd, error);
  if (f == nullptr) return leave(error);
  return leave(f->socket->tcp ? f->socket->port : -EAFNOSUPPORT);
}

int socket_error(int fd, site where) noexcept {
  enter(where);
  int error = 0;
  file* const f = socket_of(fd, error);
  return leave(f == nullptr ? error : take_error(*f->socket));
}

int shutdown(int fd, shutdown_how how, site where) noexcept {
  enter(where);
  int error = 0;
  file* const f = socket_of(fd, error);
  if (f == nullptr) return leave(error);
  socket_body& s = *f->socket;
  if (s.state == socket_state::listening) sim::fail("harness: shutdown of a listening socket is not simulated", where);
  bool const reads = how != shutdown_how::write;
  bool const writes = how != shutdown_how::read;
  if (reads) s.no_more_in = true;
  if (s.state == socket_state::fresh || s.state == socket_state::ended) {
    if (writes) s.no_more_out = true;  // refused, but it counts: epoll shows it
    activity(*f, 0);
    return leave(-ENOTCONN);
  }
  if (writes && s.tcp) finish_writing(*f);
  if (writes) s.no_more_out = true;
  activity(*f, 0);
  if (s.tcp || s.peer == nullptr) return leave(0);
  if (reads) s.peer->socket->no_more_out = true;
  if (writes) s.peer->socket->no_more_in = true;
  activity(*s.peer, 0);
  return leave(0);
}

int set_option(int fd, socket_option option, int value, site where) noexcept {
  enter(where);
  int error = 0;
  file* const f = socket_of(fd, error);
  if (f == nullptr) return leave(error);
  socket_body& s = *f->socket;
  switch (option) {
    case socket_option::reuse_address: s.reuse_address = value != 0; return leave(0);
    case socket_option::linger_s: s.reset_on_close = value == 0; return leave(0);
    case socket_option::keep_alive:
    case socket_option::send_buffer_bytes:
    case socket_option::receive_buffer_bytes: return leave(0);  // nothing here gets lost, and buffers stay what they are
    case socket_option::no_delay:
    case socket_option::keep_alive_idle_s:
    case socket_option::keep_alive_every_s:
    case socket_option::keep_alive_count: return leave(s.tcp ? 0 : -EOPNOTSUPP);
  }
  return leave(-ENOPROTOOPT);
}

}  // namespace retake::world::kernel
