// stack.cpp: the system calls behind stack.hpp, where the reasons stand.
//
// Problem.   The kernel may refuse a guard in the middle of a slab (mappings exhausted by others,
//            an old kernel, mlockall).
// Rejected.  Failing then: a slab with weaker guards at its end is better than none, as long as it
//            says so.
// Recipe.    Walk the guards once, upwards; at a refusal step down to the next method and stay
//            there.
// Fields.    see stack.hpp
// Not promised: errno: it is clobbered here, and reported as a value.
#include "switch/stack.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace retake::floor {

namespace {

constexpr int madv_populate_read = 22;   // Linux 5.14
constexpr int madv_guard_install = 102;  // Linux 6.13; not in Debian 12's headers

bool install_guard(void* low, std::size_t bytes) noexcept { return madvise(low, bytes, madv_guard_install) == 0; }

// qemu-user and the like answer 0 to advice that they do not know. Populating a real guard fails
// with EFAULT.
bool guards_are_real(void* low, std::size_t bytes) noexcept {
  return madvise(low, bytes, madv_populate_read) != 0 && errno == EFAULT;
}

std::size_t rounded_up(std::size_t bytes, std::size_t page) noexcept { return (bytes + page - 1) / page * page; }

}  // namespace

const char* guard_method_name(guard_method method) noexcept {
  switch (method) {
    case guard_method::canary: return "canary";
    case guard_method::mprotect: return "mprotect";
    case guard_method::madvise: return "madvise";
  }
  return "?";
}

std::size_t system_mapping_limit() noexcept {
  constexpr std::size_t kernel_default = 65530;
  const int file = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
  if (file < 0) return kernel_default;
  char text[32];
  const ssize_t length = read(file, text, sizeof text);
  close(file);
  std::size_t limit = 0;
  for (ssize_t i = 0; i < length && text[i] >= '0' && text[i] <= '9'; ++i) {
    limit = limit * 10 + static_cast<std::size_t>(text[i] - '0');
  }
  return limit != 0 ? limit : kernel_default;
}

int stack_slab::create(const stack_slab_options& options) noexcept {
  constexpr std::size_t bytes_max = std::size_t{1}
                                    << 46;  // of a slab; no user address space is larger, and nothing below overflows
  if (base_ != nullptr || options.count == 0 || options.stack_bytes == 0 || options.guard_bytes == 0) return -EINVAL;
  if (options.stack_bytes > bytes_max || options.guard_bytes > bytes_max) return -EINVAL;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t stack_bytes = rounded_up(options.stack_bytes, page);
  const std::size_t guard_bytes = rounded_up(options.guard_bytes, page);
  if (options.count > bytes_max / (stack_bytes + guard_bytes)) return -EINVAL;
  const std::size_t bytes = options.count * (stack_bytes + guard_bytes);

  void* const base =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (base == MAP_FAILED) return -errno;
  madvise(base, bytes, MADV_NOHUGEPAGE);  // refused by kernels without huge pages, which is as good

  base_ = static_cast<char*>(base);
  count_ = options.count;
  stack_bytes_ = stack_bytes;
  guard_bytes_ = guard_bytes;
  std::size_t i = 0;
  if (options.strongest >= guard_method::madvise) {
    while (i < count_ && install_guard(guard(i), guard_bytes_) && (i > 0 || guards_are_real(guard(0), guard_bytes_)))
      ++i;
  }
  madvised_ = i;
  if (options.strongest >= guard_method::mprotect) {
    const std::size_t affordable = options.mapping_budget / 2;  // each guard cuts off a mapping and is one
    while (i < count_ && i - madvised_ < affordable && mprotect(guard(i), guard_bytes_, PROT_NONE) == 0) ++i;
  }
  protected_ = i;
  return 0;
}

void stack_slab::destroy() noexcept {
  if (base_ == nullptr) return;
  if (munmap(base_, count_ * (guard_bytes_ + stack_bytes_)) != 0) __builtin_trap();  // our own numbers were wrong
  base_ = nullptr;
  count_ = stack_bytes_ = guard_bytes_ = madvised_ = protected_ = 0;
}

stack_bounds stack_slab::stack(std::size_t i) const noexcept {
  if (i >= count_) __builtin_trap();
  return {guard(i) + guard_bytes_, stack_bytes_};
}

guard_method stack_slab::guard_of(std::size_t i) const noexcept {
  if (i >= count_) __builtin_trap();
  if (i < madvised_) return guard_method::madvise;
  return i < protected_ ? guard_method::mprotect : guard_method::canary;
}

// Overflowing frames leave poison in the guard (ASan), and a look must not cost shadow memory
// (TSan).
__attribute__((no_sanitize("address"), no_sanitize("thread"))) bool stack_slab::check_canary(
    std::size_t i) const noexcept {
  if (guard_of(i) != guard_method::canary) return true;
  const char* const low = guard(i);
  std::uint64_t seen = 0;
  for (std::size_t offset = 0; offset < guard_bytes_; offset += sizeof(std::uint64_t)) {
    std::uint64_t word;
    __builtin_memcpy(&word, low + offset, sizeof word);
    seen |= word;
  }
  return seen == 0;
}

stack_location stack_slab::contains(const void* address) const noexcept {
  const auto base = reinterpret_cast<std::uintptr_t>(base_);
  const std::uintptr_t offset =
      reinterpret_cast<std::uintptr_t>(address) - base;  // wraps to a huge value below the slab
  const std::size_t slot = guard_bytes_ + stack_bytes_;
  if (base_ == nullptr || offset >= count_ * slot) return {};
  return {true, offset % slot < guard_bytes_, offset / slot};
}

}  // namespace retake::floor
