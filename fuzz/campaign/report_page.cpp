#include "report_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace retake::campaign {

namespace {

constexpr char const* style = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d5dae0; --paper: #ffffff; --shade: #f5f7f9; --bar: #3b76c4; --good: #1a7f4b; --bad: #c0352b; --t0: #3b76c4; --t1: #c2641c; --t2: #7a4fc0; --t3: #1a7f7f; --t4: #a8327a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --soft: #9aa5b1; --line: #353c45; --paper: #15191e; --shade: #1d2228; --bar: #5b95e0; --good: #4cc38a; --bad: #f0685e; --t0: #5b95e0; --t1: #e08b4c; --t2: #a98be8; --t3: #4cb8b8; --t4: #de74b4; } }
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
.plot { position: relative; margin: 0.6rem 0 1rem; }
.none { border: 1px dashed var(--line); border-radius: 6px; padding: 0.6rem 0.9rem; }
.finding { border: 1px solid var(--line); border-left: 4px solid var(--bad); border-radius: 8px; padding: 0.9rem 1.1rem; margin: 1rem 0; }
.finding.known { border-left-color: var(--soft); }
.finding h3 { margin: 0; font-size: 1.05rem; overflow-wrap: anywhere; }
.finding h3 em { font: 600 0.75rem system-ui, sans-serif; color: var(--paper); background: var(--bad); border-radius: 4px; padding: 0.1rem 0.45rem; margin-left: 0.6rem; }
.finding.known h3 em { background: var(--soft); }
.finding dl { display: flex; flex-wrap: wrap; gap: 0.2rem 1.6rem; margin: 0.5rem 0; font-size: 0.9rem; }
.finding dl div { display: flex; gap: 0.4rem; }
.finding dt { color: var(--soft); white-space: nowrap; } .finding dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--shade); border: 1px solid var(--line); border-radius: 6px; padding: 0.7rem 0.9rem; overflow: auto; max-height: 34rem; font: 12.5px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; margin: 0.5rem 0; }
pre.command { overflow-wrap: anywhere; white-space: pre-wrap; }
details { margin: 0.6rem 0; } summary { cursor: pointer; color: var(--soft); }
table.timeline { font-size: 0.82rem; width: auto; } table.timeline td, table.timeline th { padding: 0 0.9rem 0 0; border: 0; height: 30px; }
table.timeline code { font: 12px ui-monospace, "DejaVu Sans Mono", monospace; } table.timeline .last td { color: var(--bad); font-weight: 600; }
.heads { white-space: nowrap; font-size: 0; } .heads span { display: inline-block; text-align: center; font-size: 0.75rem; }
svg.lanes { display: block; } .lane { stroke: var(--line); stroke-width: 1; } .turn { stroke: var(--soft); stroke-width: 2; fill: none; }
circle.end { stroke: var(--bad); stroke-width: 3; }
circle.t0 { fill: var(--t0); } circle.t1 { fill: var(--t1); } circle.t2 { fill: var(--t2); } circle.t3 { fill: var(--t3); } circle.t4 { fill: var(--t4); }
@media (max-width: 600px) { body { padding: 1.2rem 0.9rem 3rem; } .figures div { flex: 1 1 40%; min-width: 0; } }
)";

constexpr char const* chart_library = "/usr/share/javascript/chart.js/chart.min.js";

// Colours are named in the specifications and looked up when a plot is drawn: again when the reader goes from light to dark.
constexpr char const* drawing = R"(
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const short = n => n >= 1e9 ? n / 1e9 + ' G' : n >= 1e6 ? n / 1e6 + ' M' : n >= 1e3 ? n / 1e3 + ' k' : n;
let charts = [];
function draw() {
  charts.forEach(c => c.destroy());
  Chart.defaults.color = colour('--soft');
  Chart.defaults.borderColor = colour('--line');
  charts = [...document.querySelectorAll('canvas')].map(canvas => {
    const spec = JSON.parse(canvas.parentNode.nextElementSibling.textContent);
    for (const d of spec.data.datasets) for (const [k, v] of Object.entries(d.paint)) d[k] = Array.isArray(v) ? v.map(colour) : colour(v);
    for (const axis of Object.values(spec.options.scales)) if (axis.type !== 'category') axis.ticks = { callback: short, maxTicksLimit: 6, maxRotation: 0 };
    return new Chart(canvas, spec);
  });
}
draw();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
)";

// JSON as the text of a script element. There "</script>" ends the element and "<!--<script>" keeps its end from being seen, so that no character of markup stands in it; nor does
// one that is not ASCII. Bytes that are no UTF-8 become U+FFFD.
std::string as_script_data(json const& value) {
  std::string out;
  for (char const c : value.dump(-1, ' ', true, json::error_handler_t::replace)) {
    if (c == '<' || c == '>' || c == '&') out += fmt::format("\\u{:04x}", c);  // these three stand in strings alone
    else out += c;
  }
  return out;
}

bool numeric(std::string const& cell) { return !cell.empty() && (std::isdigit(static_cast<unsigned char>(cell[cell.size() > 1 && (cell[0] == '+' || cell[0] == '-') ? 1 : 0])) != 0 || cell == "-"); }

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

void report_page::plot(std::string const& what, int height_px, json const& spec) {
  plots_ = true;
  body_ += fmt::format("<div class=\"plot\" style=\"height:{}px\"><canvas role=\"img\" aria-label=\"{}\"></canvas></div><script type=\"application/json\">{}</script>\n", height_px,
                       escaped(what), as_script_data(spec));
}

void report_page::bars(std::string const& what, std::vector<bar> const& all) {
  if (all.empty()) return;
  double most = 0, least = 1e300;
  json names = json::array(), values = json::array(), colours = json::array();
  for (bar const& b : all) {
    most = std::max(most, b.value);
    if (b.value > 0) least = std::min(least, b.value);
    names.push_back(b.name);
    values.push_back(b.value);
    colours.push_back(b.bad ? "--bad" : "--bar");
  }
  json const scale{{"type", most > 100 * least ? "logarithmic" : "linear"}, {"title", {{"display", true}, {"text", what}}}};
  json const data{{"label", what}, {"data", values}, {"paint", {{"backgroundColor", colours}}}};
  json const options{{"indexAxis", "y"}, {"animation", false}, {"maintainAspectRatio", false}, {"plugins", {{"legend", {{"display", false}}}}},
                     {"scales", {{"x", scale}, {"y", {{"type", "category"}, {"ticks", {{"autoSkip", false}}}, {"grid", {{"display", false}}}}}}}};
  plot(what, 70 + 22 * static_cast<int>(all.size()), {{"type", "bar"}, {"data", {{"labels", names}, {"datasets", json::array({data})}}}, {"options", options}});
}

void report_page::lines(std::string const& x, std::string const& y, std::vector<line> const& all) {
  json sets = json::array();
  for (std::size_t i = 0; i < all.size(); ++i) {
    json points = json::array();
    for (auto const& [at, value] : all[i].points) points.push_back({{"x", at}, {"y", value}});
    std::string const colour = all[i].dashed ? "--soft" : fmt::format("--t{}", i % 5);
    sets.push_back({{"label", all[i].name}, {"data", points}, {"borderWidth", 2}, {"pointRadius", points.size() == 1 ? 3 : 0}, {"borderDash", all[i].dashed ? json{6, 4} : json::array()},
                    {"paint", {{"borderColor", colour}, {"backgroundColor", colour}}}});
  }
  auto const axis = [](std::string const& title) { return json{{"type", "linear"}, {"beginAtZero", true}, {"title", {{"display", true}, {"text", title}}}}; };
  json const options{{"animation", false}, {"maintainAspectRatio", false}, {"interaction", {{"mode", "nearest"}, {"axis", "x"}, {"intersect", false}}},
                     {"plugins", {{"legend", {{"labels", {{"boxWidth", 28}, {"boxHeight", 1}}}}}}},
                     {"scales", {{"x", axis(x)}, {"y", axis(y)}}}};
  plot(y, 280, {{"type", "line"}, {"data", {{"datasets", sets}}}, {"options", options}});
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

void report_page::finding(std::string const& tag, std::string const& mark, std::string const& claim, std::vector<std::pair<std::string, std::string>> const& facts,
                          std::string const& command, std::string const& picture, std::string const& timeline) {
  body_ += fmt::format("<div class=\"finding{}\"><h3>{}{}</h3><p>{}</p><dl>", mark == "known" ? " known" : "", escaped(tag),
                       mark.empty() ? "" : "<em>" + escaped(mark) + "</em>", escaped(claim));
  for (auto const& [name, value] : facts) body_ += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", escaped(name), escaped(value));
  body_ += "</dl>";
  if (!command.empty()) body_ += fmt::format("<pre class=\"command\">{}</pre>", escaped(command));
  body_ += picture;
  if (!timeline.empty()) body_ += fmt::format("<details><summary>all of it, as the command prints it</summary><pre>{}</pre></details>", escaped(timeline));
  body_ += "</div>\n";
}

void report_page::open_fold(std::string const& summary) { body_ += fmt::format("<details><summary>{}</summary>\n", escaped(summary)); }
void report_page::close_fold() { body_ += "</details>\n"; }

std::string report_page::html() const {
  std::string plots;
  if (plots_) {
    std::string library = read_file(chart_library);
    // The page names no other place; the notice keeps its words.
    for (std::string const place : {" * https://www.chartjs.org\n", " * https://github.com/kurkle/color#readme\n"}) {
      if (std::size_t const at = library.find(place); at != std::string::npos) library.erase(at, place.size());
    }
    plots = library.empty() ? "<style>.plot { display: none; }</style><p class=\"none\">The plots need libjs-chart.js, which was not installed when this was written; the tables hold the same figures.</p>"
                            : "<script>" + library + "</script><script>" + drawing + "</script>";
  }
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
         "<link rel=\"icon\" href=\"data:,\"><title>retake: report</title><style>" +
         std::string(style) + "</style></head><body>\n" + body_ + plots + "</body></html>\n";
}

}  // namespace retake::campaign
