// replay_words.hpp: how a choice is spelled in a replay; for writing, reading and following alike.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "sim/replay.hpp"

namespace retake::sim {

inline constexpr std::string_view choice_kind_names[] = {"thread", "read",    "random", "fault",
                                                         "named",  "give_up", "place",  "weak_failure"};

inline std::string replay_word(std::string_view text) {
  std::string w(text.empty() ? "-" : text);
  std::replace(w.begin(), w.end(), ' ', '_');
  return w;
}

inline std::string name_of_choice(choice_kind kind, char const* name, site_record const& s) {
  bool const named = kind == choice_kind::fault || kind == choice_kind::named;
  return replay_word(named && name != nullptr ? std::string_view(name) : s.function_name());
}

}  // namespace retake::sim
