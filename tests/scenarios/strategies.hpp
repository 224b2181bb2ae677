// strategies.hpp: the ways in which the suites run a scenario.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/choices/pct.hpp"
#include "sim/choices/random_walk.hpp"
#include "sim/engine.hpp"

namespace retake::tests {

struct way {
  std::string name;
  std::string flags;  // of ./retake sim
  sim::options settings;
  std::unique_ptr<sim::chooser> (*make)(std::uint64_t seed);
};

// The faults that a program survives: none of them is fatal by design.
inline constexpr sim::fault_kind survivable[] = {sim::fault_kind::spurious,        sim::fault_kind::futex_order,
                                                 sim::fault_kind::eagain_thread,   sim::fault_kind::eintr,
                                                 sim::fault_kind::eagain,          sim::fault_kind::short_read,
                                                 sim::fault_kind::short_write,     sim::fault_kind::epoll_reorder,
                                                 sim::fault_kind::epoll_duplicate, sim::fault_kind::epoll_stale,
                                                 sim::fault_kind::slow_syscall};

inline std::vector<way> ways() {
  const auto random = [](std::uint64_t seed) -> std::unique_ptr<sim::chooser> {
    return std::make_unique<sim::random_walk>(seed);
  };
  const auto by_priority = [](std::uint64_t seed) -> std::unique_ptr<sim::chooser> {
    return std::make_unique<sim::pct>(seed, 4);
  };
  sim::options sc;
  sc.memory = sim::memory_mode::sc;
  sim::options const c11;
  sim::options faulty;
  std::string names;
  for (sim::fault_kind const kind : survivable) {
    faulty.fault_mask |= 1u << static_cast<unsigned>(kind);
    names += (names.empty() ? "" : ",") + std::string(sim::fault_names[static_cast<std::size_t>(kind)]);
  }
  return {{"random, sc", "--memory sc", sc, random},
          {"random, c11", "--memory c11", c11, random},
          {"pct 4, c11", "--strategy pct --depth 4", c11, by_priority},
          {"random, c11, faults", "--faults " + names, faulty, random}};
}

}  // namespace retake::tests
