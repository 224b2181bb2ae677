// wait_sites.hpp: where goroutines wait for each other, and whose unlock ended a wait: how often
// and how long, by call site.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "observe/call_site.hpp"
#include "protocol/spin_lock.hpp"

namespace retake::observe {

class wait_sites {
 public:
  struct site {
    call_site from;
    double count = 0;  // as sampled events stand for more than one
    double wait_ns = 0;
  };

  // Any thread, without locks. Sites beyond the 512th, and events without a stack, are counted
  // together.
  void add(still_stack stack, double count, double wait_ns);
  [[nodiscard]] std::vector<site> all();

 private:
  spin_lock lock_;
  std::deque<site> sites_{1};  // the first is that of all that have none of their own
};

}  // namespace retake::observe
