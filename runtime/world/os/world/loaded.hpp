// loaded.hpp (os): the images that make up this process, as the dynamic linker knows them.
//
// Problem.   /proc/self/maps names them, and /proc may be absent: in a chroot, in a container that
//            hides it.
// Not promised: the vDSO, which has no file; an image that the program opened by a name relative to
// a folder that it has left.
//
// Checked by tests/install/install_test.sh.
#pragma once

#include <cstdint>

namespace retake::world {

// Calls `each` for the program and for every shared library, with its file and what to add to its
// addresses. Holds the dynamic linker's lock meanwhile: `each` must not load or unload one.
void each_loaded(void (*each)(char const* file, std::uintptr_t bias, void* argument), void* argument) noexcept;

}  // namespace retake::world
