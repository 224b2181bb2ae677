// finding_id.hpp: when two findings are one.
//
// Problem.   Ten schedules of a night end in the same defect: another seed, another strategy,
//            another scenario, other steps before. Told ten times, it hides the eleventh.
// Recipe.    A finding is its tag and its last protocol steps: of the thread that was chosen last,
//            the last three operations in functions of runtime/protocol other than the spin lock's,
//            each as operation and function. No line, no number of a thread, no address: an edited
//            comment leaves the name as it is.
// Rejected.  The tag alone: P9 is broken in more than one way. The whole schedule: no two are
//            alike. The stack of the failing thread: it is where the invariant was looked at, not
//            where it was broken. The last steps of all threads: what the others did meanwhile is
//            chance (seven names for one split CAS in twelve seconds, now two).
// Hammers    leave no replay: tag and hammer.
// Not promised: that one defect has one name. Two names for it cost a second look; one name for two
// defects would hide one, and needs the same tag and ending.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace retake::campaign {

// The functions that runtime/protocol defines or calls, but the spin lock's.
std::set<std::string> protocol_functions(std::string const& root);

// Of a replay of the simulator or of a property, or of a history of Relacy. Empty when it has none.
std::vector<std::string> last_protocol_steps(std::string const& replay_text, std::set<std::string> const& functions);

std::string finding_id(std::string const& tag, std::vector<std::string> const& last_steps,
                       std::string const& otherwise);

}  // namespace retake::campaign
