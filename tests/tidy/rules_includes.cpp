// rules_includes.cpp: who may include what (layering), and that every header is included by
// somebody (orphan).
//
//     switch <- world <- protocol <- {sched, syscall, poll, thread, sync, time, context} <- {io,
//     observe} <- include/retake
//
// Two kinds of public headers may be included from below: by a .cpp the one that it implements
// (nobody includes a .cpp), and by anybody one that includes nothing of ours but leaves: itself a
// leaf, the plain words that both ends share. A public header includes public ones alone.
#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "tidy.hpp"

namespace retake::tidy {

namespace {

std::map<std::string, int> const level = {{"switch", 0}, {"world", 1},   {"protocol", 2}, {"sched", 3}, {"syscall", 3},
                                          {"poll", 3},   {"thread", 3},  {"sync", 3},     {"time", 3},  {"context", 3},
                                          {"io", 4},     {"observe", 4}, {"resolve", 4},  {"retake", 5}};

std::string first_part(std::string const& path) { return path.substr(0, path.find('/')); }

// The room of runtime/ a file is in: "sched" of runtime/sched/run.cpp, "retake" of
// runtime/include/retake/go.hpp.
std::string room_of(std::string const& name) {
  std::string const inside = name.substr(std::string("runtime/").size());
  return inside.starts_with("include/") ? "retake" : first_part(inside);
}

bool is_leaf(tree const& t, std::string const& included) {
  source const* const s = t.find("runtime/include/" + included);
  static std::regex const quoted(R"re(^\s*#\s*include\s+"([^"]+)")re");
  return s != nullptr && std::all_of(s->lines.begin(), s->lines.end(), [&](std::string const& line) {
           std::smatch m;
           return !std::regex_search(line, m, quoted) || is_leaf(t, m[1]);
         });
}

std::string why_not_in_runtime(tree const& t, std::string const& name, std::string const& included) {
  std::string const room = room_of(name), wanted = first_part(included);
  auto const mine = level.find(room), theirs = level.find(wanted);
  if (mine == level.end()) return "the runtime has no room " + room;
  if (included.find('/') == std::string::npos)
    return room == "world" || room == "switch" ? "" : "say which room: \"" + room + "/" + included + "\"";
  if (theirs == level.end()) return "runtime includes nothing outside runtime";
  if (room == "retake" && wanted != "retake") {
    return "a public header includes public headers: the inside is not installed";
  }
  if (wanted == "retake" && (name.ends_with(".cpp") || is_leaf(t, included))) return "";
  if (theirs->second > mine->second) return room + " lies below " + wanted;
  if (wanted == "switch" && room == "protocol") return "a protocol sees the world, not the switch";
  return "";
}

std::string why_not(tree const& t, std::string const& name, std::string const& included) {
  std::string const wanted = first_part(included);
  bool const engine = wanted == "sim" || wanted == "kernel" || wanted == "choices" || wanted == "checkers";
  if (name.starts_with("runtime/")) return why_not_in_runtime(t, name, included);
  if (name.starts_with("models/relacy/") && (engine || (level.contains(wanted) && level.at(wanted) > 2)))
    return "models/relacy sees protocol headers and Relacy only";
  if (name.starts_with("fuzz/campaign/") && wanted != "command_line" && included.find('/') != std::string::npos)
    return "the campaign runs programs and links no world";
  if (name.starts_with("stress/") && (engine || wanted == "relacy"))
    return "stress sees the public API and the os world";
  if ((name.starts_with("fuzz/") || name.starts_with("properties/")) && wanted == "relacy")
    return "fuzz and properties see the runtime and models/sim";
  return "";
}

}  // namespace

void check_includes(tree const& t, exceptions& allowed, complaints& out) {
  static std::regex const quoted(R"re(^\s*#\s*include\s+"([^"]+)")re");
  static std::regex const angled(R"(^\s*#\s*include\s+<relacy/)");
  std::set<std::string> included_names;
  for (source const& s : t.files) {
    for (std::size_t i = 0; i < s.lines.size(); ++i) {
      std::smatch m;
      if (std::regex_search(s.lines[i], angled) && s.name != "models/relacy/world/engine.hpp") {
        out.add("layering", s.name, i + 1, "only models/relacy/world/engine.hpp includes Relacy");
      }
      if (!std::regex_search(s.lines[i], m, quoted)) continue;
      std::string const included = m[1];
      included_names.insert(included.substr(included.rfind('/') + 1));
      std::string const why = why_not(t, s.name, included);
      if (!why.empty() && !allowed.allows("layering", s.name + ">" + included))
        out.add("layering", s.name, i + 1, "\"" + included + "\": " + why);
    }
  }
  for (source const& s : t.files) {
    std::string const base = s.name.substr(s.name.rfind('/') + 1);
    bool const is_public = s.name.starts_with("runtime/include/retake/");
    if (s.name.ends_with(".hpp") && !is_public && !included_names.contains(base) && !allowed.allows("orphan", s.name))
      out.add("orphan", s.name, 1, "no file includes it");
  }
}

}  // namespace retake::tidy
