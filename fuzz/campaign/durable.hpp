// durable.hpp: durable_file.hpp for the campaign, which wants an exception where a file could not
// be written.
#pragma once

#include <string>

namespace retake::campaign {

// Throws an environment_error when it cannot be written; the old file is still there then.
void write_durably(std::string const& path, std::string const& text);

// Copies a file under another name in the same way.
void copy_durably(std::string const& from, std::string const& to);

}  // namespace retake::campaign
