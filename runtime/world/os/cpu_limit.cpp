// Processors this process may use: affinity, then quota. See world/kernel.hpp and cgroup.hpp.
#include <exception>

#include <sched.h>

#include "cgroup.hpp"
#include "world/kernel.hpp"

namespace retake::world::kernel {

namespace {

int affinity_processors() noexcept {
  for (std::size_t processors = 1024; processors <= 1 << 17;
       processors *= 2) {  // the kernel says -EINVAL while the mask is too small for it
    cpu_set_t* const mask = CPU_ALLOC(processors);
    if (mask == nullptr) return 1;
    std::size_t const bytes = CPU_ALLOC_SIZE(processors);
    bool const read = ::sched_getaffinity(0, bytes, mask) == 0;
    int const count = read ? CPU_COUNT_S(bytes, mask) : 0;
    CPU_FREE(mask);
    if (count > 0) return count;
  }
  return 1;
}

}  // namespace

int cpu_limit(site) noexcept {
  int const affinity = affinity_processors();
  try {
    return world::detail::limited_processors(affinity, world::detail::cgroup_quota(""));
  } catch (std::exception const&) {  // no memory for reading files: what is certain is the affinity
    return affinity;
  }
}

}  // namespace retake::world::kernel
