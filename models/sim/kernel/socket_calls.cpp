// The calls that make, name and connect sockets. See files.hpp; what a connection does is in
// sockets.cpp, what datagrams do in datagrams.cpp.
#include <cerrno>

#include "kernel/files.hpp"

namespace retake::sim::kernel {

using namespace world::kernel;

namespace {

bool is_path(socket_address const& name) noexcept {
  return name.family == address_family::local && name.used != 0 && name.bytes[0] != 0;
}

// A socket that listens, or a datagram socket, under this name.
file* find_named(socket_address const& name, bool stream) noexcept {
  for (file* f : state().descriptors) {
    if (f == nullptr || f->socket == nullptr || (f->socket->box == nullptr) != stream) continue;
    socket_body const& s = *f->socket;
    if (stream && s.state != socket_state::listening) continue;
    if (name.family == address_family::local ? s.name == name
                                             : s.name.family == name.family && s.name.port == name.port)
      return f;
  }
  return nullptr;
}

bool port_taken(socket_body const& mine, std::uint16_t port, bool shared) noexcept {
  for (file* f : state().descriptors) {
    if (f == nullptr || f->socket == nullptr || f->socket == &mine) continue;
    socket_body const& s = *f->socket;
    if (s.tcp != mine.tcp || s.name.family != mine.family || s.name.port != port) continue;
    bool const both_share = shared && s.reuse_address && s.state != socket_state::listening;
    if (!both_share) return true;
  }
  return false;
}

std::uint16_t free_port(socket_body const& mine) noexcept {
  kernel_state& s = state();
  while (port_taken(mine, s.next_port, false))
    ++s.next_port;  // bound: fewer ports are taken than there are descriptors
  return s.next_port++;
}

// The loopback interface, with a free port.
void name_itself(socket_body& s) noexcept {
  if (s.family == address_family::local) return;
  if (s.name.family == address_family::none) {
    s.name = ipv4_address(loopback_ipv4, 0);
    if (s.family == address_family::ipv6) {
      s.name = {};
      s.name.family = address_family::ipv6;
      s.name.used = 16;
      s.name.bytes[15] = 1;
    }
  }
  if (s.name.port == 0) s.name.port = free_port(s);
}

bool queue_has_room(socket_body const& listener) noexcept {
  return listener.queued <= listener.backlog && listener.queued < socket_body::queue_max;
}

// Makes the connection; the listener's end waits in the queue for accept.
void establish(file& client, file& listener) noexcept {
  file& server = new_socket(listener.socket->family, true);
  server.references = 1;  // the queue's
  socket_body& far = *server.socket;
  socket_body& near = *client.socket;
  far.state = near.state = socket_state::connected;
  far.peer = &client;
  near.peer = &server;
  far.name = near.far = listener.socket->name;
  far.far = near.name;
  near.listener = nullptr;
  listener.socket->queue[listener.socket->queued++] = &server;
  publish(listener.socket->order);
  activity(listener, poll_in);
  activity(client, 0);
}

int connect_local(file& f, socket_address const& name) noexcept {
  socket_body& s = *f.socket;
  file* const listener = find_named(name, true);
  if (listener == nullptr) {
    for (std::uint32_t i = 0; i < state().name_count; ++i) {
      if (state().names[i] == name) return -ECONNREFUSED;
    }
    return is_path(name) ? -ENOENT : -ECONNREFUSED;
  }
  if (!queue_has_room(*listener->socket)) return -EAGAIN;
  if (s.state == socket_state::connected) return -EISCONN;
  establish(f, *listener);
  return 0;
}

// The socket behind `fd`, or an error in `error`.
file* socket_of(int fd, int& error) noexcept {
  file* const f = lookup(fd);
  error = f == nullptr ? -EBADF : f->socket == nullptr ? -ENOTSOCK : 0;
  return error == 0 ? f : nullptr;
}

// This machine's: any address, or the loopback interface.
bool ours(socket_address const& name) noexcept {
  if (name.family == address_family::local) return true;
  bool any = true;
  for (std::size_t i = 0; i + 1 < name.used; ++i) any = any && name.bytes[i] == 0;
  if (name.family == address_family::ipv4) return name.bytes[0] == 127 || (any && name.bytes[3] == 0);
  return any && name.bytes[15] <= 1;
}

}  // namespace

}  // namespace retake::sim::kernel

namespace retake::world::kernel {

using namespace sim::kernel;

int socketpair(int (&ends)[2], site where) noexcept {
  enter(where);
  if (!room_for_descriptors(2, where)) return leave(-EMFILE);
  file& a = new_socket(address_family::local, true);
  file& b = new_socket(address_family::local, true);
  a.socket->peer = &b;
  b.socket->peer = &a;
  a.socket->state = b.socket->state = socket_state::connected;
  ends[0] = give_descriptor(a);
  ends[1] = give_descriptor(b);
  return leave(0);
}

int socket(address_family family, socket_kind kind, site where) noexcept {
  enter(where);
  if (!room_for_descriptors(1, where)) return leave(-EMFILE);
  return leave(give_descriptor(new_socket(family, kind == socket_kind::stream)));
}

int bind(int fd, socket_address const& name, site where) noexcept {
  enter(where);
  int error = 0;
  file* const f = socket_of(fd, error);
  if (f == nullptr) return leave(error);
  socket_body& s = *f->socket;
  if (name.family != s.family) return leave(s.family == address_family::ipv4 ? -EAFNOSUPPORT : -EINVAL);
  if (s.name.family != address_family::none || s.state != socket_state::fresh) return leave(-EINVAL);
  if (!ours(name)) return leave(-EADDRNOTAVAIL);
  if (s.family != address_family::local) {
    if (name.port != 0 && port_taken(s, name.port, s.reuse_address)) return leave(-EADDRINUSE);
    s.name = name;
    name_itself(s);
    return leave(0);
  }
  kernel_state& k = state();
  for (std::uint32_t i = 0; i < k.name_count; ++i) {
    if (k.names[i] == name) return leave(-EADDRINUSE);
  }
  if (find_named(name, s.box == nullptr) != nullptr) return leave(-EADDRINUSE);
  if (is_path(name)) {
    if (k.name_count == kernel_state::names_max)
      sim::fail("bound: more names of local sockets than kernel_state::names_max", where);
    k.names[k.name_count++] = name;
  }
  s.name = name;
  return leave(0);
}

int remove_name(char const* path, site where) noexcept {
  enter(where);
  kernel_state& k = state();
  for (std::uint32_t i = 0; i < k.name_count; ++i) {
    std::size_t same = 0;
    while (same < k.names[i].used && path[same] == static_cast<char>(k.names[i].bytes[same])) ++same;
    if (same != k.names[i].used || path[same] != 0) continue;
    remove_at(k.names, k.name_count, i);
    return leave(0);
  }
  return leave(-ENOENT);
}

int listen(int fd, int backlog, site where) noexcept {
  enter(where);
  int error = 0;
  file* const f = socket_of(fd, error);
  if (f == nullptr) return leave(error);
  socket_body& s = *f->socket;
  if (s.box != nullptr) return leave(-EOPNOTSUPP);
  bool const possible = s.state == socket_state::fresh || s.state == socket_state::listening;
  if (!possible || (!s.tcp && s.name.family == address_family::none)) return leave(-EINVAL);
  name_itself(s);
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
  if (s.box != nullptr) return leave(-EOPNOTSUPP);
  if (s.state != socket_state::listening) return leave(-EINVAL);
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

int connect(int fd, socket_address const& name, site where) noexcept {
  enter(where);
  int error = 0;
  file* const f = socket_of(fd, error);
  if (f == nullptr) return leave(error);
  socket_body& s = *f->socket;
  if (name.family != s.family) return leave(s.family == address_family::ipv4 ? -EAFNOSUPPORT : -EINVAL);
  if (s.box != nullptr) {
    if (s.family == address_family::local && find_named(name, false) == nullptr)
      return leave(is_path(name) ? -ENOENT : -ECONNREFUSED);
    name_itself(s);
    s.far = name;
    return leave(0);
  }
  if (!s.tcp) return leave(connect_local(*f, name));
  if (s.state == socket_state::listening) return leave(-EISCONN);
  if (s.state == socket_state::connecting) return leave(-EALREADY);
  if (s.state == socket_state::ended) return leave(s.error != 0 ? -take_error(s) : -ECONNABORTED);
  if (s.state == socket_state::connected) {
    if (s.announced) return leave(-EISCONN);
    s.announced = true;
    return leave(0);
  }
  if (!ours(name)) return leave(-ENETUNREACH);
  name_itself(s);
  file* const listener = find_named(name, true);
  s.state = socket_state::connecting;
  hold const keep(*f);
  if (listener == nullptr) {
    reset_socket(*f, ECONNREFUSED);
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

int local_address(int fd, socket_address& name, site where) noexcept {
  enter(where);
  int error = 0;
  file* const f = socket_of(fd, error);
  if (f == nullptr) return leave(error);
  name = f->socket->name;
  if (name.family != address_family::none) return leave(0);
  name.family = f->socket->family;
  name.used = name.family == address_family::ipv4 ? 4 : name.family == address_family::ipv6 ? 16 : 0;
  return leave(0);
}

int peer_address(int fd, socket_address& name, site where) noexcept {
  enter(where);
  int error = 0;
  file* const f = socket_of(fd, error);
  if (f == nullptr) return leave(error);
  socket_body const& s = *f->socket;
  bool const connected = s.box != nullptr ? s.far.family != address_family::none : s.state == socket_state::connected;
  if (!connected) return leave(-ENOTCONN);
  name = s.far;
  if (name.family == address_family::none) name.family = s.family;
  return leave(0);
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
  if (s.box != nullptr) sim::fail("harness: shutdown of a datagram socket is not simulated", where);
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
    case socket_option::receive_buffer_bytes:
      return leave(0);  // nothing here gets lost, and buffers stay what they are
    case socket_option::no_delay:
    case socket_option::keep_alive_idle_s:
    case socket_option::keep_alive_every_s:
    case socket_option::keep_alive_count: return leave(s.tcp ? 0 : -EOPNOTSUPP);
  }
  return leave(-ENOPROTOOPT);
}

}  // namespace retake::world::kernel
