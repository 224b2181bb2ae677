// report_data.hpp: what a report is made of: the JSON lines and the nights of one or more folders, put together.
//
// Recipe.    Lines are taken as they are. A folder with a state.json is a nightly's: of its logs the last night's; its findings by id, first and last seen over all
//            folders; the last night of each folder is one shard of this night, the one before it of the night before. Curves of shards are added up,
//            each at its last point before that time: shards have different jobs, so no trace counts twice.
// Not promised: that folders of different campaigns make sense together.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nightly_state.hpp"
#include "record.hpp"

namespace retake::campaign {

struct told_finding {
  known_finding what;
  std::string replay;  // from where we stand
  bool is_new = false;
  bool tonight = false;
};

struct nights_read {
  night last;                    // all shards
  std::optional<night> before;
  std::vector<night> earlier;    // each night, oldest first, `last` at the end; with the last point of its curve
  std::vector<told_finding> findings;
  std::size_t shards = 0;
};

struct report_data {
  std::vector<json> runs;     // sim, model, fuzz, props, stress
  std::vector<json> hunts;    // closing lines
  std::vector<json> mutants;
  std::optional<nights_read> nights;
  std::vector<std::string> remarks;  // what could not be read, and was left out
};

report_data read_report_data(std::vector<std::string> const& folders);

}  // namespace retake::campaign
