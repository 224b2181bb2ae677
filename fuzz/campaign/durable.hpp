// durable.hpp: durable_file.hpp for the campaign, which wants an exception where a file could not be written.
#pragma once

#include <string>

namespace retake::campaign {

// Throws an environment_error when it cannot be written; the old file is still there then.
void write_durably(std::string const& path, std::string const& text);

// Copies a file under another name in the same way.
void copy_durably(std::string const& from, std::string const& to);

// One process at a time works in a folder. The lock ends with the process, however that ends.
class folder_lock {
 public:
  // Throws std::runtime_error when somebody else has it.
  explicit folder_lock(std::string const& folder);
  ~folder_lock();
  folder_lock(folder_lock const&) = delete;
  folder_lock& operator=(folder_lock const&) = delete;

 private:
  int fd_;
};

}  // namespace retake::campaign
