// folder_lock.hpp: one process at a time works in a folder, and the next one reads which.
//
// Recipe.    DIR/lock is locked by flock as long as the process lives, and holds a line each: pid,
//            host, start (UTC), word and command. A kill releases the lock, so a file that was left
//            behind is no obstacle.
// Rejected.  A file that exists only while the folder is in use: a kill leaves it behind, and a pid
//            in it may be another process by then.
// Not promised: that the lock holds between two machines on a file system without flock.
#pragma once

#include <string>
#include <vector>

namespace retake::campaign {

// What this process is called in locks; the main function sets it once.
void set_own_command(std::vector<std::string> const& words);

class folder_lock {
 public:
  // Makes the folder if it is missing. Throws a usage_error, which names the holder, when another
  // process works there. `shown`: how the user knows the folder, as `--out "night"`.
  folder_lock(std::string const& folder, std::string const& shown);
  ~folder_lock();
  folder_lock(folder_lock const&) = delete;
  folder_lock& operator=(folder_lock const&) = delete;

 private:
  int fd_;
};

}  // namespace retake::campaign
