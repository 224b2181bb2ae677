// report_data.hpp: what a report is made of: the JSON lines and the nights of one or more folders,
// put together.
//
// Recipe.    Lines are taken as they are. A folder with a state.json is a nightly's: of its logs
//            the last night's; its findings by id, first and last seen over all folders; the last
//            night of each folder is one shard of this night, the one before it of the night
//            before. Curves of shards are added up, each at its last point before that time: shards
//            have different jobs, so no trace counts twice.
// Shards     are known by the closing line of hunt and by the state of a nightly. A copy of a run
//            that was read is left out. Of another run of a shard that was read, the findings count
//            and the figures do not. Each of both is a remark, and so is a shard that is missing.
// Replays    are looked for in the folder that was read: the path on record is one of the machine
//            that wrote it.
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
  night last;  // all shards
  std::optional<night> before;
  std::vector<night> earlier;  // each night, oldest first, `last` at the end; with the last point of its curve
  std::vector<told_finding> findings;
  std::size_t shards = 0;
};

struct report_data {
  std::vector<json> runs;   // sim, model, fuzz, props, stress
  std::vector<json> hunts;  // closing lines
  std::vector<json> mutants;
  std::vector<std::string> shard_remarks;  // shards that are missing, or there twice
  bool shard_missing = false;

  bool empty() const { return runs.empty() && hunts.empty() && mutants.empty() && !nights; }
  bool nothing_run() const;
  std::optional<nights_read> nights;
  std::vector<std::string> remarks;  // what could not be read, and was left out
};

report_data read_report_data(std::vector<std::string> const& folders);

}  // namespace retake::campaign
