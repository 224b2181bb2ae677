#include "sim/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace retake::sim {

namespace {

bool has_value(op_kind k) {
  switch (k) {
    case op_kind::load:
    case op_kind::store:
    case op_kind::rmw:
    case op_kind::cas:
    case op_kind::split_store:
    case op_kind::random:
    case op_kind::named:
    case op_kind::clock:
    case op_kind::futex_wake: return true;
    default: return false;
  }
}

std::string value_text(std::uint64_t v) { return v > 0xffff'ffff ? fmt::format("{:#x}", v) : fmt::format("{}", v); }

std::string what(engine const& e, event const& x) {
  static constexpr char const* outcomes[] = {"",         " won",       " lost",   " woken",
                                             " changed", " timed out", " failed", " gave up"};
  if (x.op == op_kind::note) return e.text_at(x.value & 0xffff'ffff);
  std::string t(name_of(x.op));
  if (x.object != 0) t += fmt::format(" #{}", x.object);
  if (has_value(x.op)) t += " " + value_text(x.value);
  t += outcomes[x.outcome];
  if (x.outcome == event_outcome::gave_up) t += fmt::format(" after {} more rounds", x.value);
  if (x.age != 0) t += fmt::format(" ({} old)", x.age);
  return t;
}

// The stores of each object in modification order, as far as the events reach.
class stores_in_order {
 public:
  explicit stores_in_order(engine const& e) : e_(e) {}
  // Event `i` is done. Empty, or why it could read, or take a place, behind newer stores.
  std::string after(std::uint32_t i) {
    event const& x = e_.event_at(i);
    bool const stores = x.op == op_kind::store || x.op == op_kind::rmw || x.op == op_kind::split_store ||
                        (x.op == op_kind::cas && x.outcome == event_outcome::won);
    std::string why;
    auto& all = by_object_[x.object];
    if (x.age != 0 && (stores || x.op == op_kind::load || x.op == op_kind::cas) && x.age <= all.size()) {
      std::uint32_t const newer = all[all.size() - x.age];
      event const& n = e_.event_at(newer);
      site_record const& s = e_.sites()[n.site];
      why = fmt::format("  [step {}, {} by M{} at {}:{}, is newer: no happens-before, fence or coherence forces M{}{}]",
                        newer, value_text(n.value), e_.thread_number(n.thread), s.basename(), s.line,
                        e_.thread_number(x.thread), stores ? "'s store behind it" : " to see it");
    }
    if (stores) all.insert(all.end() - std::min<std::ptrdiff_t>(x.age, std::ssize(all)), i);
    return why;
  }

 private:
  engine const& e_;
  std::map<std::uint16_t, std::vector<std::uint32_t>> by_object_;
};

std::string where(engine const& e, event const& x) {
  site_record const& s = e.sites()[x.site];
  return s.basename().empty() ? std::string(s.function_name())
                              : fmt::format("{}:{} {}", s.basename(), s.line, s.function_name());
}

}  // namespace

std::string timeline(engine const& e, std::uint32_t steps_max) {
  constexpr std::size_t column = 30;
  std::uint32_t const count = e.event_count();
  std::uint32_t const first = count > steps_max ? count - steps_max : 0;
  std::set<std::uint32_t> slots;
  for (std::uint32_t i = first; i < count; ++i) slots.insert(e.event_at(i).thread);
  std::string t = fmt::format("{:>6}  ", "step");
  for (auto const s : slots) t += fmt::format("{:<{}}", fmt::format("M{}", e.thread_number(s)), column);
  t += "\n";
  if (first != 0) t += fmt::format("{:>6}  ({} earlier steps)\n", "...", first);
  stores_in_order stores(e);
  for (std::uint32_t i = 0; i < first; ++i) stores.after(i);
  for (std::uint32_t i = first; i < count; ++i) {
    event const& x = e.event_at(i);
    std::string const why = stores.after(i);
    auto const place = static_cast<std::size_t>(std::distance(slots.begin(), slots.find(x.thread)));
    std::string cell = what(e, x);
    if (x.op == op_kind::note) {
      t += fmt::format("{:>6}  {}{}{}: {}\n", i, std::string(place * column, ' '), static_cast<char>(x.object),
                       x.value >> 32, cell);
      continue;
    }
    std::size_t const rest = slots.size() * column - place * column;
    t += fmt::format("{:>6}  {}{:<{}}  {}{}\n", i, std::string(place * column, ' '), cell, rest, where(e, x), why);
  }
  return t;
}

std::string chrome_trace(engine const& e) {
  using nlohmann::ordered_json;
  std::string t = "{\"traceEvents\":[\n";
  bool first = true;
  auto const put = [&](ordered_json const& j) {
    t += (first ? "" : ",\n") + j.dump();
    first = false;
  };
  std::set<std::pair<int, std::uint64_t>> lanes;
  auto const lane = [&](int kind, std::uint64_t id) {
    if (!lanes.emplace(kind, id).second) return;
    if (id == lanes.lower_bound({kind, 0})->second) {
      put({{"ph", "M"},
           {"name", "process_name"},
           {"pid", kind},
           {"args", {{"name", std::string(1, static_cast<char>(kind))}}}});
    }
    put({{"ph", "M"},
         {"name", "thread_name"},
         {"pid", kind},
         {"tid", id},
         {"args", {{"name", fmt::format("{}{}", static_cast<char>(kind), id)}}}});
  };
  for (std::uint32_t i = 0; i < e.event_count(); ++i) {
    event const& x = e.event_at(i);
    if (x.op == op_kind::note) {
      lane(x.object, x.value >> 32);
      put({{"ph", "i"}, {"s", "t"}, {"name", what(e, x)}, {"pid", x.object}, {"tid", x.value >> 32}, {"ts", i}});
      continue;
    }
    std::uint32_t const m = e.thread_number(x.thread);
    lane('M', m);
    put({{"ph", "X"},
         {"name", what(e, x)},
         {"cat", name_of(x.op)},
         {"pid", 'M'},
         {"tid", m},
         {"ts", i},
         {"dur", 1},
         {"args", {{"site", where(e, x)}}}});
  }
  return t + "\n],\"displayTimeUnit\":\"ns\"}\n";
}

}  // namespace retake::sim
