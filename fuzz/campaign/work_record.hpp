// work_record.hpp: which fixed work was executed, and with which result: DIR/work.jsonl.
//
// Problem.   That n shards did what one machine does has to be shown, from folders of machines that
//            were killed, ran twice, or ran another revision.
// Recipe.    A line for the campaign (format, digest of the sources, seed, executions, number of
//            pieces), then a line for each piece that ended: its name and the digest of all that is
//            a function of its seed (executions, traces, tag of the finding and where it came).
//            What is bounded by time says so and has no digest. A record is a set of lines: it is
//            merged by union, so the order, a folder that is there twice and the grouping change
//            nothing.
// Refused    whole folders: another format, another campaign or other sources than the one that
//            they are merged with. The rest is merged.
// Contradictory  is a piece with two digests: its executions are no function of its seed.
// Not promised: figures of what is bounded by time.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "fixed_work.hpp"
#include "record.hpp"

namespace retake::campaign {

struct fixed_campaign {
  std::string sources;  // digest
  std::uint64_t seed = 0, executions = 0;
  std::uint64_t pieces = 0;  // of all shards

  auto operator<=>(fixed_campaign const&) const = default;
};

struct work_record {
  fixed_campaign whole;
  std::map<std::string, std::set<std::string>> pieces;  // lines by name; more than one: contradictory

  std::string digest() const;  // of the sorted lines
  std::size_t missing() const { return whole.pieces - std::min<std::size_t>(whole.pieces, pieces.size()); }
  std::vector<std::string> contradictory() const;
  void merge(work_record const& other);  // of the same campaign
};

std::string work_file(std::string const& folder);
std::string merged_file(std::string const& folder);  // what a report over several folders puts together

// The line of a piece that has ended with these lines.
json line_of(piece const& one, std::vector<json> const& results);

// Of the sources that a campaign executes: names and contents.
std::string digest_of_sources(std::string const& root);

// What a folder holds. `refusal`: why it holds no record that could be merged, in one line that
// names the folder; empty, with an empty record: it has none. A line that a kill cut is left out.
work_record read_work(std::string const& folder, std::string& refusal);

// As `wanted`, or why not, in one line that names the folder.
std::string differs(fixed_campaign const& wanted, fixed_campaign const& found, std::string const& folder);

// Begins the record anew, or writes all of it, sorted. Throws an environment_error.
void write_work(std::string const& path, work_record const& all);

}  // namespace retake::campaign
