// random_source.hpp: numbers that are the same everywhere. xoshiro256++ seeded by splitmix64 from
// (seed, execution).
//
// Not <random>: its distributions differ between libraries. below() is by multiplication; the bias
// is under n / 2^32.
#pragma once

#include <cstdint>

namespace retake::sim {

inline std::uint64_t splitmix(std::uint64_t& state) noexcept {
  std::uint64_t z = state += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

class random_source {
 public:
  void seed(std::uint64_t seed, std::uint64_t stream) noexcept {
    std::uint64_t state = seed;
    state = splitmix(state) ^ (stream * 0xd1342543de82ef95ULL);
    for (std::uint64_t& word : s_) word = splitmix(state);
  }
  std::uint64_t next() noexcept {
    std::uint64_t const result = rotate(s_[0] + s_[3], 23) + s_[0];
    std::uint64_t const t = s_[1] << 17;
    s_[2] ^= s_[0];
    s_[3] ^= s_[1];
    s_[1] ^= s_[2];
    s_[0] ^= s_[3];
    s_[2] ^= t;
    s_[3] = rotate(s_[3], 45);
    return result;
  }
  std::uint32_t below(std::uint32_t n) noexcept { return static_cast<std::uint32_t>(((next() >> 32) * n) >> 32); }
  bool one_in(std::uint32_t n) noexcept { return below(n) == 0; }

 private:
  static std::uint64_t rotate(std::uint64_t x, int k) noexcept { return (x << k) | (x >> (64 - k)); }
  std::uint64_t s_[4] = {};
};

}  // namespace retake::sim
