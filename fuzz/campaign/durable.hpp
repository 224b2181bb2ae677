// durable.hpp: files that survive a kill at any point, and the loss of power: what was there stays until what comes is whole.
//
// Recipe.    Temporary name in the same folder, write, fsync, rename, fsync of the folder. A reader sees the old file or the new one.
// Rejected.  Truncate and write: a kill between the two leaves nothing. An appended journal: it has to be bounded and replayed, and the whole state is some
//            hundred kilobytes. A database: one writer, one reader, one document.
// Checked by tests/cli/killed_nightly_test.sh, whose twins truncate in place, or forget.
#pragma once

#include <string>

namespace retake::campaign {

// Throws std::runtime_error when it cannot be written; the old file is still there then.
void write_durably(std::string const& path, std::string const& text);

// Copies a file under another name in the same way.
void copy_durably(std::string const& from, std::string const& to);

}  // namespace retake::campaign
