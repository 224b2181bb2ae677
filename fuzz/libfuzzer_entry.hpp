// libfuzzer_entry.hpp: what each fuzz_<name>.cpp defines: the scenarios that its inputs choose
// among.
#pragma once

#include <memory>

#include "schedule_target.hpp"

namespace retake::fuzz {

std::unique_ptr<schedule_target> make_target(int argc, char** argv);

}  // namespace retake::fuzz
