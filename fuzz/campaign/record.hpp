// record.hpp: the JSON lines of a campaign: on disk when they come, on standard output when asked
// for.
//
// Problem.   A campaign may be killed at any moment, and what it had found by then must be there
//            afterwards.
// Recipe.    Every line is appended to <out>/<name>.jsonl by one write, a finding with fdatasync. A
//            line that a full disk has cut is ended before the next one. Replays are written by the
//            programs that find them (durable_file.hpp).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "result_line.hpp"

namespace retake::campaign {

class record {
 public:
  // Truncates the file of an earlier run. Throws a usage_error when the folder cannot be written,
  // an environment_error when the disk is full.
  record(std::string const& folder, std::string const& name, bool to_standard_output);
  ~record();
  record(record const&) = delete;
  record& operator=(record const&) = delete;

  // Shows the line, then throws an environment_error when the file or standard output did not take
  // it.
  void add(json const& line);

 private:
  std::string path_;
  int fd_;
  bool to_standard_output_;
  bool torn_ = false;  // the last line was written in part
};

// Appends a line to a file that a kill or a full disk may have left in the middle of one. Throws an
// environment_error.
void append_line(std::string const& path, json const& line);

// The claim of a finding without the tag that it may begin with.
std::string claim_of(json const& finding);

std::string read_file(std::string const& path);

// `a | b | c` of a table that is kept as text; the last of `most` columns takes the rest of the
// line.
std::vector<std::string> columns_of(std::string const& line, std::size_t most);

}  // namespace retake::campaign
