// interruption.hpp: whether this process was asked to end.
//
// Recipe.    SIGINT, SIGTERM and SIGHUP set one flag. Each loop of a campaign looks at it, and so does run() of children.hpp: no step, a merge and a replay
//            for the page among them, keeps a process that was asked to end for longer than its children need to end.
#pragma once

namespace retake::campaign {

void watch_interrupts();
bool interrupted();

}  // namespace retake::campaign
