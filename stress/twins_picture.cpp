// twins_picture.cpp: figures over time in a terminal: every run on the same scale of values and the
// same clock
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "twins.hpp"

namespace retake::stress {

namespace {

constexpr std::size_t rows = 3;
constexpr std::size_t margin = 26;    // the run's name and the scale
constexpr std::size_t shift_max = 4;  // of a name whose place is taken
constexpr std::size_t steps_of_blocks = 8, steps_of_ascii = 3;
constexpr char const* blocks_of[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr char const* ascii_of[] = {" ", ".", ":", "#"};

struct scale {
  double value_max = 0, seconds_max = 0;
};

double begins_at(record const& run) { return run.phases.empty() ? 0 : run.phases.front().at_s; }

series const* find(record const& run, std::string_view name) {
  const auto at = std::find_if(run.lines.begin(), run.lines.end(), [&](series const& one) { return one.name == name; });
  return at == run.lines.end() || at->points.empty() ? nullptr : &*at;
}

// The greatest value of each column; a state lasts until the next is known. Below 0: nothing.
std::vector<double> columns_of(record const& run, series const& line, scale const& s, std::size_t width) {
  std::vector<double> highest(width, -1);
  const auto column = [&](double at_s) {
    return static_cast<std::size_t>(std::clamp((at_s - begins_at(run)) / s.seconds_max * static_cast<double>(width),
                                               0.0, static_cast<double>(width - 1)));
  };
  std::size_t from = 0, last = 0;
  double state = -1;
  for (series::point const& one : line.points) {
    last = column(one.at_s);
    if (line.lasts) {
      for (; from < last; ++from) highest[from] = std::max(highest[from], state);
    }
    highest[last] = std::max(highest[last], one.value);
    state = one.value;
  }
  return highest;
}

// Where each phase begins, as far as there is room for its name.
std::string phases_of(record const& run, scale const& s, std::size_t width) {
  std::string text(width, ' ');
  std::size_t free_from = 0;
  for (record::mark const& phase : run.phases) {
    const auto at = static_cast<std::size_t>(
        std::max(0.0, (phase.at_s - begins_at(run)) / s.seconds_max * static_cast<double>(width)));
    const std::string name = "'" + phase.name;
    const std::size_t from = std::max(at, free_from);
    if (from > at + shift_max || from + name.size() > width) continue;
    text.replace(from, name.size(), name);
    free_from = from + name.size() + 1;
  }
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

std::string short_number(double value) {
  return value >= 100 || value == std::floor(value) ? fmt::format("{:.0f}", value) : fmt::format("{:.1f}", value);
}

std::string colour_of(record const& run, bool colours) {
  return !colours ? "" : run.variant == "buggy" ? "\x1b[31m" : run.variant == "fixed" ? "\x1b[32m" : "\x1b[36m";
}

}  // namespace

std::string picture(std::vector<record> const& runs, std::string_view name, std::size_t columns, bool colours,
                    bool blocks) {
  scale s;
  std::string unit;
  for (record const& run : runs) {
    s.seconds_max = std::max(s.seconds_max, run.seconds - begins_at(run));
    if (series const* const line = find(run, name)) {
      unit = line->unit;
      for (series::point const& one : line->points) s.value_max = std::max(s.value_max, one.value);
    }
  }
  if (unit.empty() || s.seconds_max <= 0) return "";
  const std::size_t width = std::clamp<std::size_t>(columns, margin + 20, margin + 100) - margin;
  const std::size_t steps = blocks ? steps_of_blocks : steps_of_ascii;
  std::string text = name == unit ? fmt::format("  {} over {:.1f} s\n", name, s.seconds_max)
                                  : fmt::format("  {} in {} over {:.1f} s\n", name, unit, s.seconds_max);
  for (record const& run : runs) {
    series const* const line = find(run, name);
    if (line == nullptr) continue;
    const std::vector<double> highest = columns_of(run, *line, s, width);
    for (std::size_t row = rows; row-- > 0;) {
      const std::string label = row == rows - 1 ? short_number(s.value_max) : row == 0 ? "0" : "";
      std::string cells;
      for (double const value : highest) {
        const double level = value <= 0 || s.value_max <= 0
                                 ? 0
                                 : std::max(1.0, std::round(value / s.value_max * static_cast<double>(rows * steps)));
        const auto here = static_cast<std::size_t>(
            std::clamp(level - static_cast<double>(row * steps), 0.0, static_cast<double>(steps)));
        cells += blocks ? blocks_of[here] : ascii_of[here];
      }
      cells.erase(cells.find_last_not_of(' ') + 1);
      text += fmt::format("    {:<12} {:>7} |{}{}{}\n", row == rows - 1 ? run.variant : "", label,
                          colour_of(run, colours), cells, colours ? "\x1b[0m" : "");
    }
    if (const std::string phases = phases_of(run, s, width); !phases.empty())
      text += fmt::format("    {:<12} {:>7}  {}\n", "", "", phases);
  }
  return text;
}

}  // namespace retake::stress
