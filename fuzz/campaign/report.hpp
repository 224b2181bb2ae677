// report.hpp: one HTML page from the JSON lines of one or more runs.
#pragma once

#include <string>
#include <vector>

#include "catalogue.hpp"

namespace retake::campaign {

// Reads every *.jsonl in the folders and writes report.html into the first. Findings get the timeline of their replay.
void write_report(catalogue const& programs, std::vector<std::string> const& folders);

}  // namespace retake::campaign
