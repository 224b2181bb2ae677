#include "report_timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>

#include "report_page.hpp"

namespace retake::campaign {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t steps_shown = 32;
constexpr int lane_px = 26, row_px = 30, colours = 5;

struct step {
  std::string number, what, site, source;
  std::size_t lane = 0;
};

std::vector<std::size_t> columns_of(std::string const& header) {
  std::vector<std::size_t> columns;
  for (std::size_t at = header.find(" M"); at != std::string::npos; at = header.find(" M", at + 1))
    columns.push_back(at + 1);
  return columns;
}

// A dot in its lane; the lines of all lanes; where the thread changes, a line from the one before.
std::string lanes(std::size_t count, std::size_t lane, std::size_t lane_before, bool first, bool last) {
  auto const x = [](std::size_t i) { return static_cast<int>(i) * lane_px + lane_px / 2; };
  std::string svg = fmt::format("<svg class=\"lanes\" width=\"{}\" height=\"{}\" aria-hidden=\"true\">",
                                static_cast<int>(count) * lane_px, row_px);
  for (std::size_t i = 0; i < count; ++i)
    svg += fmt::format("<line class=\"lane\" x1=\"{0}\" y1=\"0\" x2=\"{0}\" y2=\"{1}\"/>", x(i), row_px);
  if (!first && lane_before != lane)
    svg += fmt::format("<path class=\"turn\" d=\"M{} 0 L{} {}\"/>", x(lane_before), x(lane), row_px / 2);
  if (!first && lane_before == lane) svg += fmt::format("<path class=\"turn\" d=\"M{} 0 V{}\"/>", x(lane), row_px / 2);
  if (!last) svg += fmt::format("<path class=\"turn\" d=\"M{} {} V{}\"/>", x(lane), row_px / 2, row_px);
  return svg + fmt::format("<circle class=\"t{}{}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/></svg>", lane % colours,
                           last ? " end" : "", x(lane), row_px / 2, last ? 8 : 6);
}

std::vector<step> steps_of(std::vector<std::string> const& lines, std::vector<std::size_t>& columns,
                           source_lines& sources) {
  static std::regex const form(R"(^\s*(\d+)  (\s*)(\S.*?)(?:\s{2,}([a-z_0-9]+\.[ch]pp):(\d+) (\S+))?\s*$)");
  std::vector<step> steps;
  for (std::string const& line : lines) {
    if (columns.empty() && line.starts_with("  step ")) columns = columns_of(line);
    std::smatch m;
    if (columns.empty() || !std::regex_match(line, m, form) || m[3].str().starts_with("plain_")) continue;
    step s{.number = m[1], .what = m[3], .site = "", .source = "", .lane = 0};
    auto const place = static_cast<std::size_t>(m.position(3));
    while (s.lane + 1 < columns.size() && columns[s.lane + 1] <= place) ++s.lane;
    if (m[4].matched) {
      s.site = fmt::format("{}:{}", m[4].str(), m[5].str());
      s.source = sources.at(m[4], static_cast<unsigned>(std::stoul(m[5])));
      if (s.source.empty()) s.source = m[6];
    }
    steps.push_back(std::move(s));
  }
  if (steps.size() > steps_shown) steps.erase(steps.begin(), steps.end() - steps_shown);
  return steps;
}

}  // namespace

source_lines::source_lines(std::string const& root) {
  for (char const* folder : {"/runtime", "/models/scenarios", "/models/sim", "/properties"}) {
    if (!fs::is_directory(root + folder)) continue;
    for (auto const& entry : fs::recursive_directory_iterator(root + folder)) {
      std::string const extension = entry.path().extension().string();
      if (extension != ".hpp" && extension != ".cpp") continue;
      auto const [at, fresh] = paths_.emplace(entry.path().filename().string(), entry.path().string());
      if (!fresh) at->second.clear();
    }
  }
}

std::string source_lines::at(std::string const& file, unsigned line) {
  auto const path = paths_.find(file);
  if (path == paths_.end() || path->second.empty()) return "";
  std::vector<std::string>& text = texts_[file];
  if (text.empty()) {
    std::ifstream in(path->second);
    for (std::string one; std::getline(in, one);) text.push_back(one);
  }
  if (line == 0 || line > text.size()) return "";
  std::string const& whole = text[line - 1];
  std::size_t const begin = whole.find_first_not_of(' ');
  return begin == std::string::npos ? "" : whole.substr(begin);
}

std::string timeline_picture(std::vector<std::string> const& lines, source_lines& sources) {
  std::vector<std::size_t> columns;
  std::vector<step> const steps = steps_of(lines, columns, sources);
  if (steps.empty()) return "";
  std::string html = "<div class=\"wide\"><table class=\"timeline\"><tr><th>step</th><th class=\"heads\">";
  for (std::size_t i = 0; i < columns.size(); ++i)
    html += fmt::format("<span style=\"width:{}px\">M{}</span>", lane_px, i);
  html += "</th><th>operation</th><th>where</th><th>source</th></tr>\n";
  for (std::size_t i = 0; i < steps.size(); ++i) {
    step const& s = steps[i];
    bool const last = i + 1 == steps.size();
    html += fmt::format("<tr{}><td class=\"n\">{}</td><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>\n",
                        last ? " class=\"last\"" : "", s.number,
                        lanes(columns.size(), s.lane, i == 0 ? s.lane : steps[i - 1].lane, i == 0, last),
                        escaped(s.what), escaped(s.site), escaped(s.source));
  }
  return html + "</table></div>\n";
}

}  // namespace retake::campaign
