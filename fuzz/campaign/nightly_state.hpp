// nightly_state.hpp: what a nightly knows, over all its nights: DIR/state.json.
//
// Problem.   A night is killed at any point; the next one must know every finding, every counter
//            and how much of the time was used.
// Recipe.    One document, written as a whole when a child has ended (durable.hpp). What a child
//            had found and the kill kept from being told lies in DIR/work as a replay, and is taken
//            up when the night goes on.
// Counters   only grow. What a killed child had done is lost, and done again.
// Not promised: that a document of another format is read: it is refused by name, never
// overwritten.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "record.hpp"

namespace retake::campaign {

struct known_finding {
  std::string id, tag, claim, technique, subject;
  std::string replay;                 // below DIR; empty: real threads leave none
  std::string command;                // what shows it again
  std::string revision;               // at which it was seen first
  std::string first_seen, last_seen;  // UTC
  unsigned first_night = 0, last_night = 0;
  std::uint64_t seen = 0, steps = 0;
  std::vector<std::string> last_steps;
};

struct job_record {
  std::uint64_t runs = 0, executions = 0;
  std::uint64_t known = 0;  // sim, props: different traces; fuzz: features; of all nights
  double seconds = 0;       // of cores, in all nights
  double novelty = 1;       // see time_shares.hpp
  double tonight = 0;       // of `seconds`
  std::string rests;        // why it has no further turn tonight
  bool had_turn = false;    // tonight: something of it was executed
};

struct technique_sum {
  std::uint64_t runs = 0, executions = 0, fresh = 0, faults = 0;
  double seconds = 0;
};

struct moment {  // a point of the curves
  double seconds = 0;
  std::uint64_t executions = 0, traces = 0, features = 0, findings = 0;
};

struct night {
  unsigned number = 0;
  std::string began, ended, revision;
  double seconds_wanted = 0, seconds_used = 0;
  std::uint64_t seed = 0;
  std::uint64_t executions_wanted = 0;  // for each job that can be fixed; 0: time is the bound
  std::string shard = "0/1";
  std::vector<std::string> only;  // words of --only
  std::string end = "running";    // running, whole, interrupted
  bool closed = true;  // all that it found was told; false: a kill came before, and it is new in the next night
  unsigned kills = 0;  // how often it was taken up again
  std::map<std::string, technique_sum> techniques;
  std::vector<moment> curve;
  std::vector<std::string> seen;  // ids, known ones too
  std::vector<std::string> had_no_turn;
  json faults = json::array();
};

struct nightly_state {
  std::map<std::string, known_finding> findings;           // by id
  std::map<std::string, job_record> jobs;                  // by "technique subject"
  std::map<std::string, std::vector<std::string>> corpus;  // by target: what was taken into DIR/corpus, by hash
  std::vector<night> nights;                               // the last is this one

  night& tonight() { return nights.back(); }
  std::uint64_t known(std::string const& technique) const;  // traces of sim and props, features of fuzz
};

// A state that is cut short or of foreign types is set aside as state.json.torn, `remark` says so,
// and an empty one is returned. Throws a usage_error for a state of another format.
nightly_state read_state(std::string const& folder, std::string& remark);
void write_state(std::string const& folder, nightly_state const& state);

std::string utc_now();

}  // namespace retake::campaign
