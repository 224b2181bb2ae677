// replay.cpp: a record is made and written.
#include "sim/replay.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "sim/replay_words.hpp"

#ifndef RETAKE_REVISION
#define RETAKE_REVISION "unknown"
#endif

namespace retake::sim {

std::string replay_choice::text() const {
  std::string_view const name = choice_kind_names[static_cast<std::size_t>(kind)];
  if (kind != choice_kind::thread) return fmt::format("{} {} {} {} -> {}/{}", name, thread, op, function, chosen, n);
  if (to == clock_slot) return fmt::format("{} {} {} {} -> clock", name, thread, op, function);
  return fmt::format("{} {} {} {} -> {}", name, thread, op, function, to);
}

replay replay::of(engine const& e, sim::scenario const& s, char const* tag, std::vector<choice_record> const& choices) {
  replay r;
  r.scenario = s.name;
  r.chaos_steps = s.chaos_steps;
  r.heal_steps = s.heal_steps;
  r.steps_max = s.steps_max;
  r.world = e.settings();
  r.tag = tag;
  r.revision = sim::revision();
  for (choice_record const& c : choices) {
    r.choices.push_back({c.kind, c.thread, std::string(name_of(c.op)),
                         name_of_choice(c.kind, c.name, e.sites()[c.site]), c.to, c.chosen, c.n});
  }
  return r;
}

sim::scenario replay::bounded(sim::scenario s) const {
  s.chaos_steps = chaos_steps;
  s.heal_steps = heal_steps;
  s.steps_max = steps_max;
  return s;
}

std::string replay::text() const {
  std::string t = fmt::format("retake-replay {}\nscenario {}\nchaos_steps {}\nheal_steps {}\nsteps_max {}\n",
                              replay_version, scenario, chaos_steps, heal_steps, steps_max);
  for (option const& o : option_list()) t += fmt::format("{} {}\n", o.name, replay_word(o.text(world)));
  t += fmt::format("tag {}\nrevision {}\n", replay_word(tag), replay_word(revision));
  for (auto const& c : choices) t += c.text() + "\n";
  return t + fmt::format("end {}\n", choices.size());
}

bool replay::write(std::string const& path, std::string& reason) const {
  std::string const temporary = fmt::format("{}.{}.tmp", path, getpid());
  std::string const all = text();
  std::FILE* const file = std::fopen(temporary.c_str(), "wbe");
  bool written = file != nullptr && std::fwrite(all.data(), 1, all.size(), file) == all.size() &&
                 std::fflush(file) == 0 && fsync(fileno(file)) == 0;
  int error = errno;
  if (file != nullptr && std::fclose(file) != 0 && written) {
    written = false;
    error = errno;
  }
  if (!written) {
    reason = fmt::format("{}: {}", temporary, std::strerror(error));
    std::remove(temporary.c_str());
    return false;
  }
  if (std::rename(temporary.c_str(), path.c_str()) == 0) return true;
  reason = fmt::format("{}: {}", path, std::strerror(errno));
  std::remove(temporary.c_str());
  return false;
}

char const* revision() noexcept { return RETAKE_REVISION; }

}  // namespace retake::sim
