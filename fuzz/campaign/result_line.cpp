#include "result_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace retake::campaign {

namespace {

constexpr int depth_max = 32;
constexpr std::size_t shown_bytes_max = 120;

enum class type { text, text_or_null, texts, count, number, truth, finding_or_null, faults };

struct field {
  std::string_view name;
  type expected;
};

constexpr field fields[] = {
    {"kind", type::text},
    {"name", type::text},
    {"tag", type::text},
    {"claim", type::text},
    {"replay", type::text_or_null},
    {"command", type::text},
    {"technique", type::text},
    {"subject", type::text},
    {"why", type::text},
    {"output", type::text},
    {"sanitizer", type::text},
    {"mutant", type::text},
    {"traces_set_aside", type::text},
    {"executions", type::count},
    {"rounds", type::count},
    {"distinct_traces", type::count},
    {"new_traces", type::count},
    {"known_traces", type::count},
    {"steps", type::count},
    {"preemptions", type::count},
    {"executions_to_first", type::count},
    {"seed", type::count},
    {"seconds", type::number},
    {"executions_per_second", type::number},
    {"exhausted", type::truth},
    {"exercised", type::truth},
    {"holds", type::truth},
    {"killed", type::truth},
    {"mutant_reached", type::truth},
    {"finding", type::finding_or_null},
    {"faults", type::faults},
    {"not_run", type::texts},
};

std::string wrong_in(json& object);

bool fits(json& value, type expected) {
  switch (expected) {
    case type::text: return value.is_string();
    case type::text_or_null: return value.is_null() || value.is_string();
    case type::texts:
      return value.is_array() &&
             std::all_of(value.begin(), value.end(), [](json const& one) { return one.is_string(); });
    case type::count: return value.is_number_unsigned();
    case type::number: return value.is_number();
    case type::truth: return value.is_boolean();
    case type::finding_or_null: return value.is_null() || (value.is_object() && wrong_in(value).empty());
    case type::faults:
      return value.is_array() && std::all_of(value.begin(), value.end(),
                                             [](json& one) { return one.is_object() && wrong_in(one).empty(); });
  }
  return false;
}

std::string wrong_in(json& object) {
  for (field const& f : fields) {
    std::string const name(f.name);
    auto const at = object.find(name);
    if (at == object.end()) continue;
    bool const may_be_null = f.expected == type::text_or_null || f.expected == type::finding_or_null;
    if (at->is_null() && !may_be_null)
      object.erase(at);
    else if (!fits(*at, f.expected))
      return fmt::format("`{}` has an unexpected type", name);
  }
  return "";
}

std::string shown(std::string text) {
  if (text.size() > shown_bytes_max) text = text.substr(0, shown_bytes_max) + "...";
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace

std::optional<json> result_line(std::string const& text, std::string& wrong) {
  wrong.clear();
  if (text.empty() || text[0] != '{') return std::nullopt;
  bool too_deep = false;
  // A folder's name may be no UTF-8, and a child print it as it is.
  std::string const clean = json::parse(text_of(text)).get<std::string>();
  json object = json::parse(
      clean, [&too_deep](int depth, json::parse_event_t, json&) { return !(too_deep |= depth > depth_max); }, false);
  if (too_deep)
    wrong = "it is nested too deeply";
  else if (!object.is_object())
    wrong = "it is no JSON";
  else
    wrong = wrong_in(object);
  if (wrong.empty() && !object.contains("kind")) wrong = "it has no `kind`";
  if (wrong.empty()) return object;
  return std::nullopt;
}

std::vector<json> json_lines(std::vector<std::string> const& lines, std::string* foreign) {
  std::vector<json> found;
  for (std::string const& line : lines) {
    std::string wrong;
    if (std::optional<json> object = result_line(line, wrong))
      found.push_back(std::move(*object));
    else if (foreign != nullptr && foreign->empty() && !wrong.empty())
      *foreign = fmt::format("{}: {}", wrong, shown(line));
  }
  return found;
}

std::string text_of(json const& value, int indent) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

}  // namespace retake::campaign
