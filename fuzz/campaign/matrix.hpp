// matrix.hpp: the kill matrix: mutant x technique, as a table for people and as Markdown for
// models/README.md.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kill.hpp"

namespace retake::campaign {

struct mutant_row {
  std::string id;
  std::string kind;  // site, patch, harness
  std::string claim;
  std::map<std::string, trial_result> by;  // technique -> its best trial
  std::string survivor_reason;             // on record, for those that nobody kills

  bool killed() const;
};

std::string markdown(std::vector<mutant_row> const& rows);

// Replaces what stands between `<!-- kill matrix -->` and `<!-- end of kill matrix -->` in the
// file.
void write_between_markers(std::string const& file, std::string const& text);

}  // namespace retake::campaign
