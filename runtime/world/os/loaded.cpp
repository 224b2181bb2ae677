// What the dynamic linker has loaded. See world/loaded.hpp.
#include "world/loaded.hpp"

#include <cstddef>

#include <link.h>
#include <sys/auxv.h>

namespace retake::world {

namespace {

struct visit {
  void (*each)(char const*, std::uintptr_t, void*);
  void* argument;
};

}  // namespace

void each_loaded(void (*each)(char const* file, std::uintptr_t bias, void* argument), void* argument) noexcept {
  visit all{each, argument};
  ::dl_iterate_phdr(
      [](dl_phdr_info* image, std::size_t, void* data) {
        auto const& [each_image, its_argument] = *static_cast<visit*>(data);
        bool const is_program = image->dlpi_name[0] == '\0';
        each_image(is_program ? reinterpret_cast<char const*>(::getauxval(AT_EXECFN)) : image->dlpi_name,
                   image->dlpi_addr, its_argument);
        return 0;
      },
      &all);
}

}  // namespace retake::world
