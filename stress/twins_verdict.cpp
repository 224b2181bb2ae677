// twins_verdict.cpp: the measures of a bug, turn by turn, and what the turns say together
#include <algorithm>
#include <limits>
#include <utility>

#include "twins.hpp"

namespace retake::stress {

namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

double value_of(record const* run, std::string_view figure) {
  record::figure const* const found = run == nullptr ? nullptr : run->find(figure);
  return found == nullptr ? nothing : found->value;
}

double ratio_of(double above, double below) { return above == 0 && below == 0 ? 0 : above / below; }

// The figure over its baseline, in one run.
double alone(measure const& m, record const* run) {
  const double value = value_of(run, m.figure);
  return m.baseline == nullptr ? value : ratio_of(value, value_of(run, m.baseline));
}

// How far each comparison got, of what it needs: 1 reaches it, NaN was not measured.
double shows(measure const& m, double ratio) { return ratio / m.from; }
double absent(measure const& m, double ratio) {
  return ratio < m.from    ? m.from / ratio
         : ratio >= m.from ? std::min(m.from / ratio, std::nextafter(1.0, 0.0))
                           : nothing;
}

// What one measure says, of the turns that were played.
class turns_of {
 public:
  explicit turns_of(measure const& m) : m_(m) {}

  void add(record const* buggy, record const* fixed, bool both) {
    const double of_buggy = alone(m_, buggy), of_fixed = alone(m_, fixed);
    buggy_.push_back(of_buggy);
    fixed_.push_back(of_fixed);
    if (both || buggy != nullptr) shows_.push_back(shows(m_, of_buggy));
    if (both || fixed != nullptr) absent_.push_back(absent(m_, of_fixed));
    if (!both) return;
    twins_.push_back(ratio_of(value_of(buggy, m_.figure), value_of(fixed, m_.figure)));
    if (m_.twins != 0) differs_.push_back(twins_.back() / m_.twins);
  }
  [[nodiscard]] finding verdict() const {
    finding worst = finding::holds;
    for (auto const* const one : {&shows_, &absent_, &differs_})
      worst = one->empty() ? worst : std::max(worst, of_turns(*one));
    return worst;
  }
  [[nodiscard]] outcome told() const { return {&m_, median(buggy_), median(fixed_), median(twins_), verdict()}; }

 private:
  measure const& m_;
  std::vector<double> buggy_, fixed_, twins_, shows_, absent_, differs_;
};

record const* find(std::vector<record> const& runs, std::string_view name, std::uint32_t turn) {
  const auto at = std::find_if(runs.begin(), runs.end(),
                               [&](record const& one) { return one.variant == name && one.turn == turn; });
  return at == runs.end() ? nullptr : &*at;
}

}  // namespace

std::vector<outcome> judge(bug const& what, std::string_view variant, std::vector<record> const& runs) {
  const bool both = variant == both_variants;
  std::uint32_t turns = 0;
  for (record const& run : runs) turns = std::max(turns, run.turn);
  std::vector<outcome> all;
  for (measure const& m : what.measures) {
    if (!both && variant != m.buggy && variant != m.fixed) continue;
    turns_of every(m), calm(m);
    std::uint32_t calm_turns = 0;
    for (std::uint32_t turn = 1; turn <= turns; ++turn) {
      record const *const buggy = find(runs, m.buggy, turn), *const fixed = find(runs, m.fixed, turn);
      every.add(buggy, fixed, both);
      if ((buggy != nullptr && !buggy->disturbed.empty()) || (fixed != nullptr && !fixed->disturbed.empty())) continue;
      calm.add(buggy, fixed, both);
      ++calm_turns;
    }
    outcome one = every.told();
    if (one.verdict == finding::refuted && calm_turns < turns)
      one.verdict = calm_turns == 0 || calm.verdict() == finding::holds ? finding::noisy : calm.verdict();
    all.push_back(one);
  }
  return all;
}

bool reproduced(bug const& what, record const& run) {
  const auto concerns = [&](measure const& m) { return run.variant == m.buggy || run.variant == m.fixed; };
  bool any = false;
  for (measure const& m : what.measures) {
    if (!concerns(m)) continue;
    if (!(alone(m, &run) >= m.from)) return false;
    any = true;
  }
  return any;
}

std::vector<record> middle_turns(std::vector<record> const& runs) {
  std::vector<record> middle;
  for (record const& run : runs) {
    if (std::any_of(middle.begin(), middle.end(), [&](record const& one) { return one.variant == run.variant; }))
      continue;
    middle.push_back(run);
    for (record::figure& figure : middle.back().figures) {
      std::vector<double> values;
      for (record const& other : runs) {
        if (other.variant == run.variant) values.push_back(value_of(&other, figure.name));
      }
      figure.value = median(std::move(values));
    }
  }
  return middle;
}

}  // namespace retake::stress
