// call_site.hpp: a place in the program, as the stack that was there: copied when something
// happens, named when a report asks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "observe/snapshot.hpp"

namespace retake::observe {

struct call_site {
  std::vector<std::uintptr_t>
      key;            // return addresses, as far as frame pointers show them: equal for equal sites. Empty: no stack
  still_stack stack;  // its innermost 4 KiB
};

// Throws std::bad_alloc.
[[nodiscard]] call_site call_site_of(still_stack stack);

// The one of `sites` at `from`, a new one where there is room: of at most 512. The first is that of
// all that have none of their own. Under their lock. Throws std::bad_alloc.
template <class Site>
[[nodiscard]] Site& site_for(std::deque<Site>& sites, call_site from) {
  constexpr std::size_t sites_max = 512;
  if (from.key.empty()) return sites.front();
  const auto at =
      std::find_if(sites.begin(), sites.end(), [&from](Site const& one) { return one.from.key == from.key; });
  if (at != sites.end()) return *at;
  if (sites.size() == sites_max) return sites.front();
  Site& made = sites.emplace_back();
  made.from = std::move(from);
  return made;
}

}  // namespace retake::observe
