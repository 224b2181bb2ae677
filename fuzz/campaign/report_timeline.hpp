// report_timeline.hpp: the last steps of a replay as a picture: a lane per thread, a dot per step,
// and the source line it stands on.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace retake::campaign {

class source_lines {
 public:
  explicit source_lines(std::string const& root);

  // Of `run_queue.hpp`, 96: the line, trimmed; empty when there is none, or more than one file of
  // that name.
  std::string at(std::string const& file, unsigned line);

 private:
  std::map<std::string, std::string> paths_;  // by file name
  std::map<std::string, std::vector<std::string>> texts_;
};

// Of what `retake-sim replay` prints. Plain reads and writes, which nobody can interleave with, are
// left out. Empty when it is no such timeline.
std::string timeline_picture(std::vector<std::string> const& lines, source_lines& sources);

}  // namespace retake::campaign
