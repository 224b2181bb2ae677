// twins_lines.cpp: what a bug program has printed as JSON lines, read again to be judged once more
#include <fmt/format.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "twins.hpp"

namespace retake::stress {

namespace {

using nlohmann::json;

record record_of(json const& line) {
  record run;
  run.variant = line.at("variant").get<std::string>();
  run.seconds = line.at("seconds").get<double>();
  run.turn = line.value("turn", 1u);
  run.lacking = line.value("lacking", "");
  run.disturbed = line.value("disturbed", "");
  for (char const* const part : {"symptom", "baseline"}) {
    for (auto const& [name, figure] : line.at(part).items()) {
      json const& value = figure.at("value");  // infinite, or no number: null
      run.put(name, value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>(),
              figure.at("unit").get<std::string>(), figure.value("given", false));
    }
  }
  for (json const& note : line.at("notes"))
    run.notes.emplace_back(note.at("name").get<std::string>(), note.at("text").get<std::string>());
  return run;
}

}  // namespace

std::vector<record> read_records(bug const& what, std::string const& path) {
  std::ifstream file(path);
  if (!file) throw std::invalid_argument(fmt::format("\"{}\" cannot be read", path));
  std::vector<record> runs;
  std::size_t number = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    try {
      const json line = json::parse(text);
      if (line.at("kind") != "bug" || line.at("bug") != what.number)
        throw std::invalid_argument(fmt::format("{}:{}: not a line of bug {}", path, number, what.number));
      if (line.at("variant") != "both") runs.push_back(record_of(line));
    } catch (json::exception const&) {
      throw std::invalid_argument(fmt::format("{}:{}: not a line that --json prints", path, number));
    }
  }
  if (runs.empty()) throw std::invalid_argument(fmt::format("{}: no variant's figures are in it", path));
  return runs;
}

}  // namespace retake::stress
