// Datagrams, and descriptors beside bytes: udp(7), unix(7). See files.hpp.
//
// Recipe.    A datagram is in its receiver's box at once. A full box of a UDP socket loses what
//            comes, as the kernel's does; a full box of a local socket holds the sender up. Where
//            nobody has the port, a connected UDP socket is told so by its next call.
#include <cerrno>

#include "kernel/files.hpp"

namespace retake::sim::kernel {

using namespace world::kernel;

namespace {

file* receiver_of(socket_body const& mine, socket_address const& name) noexcept {
  for (file* f : state().descriptors) {
    if (f == nullptr || f->socket == nullptr || f->socket->box == nullptr) continue;
    socket_body const& s = *f->socket;
    if (s.family != mine.family || s.family != name.family) continue;
    if (s.family == address_family::local ? s.name == name : s.name.port == name.port && name.port != 0) return f;
  }
  return nullptr;
}

// Takes references to the files behind the descriptors of a message. 0 or -EBADF.
int collect_passed(socket_message const& m, passed_files& into) noexcept {
  if (m.descriptor_count > passed_files::files_max)
    fail("bound: more descriptors in a message than passed_files::files_max");
  for (std::uint32_t i = 0; i < m.descriptor_count; ++i) {
    file* const f = lookup(m.descriptors[i]);
    if (f == nullptr) {
      drop_passed(into);
      return -EBADF;
    }
    ++f->references;
    into.files[into.count++] = f;
  }
  return 0;
}

// Gives the files numbers; what does not fit is dropped, and the message says so.
void hand_over(passed_files& from, socket_message& m) noexcept {
  std::uint32_t const room = m.descriptor_count;
  m.descriptor_count = 0;
  for (std::uint32_t i = 0; i < from.count && i < room; ++i)
    m.descriptors[m.descriptor_count++] = give_descriptor(*from.files[i]);
  m.cut = m.cut || from.count > m.descriptor_count;
  drop_passed(from);
}

struct gathered {
  unsigned char bytes[4 * stream_bytes];
  std::size_t count = 0;
};

void gather(io_slice const* slices, std::size_t n, gathered& into) noexcept {
  for (std::size_t i = 0; i < n; ++i) {
    auto const* const from = static_cast<unsigned char const*>(slices[i].address);
    for (std::size_t k = 0; k < slices[i].bytes && into.count < sizeof(into.bytes); ++k)
      into.bytes[into.count++] = from[k];
  }
}

void scatter(unsigned char const* from, std::size_t bytes, io_slice const* slices, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n && bytes != 0; ++i) {
    auto* const to = static_cast<unsigned char*>(slices[i].address);
    std::size_t const part = slices[i].bytes < bytes ? slices[i].bytes : bytes;
    for (std::size_t k = 0; k < part; ++k) to[k] = from[k];
    from += part;
    bytes -= part;
  }
}

std::size_t room_in(io_slice const* slices, std::size_t n) noexcept {
  std::size_t room = 0;
  for (std::size_t i = 0; i < n; ++i) room += slices[i].bytes;
  return room < sizeof(gathered::bytes) ? room : sizeof(gathered::bytes);
}

}  // namespace

std::int64_t datagram_read(file& f, unsigned char* to, std::size_t n, socket_message* message,
                           site const& where) noexcept {
  socket_body& s = *f.socket;
  while (s.box->count == 0) {  // bound: whoever wakes us has sent something
    if (s.error != 0) return -take_error(s);
    if (int const error = wait_for(f, where); error != 0) return error;
  }
  if (not_yet(f, poll_in, where)) return -EAGAIN;
  datagram first = s.box->queue[0];
  bool const was_full = s.box->count == datagram_box::datagrams_max;
  remove_at(s.box->queue, s.box->count, 0);
  observe(s.box->order);
  std::uint32_t const taken = n < first.count ? static_cast<std::uint32_t>(n) : first.count;
  for (std::uint32_t i = 0; i < taken; ++i) to[i] = first.bytes[i];
  if (message != nullptr) {
    if (message->address != nullptr) *message->address = first.from;
    message->cut = taken < first.count;
    hand_over(first.passed, *message);
  } else {
    drop_passed(first.passed);
  }
  if (was_full && s.family == address_family::local) {
    for (file* sender : state().descriptors) {
      if (sender != nullptr && sender->socket != nullptr && sender->socket->box != nullptr &&
          sender->socket->far == s.name)
        activity(*sender, poll_out);
    }
  }
  return taken;
}

std::int64_t datagram_write(file& f, unsigned char const* from, std::size_t n, socket_message const* message,
                            site const& where) noexcept {
  socket_body& s = *f.socket;
  if (s.error != 0) return -take_error(s);
  socket_address const* const name = message != nullptr && message->address != nullptr ? message->address : &s.far;
  if (name->family == address_family::none) return s.family == address_family::local ? -ENOTCONN : -EDESTADDRREQ;
  if (n > stream_bytes) return -EMSGSIZE;
  for (;;) {  // bound: whoever wakes us has read from the receiver, or is gone
    file* const receiver = receiver_of(s, *name);
    if (receiver == nullptr && s.family == address_family::local) return -ECONNREFUSED;
    if (receiver == nullptr) {
      if (name == &s.far) {
        s.error = ECONNREFUSED;
        activity(f, 0);
      }
      return static_cast<std::int64_t>(n);
    }
    datagram_box& box = *receiver->socket->box;
    if (box.count != datagram_box::datagrams_max && not_yet(f, poll_out, where)) return -EAGAIN;
    if (box.count == datagram_box::datagrams_max) {
      if (s.family != address_family::local) return static_cast<std::int64_t>(n);
      if (int const error = wait_for(f, where); error != 0) return error;
      continue;
    }
    datagram& d = box.queue[box.count];
    d = datagram{};
    if (message != nullptr && message->descriptor_count != 0) {
      if (int const error = collect_passed(*message, d.passed); error != 0) return error;
    }
    if (s.family != address_family::local && s.name.family == address_family::none) {
      socket_address mine = *name;
      mine.port = state().next_port++;
      s.name = mine;
    }
    for (std::size_t i = 0; i < n; ++i) d.bytes[i] = from[i];
    d.count = static_cast<std::uint32_t>(n);
    d.from = s.name;
    if (d.from.family == address_family::none) d.from.family = s.family;
    ++box.count;
    publish(box.order);
    activity(*receiver, poll_in);
    return static_cast<std::int64_t>(n);
  }
}

std::uint32_t datagram_ready(file const& f) noexcept {
  socket_body const& s = *f.socket;
  std::uint32_t result = (s.box->count != 0 ? poll_in : 0U) | (s.error != 0 ? poll_err : 0U);
  file const* const receiver = s.family == address_family::local && s.far.used != 0 ? receiver_of(s, s.far) : nullptr;
  if (receiver == nullptr || receiver->socket->box->count != datagram_box::datagrams_max) result |= poll_out;
  return result;
}

void datagram_end(file& f) noexcept {
  datagram_box& box = *f.socket->box;
  while (box.count != 0) drop_passed(box.queue[--box.count].passed);
}

}  // namespace retake::sim::kernel

namespace retake::world::kernel {

using namespace sim::kernel;

std::int64_t readv(int fd, io_slice const* slices, std::size_t count, site where) noexcept {
  gathered got;
  std::int64_t const done = read(fd, got.bytes, room_in(slices, count), where);
  if (done > 0) scatter(got.bytes, static_cast<std::size_t>(done), slices, count);
  return done;
}

std::int64_t writev(int fd, io_slice const* slices, std::size_t count, site where) noexcept {
  gathered bytes;
  gather(slices, count, bytes);
  return write(fd, bytes.bytes, bytes.count, where);
}

std::int64_t send_message(int fd, socket_message const& message, site where) noexcept {
  enter(where);
  file* const f = lookup(fd);
  if (f == nullptr) return leave(std::int64_t{-EBADF});
  if (f->socket == nullptr) return leave(std::int64_t{-ENOTSOCK});
  hold const keep(*f);
  gathered bytes;
  gather(message.slices, message.slice_count, bytes);
  socket_body& s = *f->socket;
  if (s.box != nullptr) return leave(datagram_write(*f, bytes.bytes, bytes.count, &message, where));
  if (s.peer == nullptr || s.no_more_out)
    return leave(std::int64_t{s.state == socket_state::fresh ? -ENOTCONN : -EPIPE});
  passed_files passed;
  if (int const error = collect_passed(message, passed); error != 0) return leave(std::int64_t{error});
  socket_body& far = *s.peer->socket;
  passed.begin = far.taken + far.in.count;
  std::int64_t const written = socket_write(*f, bytes.bytes, bytes.count, where);
  if (written <= 0 || far.passed_count == socket_body::passed_max) {
    drop_passed(passed);
    return leave(written);
  }
  passed.end = passed.begin + static_cast<std::uint64_t>(written);
  if (passed.count != 0) far.passed[far.passed_count++] = passed;
  return leave(written);
}

std::int64_t receive_message(int fd, socket_message& message, site where) noexcept {
  enter(where);
  file* const f = lookup(fd);
  if (f == nullptr) return leave(std::int64_t{-EBADF});
  if (f->socket == nullptr) return leave(std::int64_t{-ENOTSOCK});
  hold const keep(*f);
  gathered got;
  std::size_t const room = room_in(message.slices, message.slice_count);
  message.cut = false;
  std::int64_t done = 0;
  if (f->socket->box != nullptr) {
    done = datagram_read(*f, got.bytes, room, &message, where);
  } else {
    passed_files passed;
    done = socket_receive(*f, got.bytes, room, &passed, where);
    if (done >= 0) hand_over(passed, message);
    if (done >= 0 && message.address != nullptr) *message.address = {};
  }
  if (done > 0) scatter(got.bytes, static_cast<std::size_t>(done), message.slices, message.slice_count);
  return leave(done);
}

// From and to a pipe, as far as both have bytes and room; anything else is refused.
std::int64_t splice(int from, int to, std::size_t bytes, site where) noexcept {
  enter(where);
  file* const a = lookup(from);
  file* const b = lookup(to);
  if (a == nullptr || b == nullptr) return leave(std::int64_t{-EBADF});
  bool const from_pipe = a->kind == file_kind::pipe_reader && b->kind == file_kind::socket && b->socket->box == nullptr;
  bool const to_pipe = b->kind == file_kind::pipe_writer && a->kind == file_kind::socket && a->socket->box == nullptr;
  if (!from_pipe && !to_pipe) return leave(std::int64_t{-EINVAL});
  hold const keep_a(*a);
  hold const keep_b(*b);
  socket_body const* const far = from_pipe && b->socket->peer != nullptr ? b->socket->peer->socket : nullptr;
  std::size_t room = to_pipe ? b->pipe->bytes.room() : far != nullptr ? far->in.room() : stream_bytes;
  if (room == 0) {
    if (from_pipe) b->socket->wants_room = true;
    return leave(std::int64_t{-EAGAIN});
  }
  if (bytes < room) room = bytes;
  if (from_pipe && not_yet(*b, poll_out, where)) return leave(std::int64_t{-EAGAIN});
  unsigned char moved[stream_bytes];
  std::int64_t got = 0;
  do {  // a pipe that has bytes is no reason to wait: who splices from it waits for the other end
    got = from_pipe ? pipe_read(*a, moved, room, where) : socket_read(*a, moved, room, where);
  } while (from_pipe && got == -EAGAIN && a->pipe->bytes.count != 0);
  if (got <= 0) return leave(got);
  std::int64_t written = 0;
  while (written <
         got) {  // bound: there was room for all; the fault short_write halves a part at most until one byte is left
    std::size_t const left = static_cast<std::size_t>(got - written);
    std::int64_t const some =
        from_pipe ? socket_write(*b, moved + written, left, where)
                  : pipe_write(*b, moved + written, left < atomic_write_bytes ? left : atomic_write_bytes, where);
    if (some == -EAGAIN) continue;  // the fault
    if (some < 0) return leave(some);
    written += some;
  }
  return leave(got);
}

}  // namespace retake::world::kernel
