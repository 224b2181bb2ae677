// opened_file.hpp: the file "data" of the simulated disk, opened, whatever faults are drawn.
#pragma once

#include <system_error>
#include <utility>

#include "retake/file.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

inline file opened(open_mode mode) {
  auto made = open_file("data", mode);
  while (!made && made.error() == std::errc::too_many_files_open) made = open_file("data", mode);  // the fault
  world::require(static_cast<bool>(made), "N1: a file does not open");
  return std::move(*made);
}

}  // namespace retake::scenarios
