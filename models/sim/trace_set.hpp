// trace_set.hpp: how many different executions were seen.
//
// Exact up to exact_max (an open-addressed set); beyond that an estimate (HyperLogLog, 2^14
// registers, standard error 0.8 %): a set of all hashes would cost a cache miss per execution. Two
// traces with one 64-bit hash count as one. The registers of two sets, the greater of each pair,
// are the registers of their union: that is how a night knows what earlier runs have seen
// (trace_file.hpp).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

namespace retake::sim {

class trace_set {
 public:
  static constexpr std::uint32_t exact_max = 6000;
  static constexpr std::uint32_t register_bits = 14;
  static constexpr std::uint32_t register_count = 1U << register_bits;

  trace_set() : table_(table_size), registers_(register_count) {}

  void add(std::uint64_t hash) noexcept {
    std::uint64_t h = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93ULL;
    h ^= h >> 32;
    if (count_ <= exact_max) {
      std::uint64_t const key = h == 0 ? 1 : h;
      for (std::uint64_t i = key % table_size;; i = (i + 1) % table_size) {
        if (table_[i] == key) return;
        if (table_[i] != 0) continue;
        table_[i] = key;
        ++count_;
        break;
      }
    }
    auto const rank = static_cast<std::uint8_t>(std::countl_zero((h << register_bits) | 1) + 1);
    std::uint8_t& r = registers_[h >> (64 - register_bits)];
    if (rank > r) r = rank;
  }
  bool exact() const noexcept { return count_ <= exact_max; }
  std::uint64_t count() const noexcept {
    if (exact()) return count_;
    return estimate_of(registers_);
  }
  std::vector<std::uint8_t> const& registers() const noexcept { return registers_; }

  static std::uint64_t estimate_of(std::vector<std::uint8_t> const& registers) noexcept {
    double sum = 0;
    double empty = 0;
    for (std::uint8_t const r : registers) {
      sum += std::ldexp(1.0, -r);
      empty += r == 0;
    }
    double const m = register_count;
    double const estimate = 0.7213 / (1 + 1.079 / m) * m * m / sum;
    if (estimate <= 2.5 * m && empty > 0) return static_cast<std::uint64_t>(m * std::log(m / empty));
    return static_cast<std::uint64_t>(estimate);
  }

 private:
  static constexpr std::uint32_t table_size = 16384;
  std::vector<std::uint64_t> table_;
  std::vector<std::uint8_t> registers_;
  std::uint32_t count_ = 0;
};

}  // namespace retake::sim
