#include "observe/thread_sites.hpp"

#include <algorithm>
#include <cstring>

namespace retake::observe {

namespace {

constexpr std::size_t kept_bytes = 4096;
constexpr std::size_t key_frames_max = 8;

// The call's address and those that its frame pointers lead to.
std::vector<std::uintptr_t> key_of(still_stack const& stack) {
  std::vector<std::uintptr_t> key{stack.from.pc};
  std::uintptr_t frame = stack.from.fp;
  while (key.size() < key_frames_max && frame >= stack.bytes.low && frame - stack.bytes.low + 2 * sizeof(frame) <= stack.bytes.bytes.size() && frame % sizeof(frame) == 0) {
    std::uintptr_t link[2];  // the caller's frame pointer, the return address
    std::memcpy(link, stack.bytes.bytes.data() + (frame - stack.bytes.low), sizeof(link));
    key.push_back(link[1]);
    if (link[0] <= frame) break;
    frame = link[0];
  }
  return key;
}

}  // namespace

thread_sites::site* thread_sites::made(goroutine const* charged, lock_site ended) {
  still_stack stack;
  if (charged != nullptr) stack = stack_of_goroutine(*charged);
  if (stack.bytes.bytes.size() > kept_bytes) stack.bytes.bytes.resize(kept_bytes);
  std::vector<std::uintptr_t> key;
  if (charged != nullptr) ended = {};
  if (!stack.bytes.bytes.empty()) key = key_of(stack);
  else if (ended.file != nullptr) key = {reinterpret_cast<std::uintptr_t>(ended.file), ended.line};

  const locked hold(lock_);
  auto at = key.empty() ? sites_.begin() : std::find_if(sites_.begin(), sites_.end(), [&key](site const& one) { return one.key == key; });
  if (at == sites_.end() && sites_.size() < sites_max) {
    sites_.push_back({std::move(key), std::move(stack), ended, 0, 0});
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
