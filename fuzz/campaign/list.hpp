// list.hpp: everything that has a name, with its claim, in one list.
#pragma once

#include "catalogue.hpp"

namespace retake::campaign {

int list(catalogue const& programs, bool json_lines);

}  // namespace retake::campaign
