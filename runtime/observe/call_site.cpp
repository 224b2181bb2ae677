#include "observe/call_site.hpp"

#include <cstring>
#include <utility>

namespace retake::observe {

namespace {

constexpr std::size_t kept_bytes = 4096;
constexpr std::size_t key_frames_max = 8;

// The call's address and those that its frame pointers lead to.
std::vector<std::uintptr_t> key_of(still_stack const& stack) {
  std::vector<std::uintptr_t> key{stack.from.pc};
  std::uintptr_t frame = stack.from.fp;
  while (key.size() < key_frames_max && frame >= stack.bytes.low &&
         frame - stack.bytes.low + 2 * sizeof(frame) <= stack.bytes.bytes.size() && frame % sizeof(frame) == 0) {
    std::uintptr_t link[2];  // the caller's frame pointer, the return address
    std::memcpy(link, stack.bytes.bytes.data() + (frame - stack.bytes.low), sizeof(link));
    key.push_back(link[1]);
    if (link[0] <= frame) break;
    frame = link[0];
  }
  return key;
}

}  // namespace

call_site call_site_of(still_stack stack) {
  if (stack.bytes.bytes.size() > kept_bytes) stack.bytes.bytes.resize(kept_bytes);
  if (stack.bytes.bytes.empty()) return {};
  std::vector<std::uintptr_t> key = key_of(stack);
  return {std::move(key), std::move(stack)};
}

}  // namespace retake::observe
