// replay_chooser.cpp: a record is followed.
#include <fmt/format.h>

#include "sim/replay_words.hpp"

namespace retake::sim {

std::uint32_t replay_chooser::choose(choice_point const& p) {
  if (!divergence_.empty()) return 0;
  replay_choice asked{p.kind, p.running, std::string(name_of(p.op)), name_of_choice(p.kind, p.name, sites_[p.site]), 0,
                      0,      p.n};
  auto const diverge = [&](std::string const& why) {
    divergence_ = fmt::format("diverged at choice {} of {}: {}", place_ + 1, replay_.choices.size(), why);
    return 0U;
  };
  std::string const asks = fmt::format("{} {} {} {}", choice_kind_names[static_cast<std::size_t>(p.kind)], asked.thread,
                                       asked.op, asked.function);
  if (place_ == replay_.choices.size())
    return diverge(fmt::format("the record is at its end, the run asks `{}`", asks));
  replay_choice const& c = replay_.choices[place_];
  if (c.kind != asked.kind || c.thread != asked.thread || c.op != asked.op || c.function != asked.function) {
    return diverge(fmt::format("the record has `{}`, the run asks `{}`", c.text(), asks));
  }
  std::uint32_t chosen = c.chosen;
  if (p.kind == choice_kind::thread) {
    chosen = p.alternative_of(c.to);
    if (chosen >= p.n) return diverge(fmt::format("the record has `{}`, but that thread cannot run", c.text()));
  } else if (c.n != p.n) {
    return diverge(fmt::format("the record has `{}`, the run has {} alternatives", c.text(), p.n));
  }
  ++place_;
  return chosen;
}

std::string replay_chooser::departure() const {
  if (!divergence_.empty() || place_ == replay_.choices.size()) return divergence_;
  return fmt::format("diverged: the run ended after choice {} of {}", place_, replay_.choices.size());
}

rerun run_again(engine& e, scenario const& s, replay const& r) {
  replay_chooser c(r, e.sites());
  c.begin(0);
  e.record_texts(true);
  rerun again;
  again.result = e.run(r.bounded(s), c);
  e.record_texts(false);
  again.reproduced = again.result.failed && r.tag == again.result.what.tag;
  again.departure = c.departure();
  again.fits = again.departure.empty() || (again.result.failed && c.divergence().empty());
  again.followed = c.followed();
  return again;
}

std::string rerun::verdict(replay const& r) const {
  std::string v;
  if (reproduced)
    v = fmt::format("reproduced  {}: {}", result.what.tag, result.what.claim);
  else if (result.failed)
    v = fmt::format("another finding  {}: {} (the record's is {})", result.what.tag, result.what.claim, r.tag);
  else
    v = fmt::format("no failure in {} steps", result.steps);
  return departure.empty() ? v : fmt::format("{}; not the recorded schedule: {}", v, departure);
}

}  // namespace retake::sim
