#include "report_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "page_files.hpp"

namespace retake::campaign {

namespace {

constexpr char const* chart_library = "/usr/share/javascript/chart.js/chart.min.js";

// JSON as the text of a script element. There "</script>" ends the element and "<!--<script>" keeps
// its end from being seen, so that no character of markup stands in it; nor does one that is not
// ASCII. Bytes that are no UTF-8 become U+FFFD.
std::string as_script_data(json const& value) {
  std::string out;
  for (char const c : value.dump(-1, ' ', true, json::error_handler_t::replace)) {
    if (c == '<' || c == '>' || c == '&')
      out += fmt::format("\\u{:04x}", c);  // these three stand in strings alone
    else
      out += c;
  }
  return out;
}

bool numeric(std::string const& cell) {
  return !cell.empty() && (std::isdigit(static_cast<unsigned char>(
                               cell[cell.size() > 1 && (cell[0] == '+' || cell[0] == '-') ? 1 : 0])) != 0 ||
                           cell == "-");
}

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
  body_ += fmt::format("<h1{}><span class=\"mark\"></span>{}</h1><p>{}</p>\n", good ? "" : " class=\"bad\"",
                       escaped(verdict), escaped(below));
}

void report_page::section(std::string const& title, std::string const& explanation) {
  body_ += fmt::format("<h2>{}</h2>\n", escaped(title));
  if (!explanation.empty()) text(explanation);
}

void report_page::text(std::string const& paragraph) { body_ += fmt::format("<p>{}</p>\n", escaped(paragraph)); }

void report_page::figures(std::vector<std::pair<std::string, std::string>> const& name_and_value) {
  body_ += "<div class=\"figures\">";
  for (auto const& [name, value] : name_and_value)
    body_ += fmt::format("<div><b>{}</b><span>{}</span></div>", escaped(value), escaped(name));
  body_ += "</div>\n";
}

void report_page::plot(std::string const& what, int height_px, json const& spec) {
  plots_ = true;
  body_ += fmt::format(
      "<div class=\"plot\" style=\"height:{}px\"><canvas role=\"img\" aria-label=\"{}\"></canvas></div><script "
      "type=\"application/json\">{}</script>\n",
      height_px, escaped(what), as_script_data(spec));
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
  json const scale{{"type", most > 100 * least ? "logarithmic" : "linear"},
                   {"title", {{"display", true}, {"text", what}}}};
  json const data{{"label", what}, {"data", values}, {"paint", {{"backgroundColor", colours}}}};
  json const options{{"indexAxis", "y"},
                     {"animation", false},
                     {"maintainAspectRatio", false},
                     {"plugins", {{"legend", {{"display", false}}}}},
                     {"scales",
                      {{"x", scale},
                       {"y",
                        {{"type", "category"}, {"ticks", {{"autoSkip", false}}}, {"grid", {{"display", false}}}}}}}};
  plot(what, 70 + 22 * static_cast<int>(all.size()),
       {{"type", "bar"}, {"data", {{"labels", names}, {"datasets", json::array({data})}}}, {"options", options}});
}

void report_page::lines(std::string const& x, std::string const& y, std::vector<line> const& all) {
  json sets = json::array();
  for (std::size_t i = 0; i < all.size(); ++i) {
    json points = json::array();
    for (auto const& [at, value] : all[i].points) points.push_back({{"x", at}, {"y", value}});
    std::string const colour = all[i].dashed ? "--soft" : fmt::format("--t{}", i % 5);
    sets.push_back({{"label", all[i].name},
                    {"data", points},
                    {"borderWidth", 2},
                    {"pointRadius", points.size() == 1 ? 3 : 0},
                    {"borderDash", all[i].dashed ? json{6, 4} : json::array()},
                    {"paint", {{"borderColor", colour}, {"backgroundColor", colour}}}});
  }
  auto const axis = [](std::string const& title) {
    return json{{"type", "linear"}, {"beginAtZero", true}, {"title", {{"display", true}, {"text", title}}}};
  };
  json const options{{"animation", false},
                     {"maintainAspectRatio", false},
                     {"interaction", {{"mode", "nearest"}, {"axis", "x"}, {"intersect", false}}},
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
    for (std::string const& cell : cells)
      body_ += fmt::format("<td{}>{}</td>", numeric(cell) ? " class=\"n\"" : "", escaped(cell));
    body_ += "</tr>\n";
  }
  body_ += "</table></div>\n";
}

void report_page::finding(std::string const& tag, std::string const& mark, std::string const& claim,
                          std::vector<std::pair<std::string, std::string>> const& facts, std::string const& command,
                          std::string const& picture, std::string const& timeline) {
  body_ += fmt::format("<div class=\"finding{}\"><h3>{}{}</h3><p>{}</p><dl>", mark == "known" ? " known" : "",
                       escaped(tag), mark.empty() ? "" : "<em>" + escaped(mark) + "</em>", escaped(claim));
  for (auto const& [name, value] : facts)
    body_ += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", escaped(name), escaped(value));
  body_ += "</dl>";
  if (!command.empty()) body_ += fmt::format("<pre class=\"command\">{}</pre>", escaped(command));
  body_ += picture;
  if (!timeline.empty())
    body_ += fmt::format("<details><summary>all of it, as the command prints it</summary><pre>{}</pre></details>",
                         escaped(timeline));
  body_ += "</div>\n";
}

void report_page::open_fold(std::string const& summary) {
  body_ += fmt::format("<details><summary>{}</summary>\n", escaped(summary));
}
void report_page::close_fold() { body_ += "</details>\n"; }

std::string report_page::html() const {
  std::string plots;
  if (plots_) {
    std::string library = read_file(chart_library);
    // The page names no other place; the notice keeps its words.
    for (std::string const place : {" * https://www.chartjs.org\n", " * https://github.com/kurkle/color#readme\n"}) {
      if (std::size_t const at = library.find(place); at != std::string::npos) library.erase(at, place.size());
    }
    plots = library.empty() ? "<style>.plot { display: none; }</style><p class=\"none\">The plots need libjs-chart.js, "
                              "which was not installed when this was written; the tables hold the same figures.</p>"
                            : "<script>" + library + "</script><script>" + page::plots + "</script>";
  }
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
         "content=\"width=device-width, initial-scale=1\">"
         "<link rel=\"icon\" href=\"data:,\"><title>retake: report</title><style>" +
         std::string(page::style) + "</style></head><body>\n" + body_ + plots + "</body></html>\n";
}

}  // namespace retake::campaign
