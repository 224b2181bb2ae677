#include "retake/file.hpp"

#include <array>
#include <limits>

#include "io/file_body.hpp"
#include "io/results.hpp"
#include "sched/scheduler.hpp"
#include "sync/core_memory.hpp"
#include "world/errors.hpp"

namespace retake {

namespace kernel = world::kernel;

namespace {

static_assert(static_cast<std::uint32_t>(open_mode::read) == kernel::open_read &&
              static_cast<std::uint32_t>(open_mode::write) == kernel::open_write &&
              static_cast<std::uint32_t>(open_mode::create) == kernel::open_create &&
              static_cast<std::uint32_t>(open_mode::exclusive) == kernel::open_exclusive &&
              static_cast<std::uint32_t>(open_mode::truncate) == kernel::open_truncate &&
              static_cast<std::uint32_t>(open_mode::append) == kernel::open_append &&
              static_cast<std::uint32_t>(open_mode::direct) == kernel::open_direct);

static_assert(static_cast<int>(seek_from::begin) == static_cast<int>(kernel::seek_from::begin) &&
              static_cast<int>(seek_from::position) == static_cast<int>(kernel::seek_from::position) &&
              static_cast<int>(seek_from::end) == static_cast<int>(kernel::seek_from::end));

std::error_code error_of(std::int64_t negative) { return {static_cast<int>(-negative), std::generic_category()}; }

std::error_code error_or_none(std::int64_t done) { return done < 0 ? error_of(done) : std::error_code(); }

file_status status_from(kernel::file_record const& r) noexcept {
  const auto since_1970 = std::chrono::seconds(r.modified.seconds) + std::chrono::nanoseconds(r.modified.nanoseconds);
  return {r.bytes, r.inode, r.mode, r.links, std::chrono::sys_time<std::chrono::nanoseconds>(since_1970)};
}

// Calls until all of it is done, or one call does nothing. `call` takes the piece that is left and
// how much is done.
template <class Call>
transfer_result all_of(void* memory, std::size_t bytes, Call call) {
  std::size_t done = 0;
  while (done < bytes) {
    const kernel::io_slice left{static_cast<char*>(memory) + done, bytes - done};
    const std::int64_t one = call(left, done);
    if (one < 0) return {error_of(one), done};
    if (one == 0) break;
    done += static_cast<std::size_t>(one);
  }
  return done;
}

void* writable(std::byte const* memory) noexcept {
  return const_cast<std::byte*>(memory);
}  // a write's slices are not written to

// 0 where the file may be asked at `offset`, else -errno. Beyond 2^63 - 1 an offset would be one
// below 0, among which are those that mean something else.
std::int64_t refusal_at(detail::file_body const* body, std::uint64_t offset) noexcept {
  if (!detail::is_usable(body)) return world::errors::bad_descriptor;
  return offset > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) ? world::errors::invalid : 0;
}

std::int64_t refusal_to_write_at(detail::file_body const* body, std::uint64_t offset) noexcept {
  const std::int64_t refused = refusal_at(body, offset);
  return refused == 0 && body->appends() ? world::errors::invalid : refused;
}

template <class Piece>
bool slices_of(std::span<Piece const> pieces, std::array<kernel::io_slice, file::pieces_max>& slices) noexcept {
  if (pieces.size() > slices.size()) return false;
  for (std::size_t i = 0; i < pieces.size(); ++i) slices[i] = {writable(pieces[i].data()), pieces[i].size()};
  return true;
}

}  // namespace

namespace detail {

// A registered buffer's among those of the rings, which end with their program.
class buffer_place : outliving {
 public:
  buffer_place(scheduler& s, int number) noexcept
      : outliving(s.objects, [](outliving&) noexcept {}), rings_(s.network.rings), number_(number) {}
  ~buffer_place() {
    if (!program_has_ended()) rings_.remove_buffer(number_);
  }

  // -1: the rings know it no more.
  [[nodiscard]] int number() const noexcept { return program_has_ended() ? -1 : number_; }

 private:
  operation_rings& rings_;
  int const number_;
};

}  // namespace detail

result<registered_buffer> registered_buffer::make(std::span<std::byte> memory) {
  scheduler& s = machine_here().home;
  const int number = s.network.rings.add_buffer(memory.data(), memory.size());
  if (number < 0) return error_of(number);
  void* const place = world::allocate(sizeof(detail::buffer_place), alignof(detail::buffer_place));
  if (place != nullptr) return registered_buffer(memory, new (place) detail::buffer_place(s, number));
  s.network.rings.remove_buffer(number);
  return std::make_error_code(std::errc::not_enough_memory);
}

registered_buffer::~registered_buffer() {
  if (place_ != nullptr) detail::release_core(place_);
}

transfer_result file::read_at(std::span<std::byte> into, std::uint64_t offset) {
  if (const std::int64_t refused = refusal_at(body_, offset); refused != 0) return error_of(refused);
  return all_of(into.data(), into.size(), [&](kernel::io_slice const& left, std::size_t done) {
    return body_->read(&left, 1, static_cast<std::int64_t>(offset + done));
  });
}

transfer_result file::read_at(registered_buffer const& into, std::size_t begin, std::size_t bytes,
                              std::uint64_t offset) {
  if (const std::int64_t refused = refusal_at(body_, offset); refused != 0) return error_of(refused);
  if (begin > into.memory_.size() || bytes > into.memory_.size() - begin)
    return std::make_error_code(std::errc::invalid_argument);
  const int number = into.place_ != nullptr ? into.place_->number() : -1;
  return all_of(into.memory_.data() + begin, bytes, [&](kernel::io_slice const& left, std::size_t done) {
    return body_->read(&left, 1, static_cast<std::int64_t>(offset + done), number);
  });
}

transfer_result file::write_at(std::span<std::byte const> from, std::uint64_t offset) {
  if (const std::int64_t refused = refusal_to_write_at(body_, offset); refused != 0) return error_of(refused);
  return all_of(writable(from.data()), from.size(), [&](kernel::io_slice const& left, std::size_t done) {
    const std::int64_t one = body_->write(&left, 1, static_cast<std::int64_t>(offset + done));
    return one == 0 ? world::errors::io_error : one;
  });
}

result<std::size_t> file::read(std::span<std::byte> into) {
  if (!valid()) return error_of(world::errors::bad_descriptor);
  const kernel::io_slice whole{into.data(), into.size()};
  const std::int64_t done = body_->read(&whole, 1, kernel::at_position);
  if (done < 0) return error_of(done);
  return static_cast<std::size_t>(done);
}

transfer_result file::write(std::span<std::byte const> from) {
  if (!valid()) return error_of(world::errors::bad_descriptor);
  std::size_t done = 0;
  if (const std::int64_t failed = body_->write_on(writable(from.data()), from.size(), done); failed < 0)
    return {error_of(failed), done};
  return done;
}

result<std::size_t> file::readv_at(std::span<std::span<std::byte> const> into, std::uint64_t offset) {
  if (const std::int64_t refused = refusal_at(body_, offset); refused != 0) return error_of(refused);
  std::array<kernel::io_slice, pieces_max> slices;
  if (!slices_of(into, slices)) return std::make_error_code(std::errc::invalid_argument);
  const std::int64_t done =
      body_->read(slices.data(), static_cast<int>(into.size()), static_cast<std::int64_t>(offset));
  if (done < 0) return error_of(done);
  return static_cast<std::size_t>(done);
}

result<std::size_t> file::writev_at(std::span<std::span<std::byte const> const> from, std::uint64_t offset) {
  if (const std::int64_t refused = refusal_to_write_at(body_, offset); refused != 0) return error_of(refused);
  std::array<kernel::io_slice, pieces_max> slices;
  if (!slices_of(from, slices)) return std::make_error_code(std::errc::invalid_argument);
  const std::int64_t done =
      body_->write(slices.data(), static_cast<int>(from.size()), static_cast<std::int64_t>(offset));
  if (done < 0) return error_of(done);
  return static_cast<std::size_t>(done);
}

std::error_code file::sync() { return error_or_none(valid() ? body_->sync(false) : world::errors::bad_descriptor); }
std::error_code file::data_sync() { return error_or_none(valid() ? body_->sync(true) : world::errors::bad_descriptor); }
std::error_code file::truncate(std::uint64_t bytes) {
  const std::int64_t refused = refusal_at(body_, bytes);
  return error_or_none(refused == 0 ? body_->truncate(static_cast<std::int64_t>(bytes)) : refused);
}

result<std::uint64_t> file::seek(std::int64_t offset, seek_from from) {
  if (!valid()) return error_of(world::errors::bad_descriptor);
  const std::int64_t at = body_->seek(offset, kernel::seek_from{static_cast<std::uint8_t>(from)});
  if (at < 0) return error_of(at);
  return static_cast<std::uint64_t>(at);
}

bool file::valid() const noexcept { return detail::is_usable(body_); }

int file::descriptor() const noexcept { return valid() ? body_->descriptor() : -1; }

result<file_status> file::status() {
  if (!valid()) return error_of(world::errors::bad_descriptor);
  kernel::file_record record{};
  const std::int64_t failed = body_->status(record);
  if (failed < 0) return error_of(failed);
  return status_from(record);
}

void file::close() {
  if (body_ != nullptr) body_->close();
}

void file::reset() noexcept {
  if (body_ != nullptr) std::exchange(body_, nullptr)->release();
}

result<file> open_file(char const* path, open_mode mode, std::uint32_t permissions) {
  const std::int64_t fd = detail::file_body::open(path, static_cast<std::uint32_t>(mode), permissions);
  if (fd < 0) return error_of(fd);
  detail::file_body* const body = detail::file_body::make(static_cast<int>(fd), static_cast<std::uint32_t>(mode));
  if (body == nullptr) return std::make_error_code(std::errc::not_enough_memory);
  return file(body);
}

result<file> file_of(int descriptor) {
  const int appends = descriptor < 0 ? world::errors::bad_descriptor : kernel::appends(descriptor);
  if (appends < 0) return error_of(appends);
  detail::file_body* const body = detail::file_body::make(descriptor, appends == 1 ? kernel::open_append : 0);
  if (body == nullptr) return std::make_error_code(std::errc::not_enough_memory);
  return file(body);
}

result<file_status> status_of(char const* path) {
  kernel::file_record record{};
  const std::int64_t failed = detail::file_body::status_of(path, record);
  if (failed < 0) return error_of(failed);
  return status_from(record);
}

}  // namespace retake
