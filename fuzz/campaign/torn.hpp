// torn.hpp: files of a campaign that are read back and may be found torn: which are, and what is
// said of them.
#pragma once

#include <string>

namespace retake::campaign {

enum class replay_condition { whole, missing, torn };

// Of a replay of the simulator or a property, or a history of Relacy: torn is one that is empty,
// does not begin as one, or was cut before its end.
replay_condition look_at_replay(std::string const& path);

// Renames it to FILE.torn and returns the line that says so. Its reader begins anew.
std::string set_aside(std::string const& path);

}  // namespace retake::campaign
