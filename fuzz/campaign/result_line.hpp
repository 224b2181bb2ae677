// result_line.hpp: reads one JSON line of a child or of a record, and vouches for the types of what
// the campaign uses of it.
//
// Problem.   `{"kind":5}` is JSON. Whoever reads a field as what it should be gets an exception for
//            it, far from the child that wrote it, and the campaign ends.
// Recipe.    Each field that is used anywhere has its type in one table. A line in which one has
//            another type is no result, and its child is at fault. A null is taken away, as if the
//            field were not there, but for `finding` and `replay`, whose readers ask. Fields that
//            are not in the table may be anything, but not deeply nested.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace retake::campaign {

using json = nlohmann::ordered_json;

// Nothing: a text that is no JSON object (`wrong` stays empty), or an object that is no result
// (`wrong` says why).
std::optional<json> result_line(std::string const& text, std::string& wrong);

// The results among the lines of a child. `foreign`, if given, becomes the first line that looks
// like a result and is none, with the reason.
std::vector<json> json_lines(std::vector<std::string> const& lines, std::string* foreign = nullptr);

// Of the hammers: rounds.
inline std::uint64_t executions_of(json const& line) {
  return line.value("executions", line.value("rounds", std::uint64_t{0}));
}

// As one line, whatever bytes its strings hold: those that are not UTF-8 are replaced.
std::string text_of(json const& value, int indent = -1);

}  // namespace retake::campaign
