#include "sched/processor_table.hpp"

#include <new>

#include "world/memory.hpp"
#include "world/require.hpp"

namespace retake {

processor_table::~processor_table() {
  for (processor& p : made()) {
    p.~processor();
    world::deallocate(&p, sizeof(processor));
  }
}

void processor_table::make(std::uint32_t n) noexcept {
  for (std::uint32_t i = made_count(); i < n; ++i) {
    void* const memory = world::allocate(sizeof(processor), alignof(processor));
    if (memory == nullptr) world::fatal("runtime: cannot allocate memory for a P");
    table_[i] = new (memory) processor(i);
    made_.store_release(i + 1);  // the P comes before the number that shows it
  }
}

}  // namespace retake
