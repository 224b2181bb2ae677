// report_page.hpp: the page itself: text, tables and plots, all in one file that needs no network.
//
// The plots are Chart.js's (Debian: libjs-chart.js), whose one file becomes part of the page when
// there are any. Rejected: own SVG, whose text shrinks with the screen; an image, which is light or
// dark for ever. Where the library is not installed the page says so; every plot's figures stand in
// a table too.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "record.hpp"

namespace retake::campaign {

std::string escaped(std::string const& text);

struct bar {
  std::string name;
  double value;
  bool bad = false;
};

struct line {
  std::string name;
  std::vector<std::pair<double, double>> points;
  bool dashed = false;
};

class report_page {
 public:
  void headline(bool good, std::string const& verdict, std::string const& below);
  void section(std::string const& title, std::string const& explanation);
  void figures(std::vector<std::pair<std::string, std::string>> const& name_and_value);
  // On a logarithmic scale when the values differ by more than a factor of a hundred.
  void bars(std::string const& what, std::vector<bar> const& all);
  void lines(std::string const& x, std::string const& y, std::vector<line> const& all);
  // A cell that begins with a digit is set to the right.
  void table(std::vector<std::string> const& head, std::vector<std::vector<std::string>> const& rows);
  // `picture`: HTML; `timeline`: text, folded away.
  void finding(std::string const& tag, std::string const& mark, std::string const& claim,
               std::vector<std::pair<std::string, std::string>> const& facts, std::string const& command,
               std::string const& picture, std::string const& timeline);
  void text(std::string const& paragraph);
  // Everything until close() is folded away.
  void open_fold(std::string const& summary);
  void close_fold();

  std::string html() const;

 private:
  void plot(std::string const& what, int height_px, json const& spec);

  std::string body_;
  bool plots_ = false;
};

}  // namespace retake::campaign
