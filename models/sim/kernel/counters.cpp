// Counters: eventfd(2), without semaphore mode. See files.hpp.
#include <cerrno>
#include <cstring>

#include "kernel/files.hpp"

namespace retake::sim::kernel {

using namespace world::kernel;

namespace {
constexpr std::uint64_t most = UINT64_MAX - 1;
}

std::int64_t counter_read(file& f, unsigned char* to, std::size_t n, site const& where) noexcept {
  if (n < sizeof(f.counter)) return -EINVAL;
  while (f.counter == 0) {
    if (int const error = wait_for(f, where); error != 0) return error;
  }
  if (not_yet(f, poll_in, where)) return -EAGAIN;
  std::memcpy(to, &f.counter, sizeof(f.counter));
  f.counter = 0;
  observe(f.order);
  activity(f, poll_out);
  return sizeof(f.counter);
}

std::int64_t counter_write(file& f, unsigned char const* from, std::size_t n, site const& where) noexcept {
  std::uint64_t added = 0;
  if (n < sizeof(added)) return -EINVAL;
  std::memcpy(&added, from, sizeof(added));
  if (added == UINT64_MAX) return -EINVAL;
  while (added > most - f.counter) {
    if (int const error = wait_for(f, where); error != 0) return error;
  }
  f.counter += added;
  publish(f.order);
  activity(f, poll_in);
  return sizeof(added);
}

std::uint32_t counter_ready(file const& f) noexcept {
  return (f.counter != 0 ? poll_in : 0U) | (f.counter < most ? poll_out : 0U);
}

}  // namespace retake::sim::kernel
