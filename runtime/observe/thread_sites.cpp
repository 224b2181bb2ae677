#include "observe/thread_sites.hpp"

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
  site& at = site_for(sites_, std::move(from));
  if (&at != &sites_.front()) at.ended = ended;  // the same for an equal key
  ++at.created;
  ++at.live;
  return &at;
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
