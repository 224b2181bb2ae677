// The rare side of the asymmetric fence: membarrier(2), registered before main. See
// world/fence.hpp.
#include "world/fence.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "world/require.hpp"

namespace retake::world::detail {

constinit bool asymmetric_by_membarrier = false;

namespace {

long membarrier(int command) noexcept { return ::syscall(SYS_membarrier, command, 0, 0); }

// Before the initialisers of other units, which may start threads.
[[gnu::constructor(101)]] void register_membarrier() noexcept {
  long const supported = membarrier(MEMBARRIER_CMD_QUERY);
  if (supported < 0 || (supported & MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0) return;
  asymmetric_by_membarrier = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

}  // namespace

void membarrier_all_threads() noexcept {
  require(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0, "world: membarrier was registered and is now refused");
}

}  // namespace retake::world::detail
