// report_page.hpp: the page itself: text, tables and bars, all in one file that needs no network.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace retake::campaign {

std::string escaped(std::string const& text);

struct bar {
  std::string name;
  double value;
  std::string shown;
  bool bad = false;
};

class report_page {
 public:
  void headline(bool good, std::string const& verdict, std::string const& below);
  void section(std::string const& title, std::string const& explanation);
  void figures(std::vector<std::pair<std::string, std::string>> const& name_and_value);
  // Bars on a logarithmic scale when the values differ by more than a factor of a hundred.
  void bars(std::vector<bar> const& all);
  // A cell that begins with a digit is set to the right.
  void table(std::vector<std::string> const& head, std::vector<std::vector<std::string>> const& rows);
  void finding(std::string const& tag, std::string const& claim, std::vector<std::pair<std::string, std::string>> const& facts,
               std::string const& command, std::string const& timeline);
  void text(std::string const& paragraph);

  std::string html() const;

 private:
  std::string body_;
};

}  // namespace retake::campaign
