// lock_sites.hpp: where the goroutines locked that ended without unlocking, and took their threads
// with them.
//
// A goroutine that ends locked ends its thread: now and then that is wanted, and often it is a leak
// of threads that nobody sees. The first few places are counted, the rest together. Under the
// scheduler's lock.
#pragma once

#include <cstdint>

#include "world/atomic.hpp"

namespace retake {

struct lock_site {
  char const* file = nullptr;
  unsigned line = 0;
};

struct lock_sites {
  static constexpr std::uint32_t sites_max = 16;

  lock_sites() noexcept : used(0), total(0) {}

  void count(lock_site where) noexcept {
    total.set(total.get() + 1);
    std::uint32_t at = 0;
    while (at < used.get() && (sites[at].file != where.file || sites[at].line != where.line)) ++at;
    if (at == sites_max) return;
    if (at == used.get()) {
      sites[at] = where;
      counts[at] = 0;
      used.set(at + 1);
    }
    ++counts[at];
  }

  world::plain<std::uint32_t> used;
  world::plain<std::uint64_t> total;
  lock_site sites[sites_max];
  std::uint64_t counts[sites_max];
};

}  // namespace retake
