// results.hpp: what the calls below answer (a value or -errno), as results.
#pragma once

#include <cstddef>
#include <cstdint>

#include "io/polled_file.hpp"
#include "retake/result.hpp"
#include "world/errors.hpp"

namespace retake::detail {

inline std::error_code error_of(std::int64_t negative) noexcept {
  return {static_cast<int>(-negative), std::generic_category()};
}

inline std::error_code code_of(std::int64_t done) noexcept { return done < 0 ? error_of(done) : std::error_code(); }

inline result<std::size_t> bytes_or_error(std::int64_t done) {
  if (done < 0) return error_of(done);
  return static_cast<std::size_t>(done);
}

// Whether a handle has a descriptor: not made by its default constructor, nor moved from, and its
// program goes on.
template <class File>
[[nodiscard]] bool is_usable(File const* file) noexcept {
  return file != nullptr && !file->program_has_ended();
}

// What `call` answers to `file`; -EBADF for a handle without a descriptor.
template <class Call>
[[nodiscard]] std::int64_t asked(polled_file* file, Call call) noexcept {
  return is_usable(file) ? std::int64_t{call(*file)} : std::int64_t{world::errors::bad_descriptor};
}

// What `call`, which counts in `done`, moved, and its error if it answers one.
template <class Call>
[[nodiscard]] transfer_result moved_by(polled_file* file, Call call) {
  std::size_t done = 0;
  const std::int64_t failed = asked(file, [&](polled_file& f) { return call(f, done); });
  if (failed < 0) return {error_of(failed), done};
  return done;
}

// A handle for `fd`, which is non-blocking and taken over, also on failure.
template <class Handle>
result<Handle> handle_for(int fd) {
  int failed = 0;
  polled_file* const file = polled_file::make(fd, failed);
  if (file == nullptr) return error_of(failed);
  return Handle(file);
}

}  // namespace retake::detail
