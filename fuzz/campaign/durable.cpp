#include "durable.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "durable_file.hpp"
#include "record.hpp"
#include "troubles.hpp"

namespace retake::campaign {

void write_durably(std::string const& path, std::string const& text) {
  if (std::error_code const error = durable::write(path, text)) cannot_write(path, error);
}

void copy_durably(std::string const& from, std::string const& to) { write_durably(to, read_file(from)); }

}  // namespace retake::campaign
