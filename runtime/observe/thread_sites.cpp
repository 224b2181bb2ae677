#include "observe/thread_sites.hpp"

#include <algorithm>
#include <utility>

namespace retake::observe {

thread_sites::site* thread_sites::made(goroutine const* charged, lock_site ended) {
  call_site from;
  if (charged != nullptr) {
    from = call_site_of(stack_of_goroutine(*charged));
    ended = {};
  } else if (ended.file != nullptr) {
    from.key = {reinterpret_cast<std::uintptr_t>(ended.file), ended.line};
  }

  const locked hold(lock_);
  auto at = from.key.empty() ? sites_.begin() : std::find_if(sites_.begin(), sites_.end(), [&from](site const& one) { return one.from.key == from.key; });
  if (at == sites_.end() && sites_.size() < sites_max) {
    sites_.push_back({std::move(from), ended, 0, 0});
    at = sites_.end() - 1;
  } else if (at == sites_.end()) {
    at = sites_.begin();
  }
  ++at->created;
  ++at->live;
  return &*at;
}

void thread_sites::ended(site* where) noexcept {
  const locked hold(lock_);
  --where->live;
}

std::vector<thread_sites::site> thread_sites::all() {
  const locked hold(lock_);
  return {sites_.begin(), sites_.end()};
}

}  // namespace retake::observe
