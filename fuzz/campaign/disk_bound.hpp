// disk_bound.hpp: a nightly's folder stays below its limit: logs go first, the oldest before the
// others, findings never.
//
// Order      logs of earlier nights, outputs of children at fault, what libFuzzer left behind
//            besides inputs; then minimised corpora, which a merge makes again; then the traces on
//            record, which count as new again; then inputs that were not merged yet. Within each
//            the oldest goes first. What is left is state, corpus, findings and tonight's log. If
//            that is still too much, the log and the corpus grow no more, and the night says so.
#pragma once

#include <cstdint>
#include <string>

namespace retake::campaign {

std::uint64_t bytes_in(std::string const& folder);

// Removes until `folder` is below the limit. False: nothing may be removed any more, and it is
// still above.
bool keep_below(std::string const& folder, std::uint64_t bytes_max, std::string const& log_of_tonight);

}  // namespace retake::campaign
