// durable_file.hpp: files that survive a kill at any point, and the loss of power: the old file
// stays until the new one is whole.
//
// Problem.   Replays, trace files, states, records and corpora are read back, by the next run or
//            the next night. A file that was cut to nothing and written over can be found half, and
//            then it stops its reader or hides a finding.
// Recipe.    Writer: temporary name in the same folder, write, fsync, rename, fsync of the folder.
//            A reader sees the old file or the new one.
//            Reader: a file that is torn all the same is set aside as FILE.torn, said aloud in one
//            line, and begun anew.
// Rejected.  Truncate and write: a kill between the two leaves nothing. An appended journal: it has
//            to be bounded and replayed. A database: one writer, one reader, one document.
// Checked by tests/cli/killed_nightly_test.sh, whose twins truncate in place, or forget, and
// tests/cli/hard_disk_test.sh.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

namespace retake::durable {

// No error: the file is on the disk. Otherwise the old file is still there and no temporary one is
// left.
std::error_code write(std::string const& path, std::string_view text);

// Renames a file that cannot be read back to FILE.torn, or FILE.torn.2 and so on. Its new name;
// empty when it could not be renamed.
std::string set_aside(std::string const& path);

// The disk, a quota or a limit of the file's size is exhausted.
bool is_full(std::error_code const& error);

}  // namespace retake::durable
