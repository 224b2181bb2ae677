// A generator per thread (wyrand), seeded by the kernel. See world/random.hpp.
#include "world/random.hpp"

#include <sys/random.h>

#include "world/clock.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::world {

namespace {

[[gnu::tls_model("initial-exec")]] constinit thread_local std::uint64_t state = 0;  // 0: not seeded yet

[[gnu::cold, gnu::noinline]] std::uint64_t seed() noexcept {
  std::uint64_t bits = 0;
  if (::getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits)) {
    bits = static_cast<std::uint64_t>(nanotime()) ^ (thread_id() * 0x9e3779b97f4a7c15u);
  }
  return bits | 1;
}

__extension__ using wide = unsigned __int128;

}  // namespace

[[gnu::noinline]] std::uint32_t random_below(std::uint32_t n, site) noexcept {
  require(n >= 1, "world: random_below needs a range");
  if (state == 0) state = seed();
  state += 0xa0761d6478bd642fu;
  wide const product = static_cast<wide>(state) * (state ^ 0xe7037ed1a0b428dbu);
  auto const mixed =
      static_cast<std::uint32_t>(static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product));
  return static_cast<std::uint32_t>((std::uint64_t{mixed} * n) >> 32);
}

}  // namespace retake::world
