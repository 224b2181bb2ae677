#include "report_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

namespace retake::campaign {

namespace {

constexpr char const* style = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d5dae0; --paper: #ffffff; --shade: #f5f7f9; --bar: #3b76c4; --good: #1a7f4b; --bad: #c0352b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --soft: #9aa5b1; --line: #353c45; --paper: #15191e; --shade: #1d2228; --bar: #5b95e0; --good: #4cc38a; --bad: #f0685e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 2.2rem 1.4rem 4rem; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; margin: 0; letter-spacing: -0.01em; }
h1 .mark { display: inline-block; width: 0.75em; height: 0.75em; border-radius: 50%; margin-right: 0.5em; background: var(--good); }
h1.bad .mark { background: var(--bad); }
h2 { font-size: 1.15rem; margin: 2.4rem 0 0.2rem; padding-top: 0.9rem; border-top: 1px solid var(--line); }
p { margin: 0.2rem 0 0.8rem; color: var(--soft); max-width: 52rem; }
.figures { display: flex; flex-wrap: wrap; gap: 0.7rem; margin: 1.2rem 0; }
.figures div { background: var(--shade); border: 1px solid var(--line); border-radius: 8px; padding: 0.6rem 1rem; min-width: 8.5rem; }
.figures b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.figures span { color: var(--soft); font-size: 0.85rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
th { text-align: left; font-weight: 600; color: var(--soft); }
th, td { padding: 0.32rem 0.7rem 0.32rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.n, th.n { text-align: right; }
svg { width: 100%; height: auto; display: block; margin: 0.6rem 0 1rem; }
svg text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: var(--ink); }
svg .value { fill: var(--soft); }
svg rect { fill: var(--bar); }
svg rect.bad { fill: var(--bad); }
.finding { border: 1px solid var(--line); border-left: 4px solid var(--bad); border-radius: 8px; padding: 0.9rem 1.1rem; margin: 1rem 0; }
.finding h3 { margin: 0; font-size: 1.05rem; }
.finding dl { display: flex; flex-wrap: wrap; gap: 0.2rem 1.6rem; margin: 0.5rem 0; font-size: 0.9rem; }
.finding dl div { display: flex; gap: 0.4rem; }
.finding dt { color: var(--soft); } .finding dd { margin: 0; }
pre { background: var(--shade); border: 1px solid var(--line); border-radius: 6px; padding: 0.7rem 0.9rem; overflow: auto; max-height: 34rem; font: 12.5px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; margin: 0.5rem 0; }
)";

bool numeric(std::string const& cell) { return !cell.empty() && (std::isdigit(static_cast<unsigned char>(cell[0])) != 0 || cell == "-"); }

}  // namespace

std::string escaped(std::string const& text) {
  std::string out;
  for (char const c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

void report_page::headline(bool good, std::string const& verdict, std::string const& below) {
  body_ += fmt::format("<h1{}><span class=\"mark\"></span>{}</h1><p>{}</p>\n", good ? "" : " class=\"bad\"", escaped(verdict), escaped(below));
}

void report_page::section(std::string const& title, std::string const& explanation) {
  body_ += fmt::format("<h2>{}</h2>\n", escaped(title));
  if (!explanation.empty()) text(explanation);
}

void report_page::text(std::string const& paragraph) { body_ += fmt::format("<p>{}</p>\n", escaped(paragraph)); }

void report_page::figures(std::vector<std::pair<std::string, std::string>> const& name_and_value) {
  body_ += "<div class=\"figures\">";
  for (auto const& [name, value] : name_and_value) body_ += fmt::format("<div><b>{}</b><span>{}</span></div>", escaped(value), escaped(name));
  body_ += "</div>\n";
}

void report_page::bars(std::vector<bar> const& all) {
  if (all.empty()) return;
  constexpr double row = 24, name_width = 330, bar_width = 380, width = 900;
  double most = 0, least = 1e300;
  for (bar const& b : all) {
    most = std::max(most, b.value);
    if (b.value > 0) least = std::min(least, b.value);
  }
  bool const logarithmic = most > 100 * least;
  double const floor = logarithmic ? std::log10(least) - 0.5 : 0;
  double const top = logarithmic ? std::log10(most) : most;
  body_ += fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\">", width, row * static_cast<double>(all.size()) + 4);
  double y = 2;
  for (bar const& b : all) {
    double const part = b.value <= 0 || top <= floor ? 0 : ((logarithmic ? std::log10(b.value) : b.value) - floor) / (top - floor);
    double const w = b.value <= 0 ? 0 : std::max(2.0, part * bar_width);
    body_ += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", name_width - 10, y + 16, escaped(b.name));
    body_ += fmt::format("<rect{} x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" rx=\"2\"/>", b.bad ? " class=\"bad\"" : "", name_width, y + 4, w, row - 9);
    body_ += fmt::format("<text class=\"value\" x=\"{:.1f}\" y=\"{}\">{}</text>", name_width + w + 8, y + 16, escaped(b.shown));
    y += row;
  }
  body_ += "</svg>\n";
  if (logarithmic) text("Bars are on a logarithmic scale.");
}

void report_page::table(std::vector<std::string> const& head, std::vector<std::vector<std::string>> const& rows) {
  body_ += "<div class=\"wide\"><table><tr>";
  for (std::size_t i = 0; i < head.size(); ++i) {
    bool const right = !rows.empty() && i < rows[0].size() && numeric(rows[0][i]);
    body_ += fmt::format("<th{}>{}</th>", right ? " class=\"n\"" : "", escaped(head[i]));
  }
  body_ += "</tr>\n";
  for (auto const& cells : rows) {
    body_ += "<tr>";
    for (std::string const& cell : cells) body_ += fmt::format("<td{}>{}</td>", numeric(cell) ? " class=\"n\"" : "", escaped(cell));
    body_ += "</tr>\n";
  }
  body_ += "</table></div>\n";
}

void report_page::finding(std::string const& tag, std::string const& claim, std::vector<std::pair<std::string, std::string>> const& facts,
                          std::string const& command, std::string const& timeline) {
  body_ += fmt::format("<div class=\"finding\"><h3>{}</h3><p>{}</p><dl>", escaped(tag), escaped(claim));
  for (auto const& [name, value] : facts) body_ += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", escaped(name), escaped(value));
  body_ += "</dl>";
  if (!command.empty()) body_ += fmt::format("<pre>{}</pre>", escaped(command));
  if (!timeline.empty()) body_ += fmt::format("<pre>{}</pre>", escaped(timeline));
  body_ += "</div>\n";
}

std::string report_page::html() const {
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
         "<title>retake: report</title><style>" +
         std::string(style) + "</style></head><body>\n" + body_ + "</body></html>\n";
}

}  // namespace retake::campaign
