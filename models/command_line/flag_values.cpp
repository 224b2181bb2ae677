// flag_values.cpp: the forms of flag_values.def.
#include "command_line/flag_values.hpp"

#include <fmt/format.h>

#include <charconv>
#include <sstream>
#include <vector>

namespace retake::command_line {

namespace {

enum class form { whole, number64, decimal, word, shard, site };

struct rule {
  std::string_view flag;
  form kind;
  char const* limits;
};

constexpr rule rules[] = {
#define RETAKE_FLAG(flag, kind, limits) {flag, form::kind, limits},
#include "command_line/flag_values.def"
#undef RETAKE_FLAG
};

std::vector<std::string> words_of(char const* text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

bool all_of(std::string_view text, std::string_view alphabet) {
  return !text.empty() && text.find_first_not_of(alphabet) == std::string_view::npos;
}
constexpr std::string_view digits = "0123456789";

bool is_whole(std::string_view text) { return all_of(text, digits) && (text.size() == 1 || text[0] != '0'); }

// Of whole numbers of any length, as texts.
bool at_most(std::string_view a, std::string_view b) { return a.size() != b.size() ? a.size() < b.size() : a <= b; }

bool in_range(std::string_view text, std::vector<std::string> const& limits) {
  return is_whole(text) && at_most(limits[0], text) && at_most(text, limits[1]);
}

bool is_hexadecimal(std::string_view text) {
  return text.starts_with("0x") && text.size() <= 18 && all_of(text.substr(2), "0123456789abcdefABCDEF");
}

bool is_decimal(std::string const& text, std::vector<std::string> const& limits) {
  std::size_t const point = text.find('.');
  bool const formed = point == std::string::npos
                          ? is_whole(text)
                          : is_whole(text.substr(0, point)) && all_of(text.substr(point + 1), digits);
  return formed && text.size() <= 20 && std::stod(text) >= std::stod(limits[0]) &&
         std::stod(text) <= std::stod(limits[1]);
}

bool is_shard(std::string_view text, std::string_view most) {
  std::size_t const slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  std::string_view const index = text.substr(0, slash), count = text.substr(slash + 1);
  return is_whole(index) && is_whole(count) && at_most(count, most) && !at_most(count, index);
}

bool is_site(std::string_view text) {
  std::size_t const second = text.rfind(':');
  std::size_t const first =
      second == std::string_view::npos || second == 0 ? std::string_view::npos : text.rfind(':', second - 1);
  if (first == std::string_view::npos || first == 0) return false;
  std::string_view const line = text.substr(first + 1, second - first - 1);
  return text.substr(0, first).find(':') == std::string_view::npos && all_of(line, digits) &&
         all_of(text.substr(second + 1), "abcdefghijklmnopqrstuvwxyz0123456789_.>-");
}

// Empty: it fits. Else what is accepted.
std::string misfit(rule const& r, std::string const& text) {
  std::vector<std::string> const limits = words_of(r.limits);
  switch (r.kind) {
    case form::whole:
      return in_range(text, limits) ? "" : fmt::format("a whole number from {} to {}", limits[0], limits[1]);
    case form::number64:
      if (in_range(text, limits) || is_hexadecimal(text)) return "";
      return fmt::format("a whole number from {} to {}, or 0x and at most 16 hexadecimal digits", limits[0], limits[1]);
    case form::decimal:
      return is_decimal(text, limits) ? "" : fmt::format("a number from {} to {}", limits[0], limits[1]);
    case form::word:
      for (std::string const& word : limits) {
        if (word == text) return "";
      }
      return fmt::format("{}", fmt::join(limits, ", "));
    case form::shard: return is_shard(text, limits[0]) ? "" : fmt::format("i/n with 0 <= i < n <= {}", limits[0]);
    case form::site: return is_site(text) ? "" : "FILE:LINE:KIND, as run_queue.hpp:123:relaxed";
  }
  return "";
}

}  // namespace

std::string complaint(std::string_view flag, std::string const& text) {
  for (rule const& r : rules) {
    if (r.flag != flag) continue;
    std::string const accepted = misfit(r, text);
    if (accepted.empty()) return "";
    return fmt::format("\"{}\" is not accepted; accepted: {}", text, accepted);
  }
  return "";
}

}  // namespace retake::command_line
