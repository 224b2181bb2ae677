#include "sim/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <sstream>

#include "sim/faults.hpp"
#include "sim/memory.hpp"

namespace retake::sim {

namespace {

// How many members an aggregate has: so many values of any type can initialise it.
struct any_value {
  template <class T>
  operator T() const;
};
template <class T, class... Values>
consteval std::size_t members_of() {
  if constexpr (requires { T{Values{}..., any_value{}}; })
    return members_of<T, Values..., any_value>();
  else
    return sizeof...(Values);
}

// Two values of an enumeration, 0 and 1, by their names.
template <auto Member>
bool parse_either(std::string_view text, options& out, std::string& accepted, std::string_view first,
                  std::string_view second) {
  using value = std::remove_reference_t<decltype(out.*Member)>;
  accepted = fmt::format("{}, {}", first, second);
  if (text != first && text != second) return false;
  out.*Member = static_cast<value>(text == second ? 1 : 0);
  return true;
}

template <auto Member, std::uint32_t Low, std::uint32_t High>
constexpr option number(char const* name, char const* help) {
  return {name, help, [](options const& o) { return std::to_string(o.*Member); },
          [](std::string_view text, options& out, std::string& accepted) {
            accepted = fmt::format("a whole number from {} to {}", Low, High);
            std::uint32_t n = 0;
            auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
            if (error != std::errc{} || end != text.data() + text.size() || n < Low || n > High) return false;
            out.*Member = n;
            return true;
          }};
}

bool parse_fault_mask(std::string_view text, options& out, std::string& accepted) {
  accepted = "none, all, or a list of";
  for (auto const& name : fault_names) accepted += fmt::format(" {}", name);
  std::string unknown;
  return parse_faults(std::string(text), out.fault_mask, unknown);
}

bool parse_mutant(std::string_view text, options& out, std::string& accepted) {
  if (!text.empty()) return mutant::parse(text, out.mutate, accepted);
  out.mutate = {};
  return true;
}

constexpr std::uint32_t many = 1'000'000;

constexpr option list[] = {
    {"memory", "sc or c11 (default)",
     [](options const& o) { return std::string(o.memory == memory_mode::sc ? "sc" : "c11"); },
     [](std::string_view t, options& o, std::string& accepted) {
       return parse_either<&options::memory>(t, o, accepted, "sc", "c11");
     }},
    number<&options::history, 1, history_max>("history", "c11: stores kept per location, default 8"),
    {"faults", "names, all or none", [](options const& o) { return faults_text(o.fault_mask); }, &parse_fault_mask},
    number<&options::fault_budget, 0, many>("fault_budget", "faults per execution, default 2"),
    number<&options::ticks_max, 0, many>("ticks", "clock ticks by choice per execution, default 4"),
    number<&options::spins_free, 0, many>("spins", "pauses of one loop that do not wait, default 2"),
    number<&options::give_ups_max, 0, many>("give_ups", "spin loops that give up by choice per execution, default 4"),
    number<&options::placements_max, 0,
           many>("placements", "c11: stores placed before newer ones by choice per execution, default 4"),
    number<&options::weak_failures_max, 0, many>("weak_failures",
                                                 "weak compare_exchanges that fail by choice per execution, default 4"),
    {"check", "commit or step: where the checkers look",
     [](options const& o) { return std::string(o.check == check_mode::step ? "step" : "commit"); },
     [](std::string_view t, options& o, std::string& accepted) {
       return parse_either<&options::check>(t, o, accepted, "commit", "step");
     }},
    {"mutate", "SITE:KIND, as run_queue.hpp:123:relaxed", [](options const& o) { return o.mutate.text(); },
     &parse_mutant},
};
static_assert(std::size(list) == members_of<options>(),
              "an option is missing in the list: its findings could not be run again");

}  // namespace

std::span<option const> option_list() noexcept { return list; }

std::string flag_of(option const& o) {
  std::string flag = fmt::format("--{}", o.name);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

bool parse_faults(std::string const& names, std::uint32_t& mask, std::string& unknown) {
  mask = 0;
  if (names == "none" || names.empty()) return true;
  if (names == "all") {
    mask = every_fault;
    return true;
  }
  std::istringstream in(names);
  std::string name;
  while (std::getline(in, name, ',')) {
    auto const* const f = std::find(fault_names.begin(), fault_names.end(), name);
    if (f == fault_names.end()) {
      unknown = name;
      return false;
    }
    mask |= 1U << (f - fault_names.begin());
  }
  return true;
}

std::string faults_text(std::uint32_t mask) {
  std::string t;
  for (std::size_t i = 0; i < fault_names.size(); ++i) {
    if ((mask >> i & 1U) == 0) continue;
    if (!t.empty()) t += ',';
    t += fault_names[i];
  }
  return t.empty() ? "none" : t;
}

}  // namespace retake::sim
