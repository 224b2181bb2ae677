#include "retake/tcp.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "io/listening.hpp"
#include "io/polled_file.hpp"
#include "io/results.hpp"
#include "retake/channel.hpp"
#include "retake/context.hpp"
#include "retake/go.hpp"
#include "sched/scheduler.hpp"
#include "world/errors.hpp"
#include "world/kernel.hpp"

namespace retake {

namespace kernel = world::kernel;

using detail::asked;
using detail::code_of;
using detail::error_of;
using detail::handle_for;
using detail::polled_file;

namespace {

constexpr time_point long_ago(std::chrono::nanoseconds(1));
constexpr std::chrono::milliseconds put_off_first(5);
constexpr std::chrono::milliseconds put_off_longest(100);

bool passes_by_itself(int failed) noexcept {
  return failed == world::errors::too_many_open || failed == world::errors::too_many_in_system ||
         failed == world::errors::out_of_memory || failed == world::errors::no_buffer_space;
}

int whole(std::chrono::seconds s) noexcept {
  using limits = std::numeric_limits<int>;
  return static_cast<int>(std::clamp<std::int64_t>(s.count(), limits::min(), limits::max()));
}

int apply(int fd, keep_alive const& probes) noexcept {
  int failed = kernel::set_option(fd, kernel::socket_option::keep_alive, probes.on ? 1 : 0);
  if (failed != 0 || !probes.on) return failed;
  failed = kernel::set_option(fd, kernel::socket_option::keep_alive_idle_s, whole(probes.idle));
  if (failed == 0) failed = kernel::set_option(fd, kernel::socket_option::keep_alive_every_s, whole(probes.interval));
  if (failed == 0) failed = kernel::set_option(fd, kernel::socket_option::keep_alive_count, probes.count);
  return failed;
}

// A socket that does not take them works all the same.
void apply(int fd, tcp_options const& options) noexcept {
  static_cast<void>(kernel::set_option(fd, kernel::socket_option::no_delay, options.no_delay ? 1 : 0));
  static_cast<void>(apply(fd, options.probes));
}

// A new socket, prepared as the caller wishes, that is closed unless it is taken.
struct fresh_socket {
  fresh_socket(address const& where, tcp_options const& options)
      : fd(kernel::socket(where.family, kernel::socket_kind::stream)), failed(code_of(fd)) {
    if (!failed && options.prepare) failed = options.prepare(fd);
  }
  ~fresh_socket() {
    if (fd >= 0) kernel::close(fd);
  }
  fresh_socket(fresh_socket const&) = delete;
  fresh_socket& operator=(fresh_socket const&) = delete;
  [[nodiscard]] int taken() noexcept { return std::exchange(fd, -1); }

  int fd;
  std::error_code failed;
};

int listen_at(int fd, address const& where) noexcept {
  int failed = kernel::set_option(fd, kernel::socket_option::reuse_address, 1);
  if (failed == 0) failed = kernel::bind(fd, where);
  return failed == 0 ? kernel::listen(fd, detail::listen_backlog) : failed;
}

}  // namespace

std::error_code tcp_stream::set_keep_alive(keep_alive const& probes) {
  return code_of(asked(file_, [&](polled_file& f) { return f.at_once([&] { return apply(f.fd(), probes); }); }));
}

std::error_code tcp_stream::set_no_delay(bool on) {
  return code_of(asked(file_, [&](polled_file& f) {
    return f.at_once([&] { return kernel::set_option(f.fd(), kernel::socket_option::no_delay, on ? 1 : 0); });
  }));
}

std::error_code tcp_stream::set_linger(std::chrono::seconds patience) {
  if (patience < std::chrono::seconds(-1)) return std::make_error_code(std::errc::invalid_argument);
  return code_of(asked(file_, [&](polled_file& f) {
    return f.at_once([&] { return kernel::set_option(f.fd(), kernel::socket_option::linger_s, whole(patience)); });
  }));
}

result<tcp_stream> tcp_listener::accept() {
  std::chrono::milliseconds put_off = put_off_first;
  for (;;) {  // bound: a connection, a close or a deadline; every round but for one that ended in the queue sleeps
    const int fd = static_cast<int>(asked(socket_.file_, [](polled_file& f) { return f.accept(); }));
    if (fd >= 0) {
      apply(fd, options_);
      return handle_for<tcp_stream>(fd);
    }
    if (fd == world::errors::connection_aborted) continue;
    if (!passes_by_itself(fd)) return error_of(fd);
    machine_here().home.paths.accepts_put_off.add();
    sleep_for(put_off);
    put_off = std::min(put_off * 2, put_off_longest);
  }
}

std::uint16_t tcp_listener::port() const {
  const result<address> name = local_address();
  return name ? name->port : std::uint16_t{0};
}

result<tcp_listener> tcp_listen(address const& where, tcp_options const& options) {
  fresh_socket socket(where, options);
  const std::error_code wrong = socket.failed ? socket.failed : code_of(listen_at(socket.fd, where));
  if (wrong) return wrong;
  result<tcp_listener> made = handle_for<tcp_listener>(socket.taken());
  if (made) made->options_ = options;
  return made;
}

result<tcp_listener> tcp_listener_of(int descriptor, tcp_options const& options) {
  const auto is_bound = [](address const& name) { return name.family != address_family::local && name.port != 0; };
  result<tcp_listener> made = detail::listening_on<tcp_listener>(descriptor, is_bound);
  if (made) made->options_ = options;
  return made;
}

result<tcp_listener> tcp_listen(std::uint32_t host, std::uint16_t port) { return tcp_listen(ipv4(host, port)); }

namespace {

// On loopback the kernel may give a socket the very port that it connects to: then this one socket
// is both ends of the connection, and no listener is there.
bool is_its_own_peer(detail::polled_file& file, address const& where) noexcept {
  address own, peer;
  if (file.at_once([&] { return kernel::local_address(file.fd(), own); }) != 0 || own.port != where.port) return false;
  return file.at_once([&] { return kernel::peer_address(file.fd(), peer); }) == 0 && own == peer;
}

// A socket with its options and its deadline for as long as `connect` takes, which says what became
// of it.
template <class Connect>
result<tcp_stream> connected(address const& where, tcp_options const& options, Connect connect) {
  fresh_socket socket(where, options);
  if (socket.failed) return socket.failed;
  if (options.local) {
    if (const int refused = kernel::bind(socket.fd, *options.local); refused != 0) return error_of(refused);
  }
  apply(socket.fd, options);
  int failed = 0;
  detail::polled_file* const file = detail::polled_file::make(socket.taken(), failed);
  if (file == nullptr) return error_of(failed);
  tcp_stream made(file);
  if (options.deadline != no_deadline) made.set_write_deadline(options.deadline);
  if (const std::error_code wrong = connect(made, *file)) return wrong;
  if (is_its_own_peer(*file, where)) return std::make_error_code(std::errc::connection_refused);
  if (options.deadline != no_deadline) made.set_write_deadline(no_deadline);
  return made;
}

}  // namespace

result<tcp_stream> tcp_connect(address const& where, tcp_options const& options) {
  return connected(where, options,
                   [&](tcp_stream&, detail::polled_file& file) { return code_of(file.connect(where)); });
}

result<tcp_stream> tcp_connect(context const& ctx, address const& where, tcp_options const& options) {
  if (const std::error_code over = ctx.error()) return over;
  return connected(where, options, [&](tcp_stream& made, detail::polled_file& file) {
    channel<never_sent> interrupted;
    after_done_call interrupter = after_done(ctx, [&] {
      made.set_write_deadline(long_ago);
      interrupted.close();
    });
    const int failed = file.connect(where);
    if (interrupter.stop()) return code_of(failed);
    static_cast<void>(interrupted.receive());  // it uses what is ours
    return ctx.error();
  });
}

result<tcp_stream> tcp_connect(std::uint32_t host, std::uint16_t port) { return tcp_connect(ipv4(host, port)); }

}  // namespace retake
