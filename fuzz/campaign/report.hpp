// report.hpp: one HTML page from the JSON lines of one or more runs.
#pragma once

#include <string>
#include <vector>

#include "catalogue.hpp"

namespace retake::campaign {

// Reads every *.jsonl in the folders and writes report.html into the first. Findings get the
// timeline of their replay. Ends with 0 when the page is whole, whatever it says of findings; 2: no
// run is on record; 3: a shard is missing; 4: the runs on record ran nothing; 130.
int report(catalogue const& programs, std::vector<std::string> const& folders);

// The page of a run that ends: one shard of it is what there is.
void write_report(catalogue const& programs, std::vector<std::string> const& folders);

}  // namespace retake::campaign
