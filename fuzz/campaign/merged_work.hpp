// merged_work.hpp: the records of work of any number of folders as one.
//
// Recipe.    Folders are read one after the other, and kept by campaign; the campaign of which most
//            pieces are there is the one that is merged, so neither the order of the folders nor a
//            folder that is named twice decides anything. Every other folder is refused by name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "work_record.hpp"

namespace retake::campaign {

struct merged_work {
  std::optional<work_record> all;     // none: no folder has a record
  std::vector<std::string> refusals;  // a line each, which names the folder

  std::vector<std::string> remarks() const;  // what is to be said, the refusals among it
  int code() const;  // 0; 3: pieces are missing, or a folder was refused; 4: a piece is contradictory
};

merged_work merge_work(std::vector<std::string> const& folders);

}  // namespace retake::campaign
