// demo.hpp: what a finding looks like, within a minute.
#pragma once

#include <cstdint>
#include <string>

#include "catalogue.hpp"

namespace retake::campaign {

int demo(catalogue const& programs, std::uint64_t seed, std::string const& out);

}  // namespace retake::campaign
