// record.hpp: the JSON lines of a campaign: on disk when they come, on standard output when asked for.
//
// Problem.   A campaign may be killed at any moment, and what it had found by then must be there afterwards.
// Recipe.    Every line is appended to <out>/<name>.jsonl by one write and reaches the disk before it is shown. Replays are written by
//            the programs that find them, to a temporary name and renamed.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace retake::campaign {

using json = nlohmann::ordered_json;

class record {
 public:
  // Truncates the file of an earlier run. Throws std::runtime_error when the folder cannot be written.
  record(std::string const& folder, std::string const& name, bool to_standard_output);
  ~record();
  record(record const&) = delete;
  record& operator=(record const&) = delete;

  void add(json const& line);

 private:
  int fd_;
  bool to_standard_output_;
};

// The lines of a child that are JSON objects with a "kind".
std::vector<json> json_lines(std::vector<std::string> const& lines);

// The claim of a finding without the tag that it may begin with.
std::string claim_of(json const& finding);

// Writes a whole file or nothing: temporary name, then rename.
void write_file(std::string const& path, std::string const& text);
std::string read_file(std::string const& path);

}  // namespace retake::campaign
