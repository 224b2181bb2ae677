// conformance_sockets.hpp: more observations of both kernels: addresses, local sockets, datagrams,
// descriptors that are passed, vectors, splice. Goal and method as in conformance_rest.hpp.
#pragma once

#include "conformance_rest.hpp"

namespace retake::conformance {

inline k::socket_address name_of_local(char const* text, std::size_t length) {
  k::socket_address name;
  name.family = k::address_family::local;
  name.used = length;
  std::memcpy(name.bytes, text, length);
  return name;
}

inline k::socket_address ipv6_loopback(std::uint16_t port) {
  k::socket_address name;
  name.family = k::address_family::ipv6;
  name.port = port;
  name.used = 16;
  name.bytes[15] = 1;
  return name;
}

inline std::int64_t send_text(int fd, char const* text, k::socket_address* to = nullptr, int pass = -1) {
  char copy[32];
  std::size_t const n = std::strlen(text);
  std::memcpy(copy, text, n);
  k::io_slice const slice{copy, n};
  k::socket_message m;
  m.slices = &slice;
  m.slice_count = 1;
  m.address = to;
  if (pass >= 0) {
    m.descriptors = &pass;
    m.descriptor_count = 1;
  }
  return k::send_message(fd, m);
}

// Receives once; says the bytes, how many descriptors came, and whether something was cut. Returns
// the first descriptor, or -1.
inline int receive_text(notebook& n, char const* what, int fd, std::size_t room = 8, std::uint32_t descriptors = 2,
                        k::socket_address* from = nullptr) {
  char text[16] = {};
  int came[2] = {-1, -1};
  k::io_slice const slices[] = {{text, room / 2}, {text + room / 2, room - room / 2}};
  k::socket_message m;
  m.slices = slices;
  m.slice_count = 2;
  m.address = from;
  m.descriptors = came;
  m.descriptor_count = descriptors;
  std::int64_t const count = k::receive_message(fd, m);
  if (count < 0) {
    n.result(what, count);
    return -1;
  }
  n.say("%s -> %lld \"%.*s\", %u descriptors%s", what, static_cast<long long>(count), static_cast<int>(count), text,
        m.descriptor_count, m.cut ? ", cut" : "");
  return m.descriptor_count > 0 ? came[0] : -1;
}

inline void observe_addresses(notebook& n) {
  n.section("addresses");
  int const four = k::socket(k::address_family::ipv4, k::socket_kind::stream);
  k::socket_address name;
  n.result("local_address of a fresh one", k::local_address(four, name));
  n.holds("ipv4, no port", name.family == k::address_family::ipv4 && name.port == 0);
  n.result("peer_address of a fresh one", k::peer_address(four, name));
  n.result("bind to another family", k::bind(four, ipv6_loopback(0)));
  n.result("local_address of a closed number", k::local_address(1000, name));
  int const six = k::socket(k::address_family::ipv6, k::socket_kind::stream);
  n.result("bind to ipv6 loopback", k::bind(six, ipv6_loopback(0)));
  n.result("listen", k::listen(six, 4));
  n.result("local_address", k::local_address(six, name));
  n.holds("ipv6 loopback with a port", name == ipv6_loopback(name.port) && name.port != 0);
  int const client = k::socket(k::address_family::ipv6, k::socket_kind::stream);
  n.result("connect", k::connect(client, name));
  let_others_settle();
  int const server = k::accept(six);
  n.success("accept", server);
  k::socket_address far, near;
  n.result("peer_address of the server", k::peer_address(server, far));
  n.result("local_address of the client", k::local_address(client, near));
  n.holds("the server's peer is the client", far == near);
  n.result("peer_address of the client", k::peer_address(client, far));
  n.holds("the client's peer is the listener", far == name);
  close_all({four, six, client, server});
}

inline void observe_local_sockets(notebook& n) {
  n.section("local sockets");
  char const path[] = "/tmp/retake_conformance_socket";
  static_cast<void>(k::remove_name(path));
  k::socket_address const name = name_of_local(path, sizeof(path) - 1);
  int const listener = k::socket(k::address_family::local, k::socket_kind::stream);
  int const client = k::socket(k::address_family::local, k::socket_kind::stream);
  n.result("listen without a name", k::listen(listener, 1));
  n.result("connect to nothing", k::connect(client, name));
  n.result("connect to no abstract name", k::connect(client, name_of_local("\0retake_nobody", 14)));
  n.result("bind", k::bind(listener, name));
  n.result("connect to who does not listen", k::connect(client, name));
  n.result("listen", k::listen(listener, 0));
  k::socket_address got;
  n.result("local_address", k::local_address(listener, got));
  n.holds("it is the name", got == name);
  n.result("local_address without a name", k::local_address(client, got));
  n.holds("no name", got.family == k::address_family::local && got.used == 0);
  n.result("accept of nobody", k::accept(listener));
  n.result("connect", k::connect(client, name));
  n.result("connect again", k::connect(client, name));
  int const second = k::socket(k::address_family::local, k::socket_kind::stream);
  n.result("connect to a full queue", k::connect(second, name));
  int const server = k::accept(listener);
  n.success("accept", server);
  n.result("peer_address of the client", k::peer_address(client, got));
  n.holds("it is the name", got == name);
  n.result("write", write_text(client, "hi"));
  read_text(n, "read", server);
  n.result("close the listener", k::close(listener));
  n.result("connect to a name that stayed", k::connect(second, name));
  int const again = k::socket(k::address_family::local, k::socket_kind::stream);
  n.result("bind to a name that stayed", k::bind(again, name));
  n.result("remove_name", k::remove_name(path));
  n.result("remove_name again", k::remove_name(path));
  n.result("bind", k::bind(again, name));
  n.result("remove_name", k::remove_name(path));
  close_all({client, server, second, again});
}

inline void observe_passing(notebook& n) {
  n.section("passing");
  int ends[2];
  int through[2];
  n.result("socketpair", k::socketpair(ends));
  n.result("pipe", k::pipe(through));
  n.result("bytes before", write_text(ends[0], "ab"));
  n.result("send with a descriptor", send_text(ends[0], "cd", nullptr, through[0]));
  n.result("bytes after", write_text(ends[0], "ef"));
  n.result("send a closed number", send_text(ends[0], "x", nullptr, 1000));
  n.result("close what was sent", k::close(through[0]));
  int const came = receive_text(n, "receive", ends[1]);
  n.holds("a descriptor", came >= 0);
  receive_text(n, "receive the rest", ends[1]);
  receive_text(n, "receive nothing", ends[1]);
  n.result("write into the pipe", write_text(through[1], "through"));
  read_text(n, "read from what came", came);
  n.result("send with a descriptor", send_text(ends[0], "gh", nullptr, came));
  receive_text(n, "receive without room for it", ends[1], 8, 0);
  n.result("send with a descriptor", send_text(ends[0], "ij", nullptr, came));
  n.result("another", send_text(ends[0], "kl", nullptr, came));
  int const first = receive_text(n, "two messages are not joined", ends[1]);
  read_text(n, "a plain read drops it", ends[1]);
  close_all({first, came});
  n.result("the last reader has gone", write_text(through[1], "x"));
  n.result("close the peer", k::close(ends[1]));
  n.result("send to nobody", send_text(ends[0], "x"));
  close_all({ends[0], through[1]});
  int const plain = k::eventfd(0);
  n.result("send_message on a counter", send_text(plain, "x"));
  receive_text(n, "receive_message on a counter", plain);
  close_all({plain});
}

inline void observe_udp(notebook& n) {
  n.section("udp");
  int const a = k::socket(k::address_family::ipv4, k::socket_kind::datagram);
  int const b = k::socket(k::address_family::ipv4, k::socket_kind::datagram);
  k::socket_address name_a, name_b, from;
  int const unused = k::socket(k::address_family::ipv4, k::socket_kind::datagram);
  n.result("write to nobody in particular", write_text(unused, "x"));
  n.result("bind", k::bind(a, k::ipv4_address(k::loopback_ipv4, 0)));
  n.result("bind", k::bind(b, k::ipv4_address(k::loopback_ipv4, 0)));
  static_cast<void>(k::local_address(a, name_a));
  static_cast<void>(k::local_address(b, name_b));
  int const other = k::socket(k::address_family::ipv4, k::socket_kind::datagram);
  n.result("bind to a port that is taken", k::bind(other, name_a));
  n.result("listen", k::listen(a, 1));
  n.result("accept", k::accept(a));
  int const ep = k::epoll_create();
  n.result("add", k::epoll_add(ep, b, k::poll_in | k::poll_out | k::poll_rdhup | k::poll_edge, 1));
  look(n, "at first", ep);
  receive_text(n, "receive nothing", b);
  n.result("send", send_text(a, "first", &name_b));
  n.result("send", send_text(a, "second one", &name_b));
  look(n, "two came", ep);
  receive_text(n, "receive", b, 8, 2, &from);
  n.holds("it says from whom", from == name_a);
  receive_text(n, "receive what is too long", b);
  receive_text(n, "receive nothing", b);
  n.result("connect", k::connect(b, name_a));
  n.result("peer_address", k::peer_address(b, from));
  n.holds("it is the other", from == name_a);
  n.result("write", write_text(b, "back"));
  read_text(n, "read", a);
  n.result("an empty one", k::write(b, nullptr, 0));
  read_text(n, "read it", a);
  close_all({a});
  n.result("write to who has gone", write_text(b, "x"));
  let_others_settle();
  look(n, "gone", ep);
  n.result("the next call tells", k::read(b, &from, 1));
  n.result("and only once", k::read(b, &from, 1));
  close_all({b, ep, unused, other});
}

inline void observe_vectors(notebook& n) {
  n.section("vectors");
  int ends[2];
  n.result("pipe", k::pipe(ends));
  char one[] = "ab", two[] = "cde", three[4] = {}, four[4] = {};
  k::io_slice const out[] = {{one, 2}, {nullptr, 0}, {two, 3}};
  n.result("writev", k::writev(ends[1], out, 3));
  k::io_slice const in[] = {{three, 3}, {four, 3}};
  n.result("readv", k::readv(ends[0], in, 2));
  n.say("got \"%s\" and \"%s\"", three, four);
  n.result("readv of nothing", k::readv(ends[0], in, 2));
  n.result("writev of no slices", k::writev(ends[1], out, 0));

  n.section("splice");
  int pair[2];
  n.result("socketpair", k::socketpair(pair));
  n.result("nothing there", k::splice(pair[0], ends[1], 8));
  n.result("write", write_text(pair[1], "spliced"));
  n.result("into the pipe", k::splice(pair[0], ends[1], 8));
  n.result("out of the pipe", k::splice(ends[0], pair[0], 4));
  read_text(n, "read", pair[1]);
  n.result("the rest", k::splice(ends[0], pair[0], 8));
  read_text(n, "read", pair[1]);
  n.result("no pipe at all", k::splice(pair[0], pair[1], 8));
  n.result("a closed number", k::splice(1000, ends[1], 8));
  n.result("close the peer", k::close(pair[1]));
  n.result("the end", k::splice(pair[0], ends[1], 8));
  n.result("sendfile of a socket", k::sendfile(ends[1], pair[0], 0, 8));
  close_all({pair[0], ends[0], ends[1]});
}

inline void observe_more_sockets() {
  notebook n;
  observe_addresses(n);
  observe_local_sockets(n);
  observe_passing(n);
  observe_udp(n);
  observe_vectors(n);
}

}  // namespace retake::conformance
