#include "finding_id.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <filesystem>
#include <sstream>

#include "protocol_scan.hpp"
#include "record.hpp"

namespace retake::campaign {

namespace {

constexpr std::size_t steps_kept = 4;

bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// `thread 1 cas exit_fast -> 0`: "cas exit_fast"
std::string step_of_replay(std::string const& line, std::string& function) {
  std::istringstream words(line);
  std::string kind, thread, op;
  if (!(words >> kind >> thread >> op >> function) || kind != "thread") return "";
  return op + " " + function;
}

// `[5] 1: <0x55ec> CAS succ orig=0, ..., in wake, note.hpp(61)`: "CAS wake"
std::string step_of_history(std::string const& line, std::string& function) {
  std::size_t const in = line.rfind(", in "), begin = line.find(": ");
  if (!line.starts_with("[") || in == std::string::npos || begin == std::string::npos || begin > in) return "";
  function = line.substr(in + 5, line.find(',', in + 5) - in - 5);
  std::string op = line.substr(begin + 2, in - begin - 2);
  if (op.starts_with("<")) op.erase(0, op.find("> ") + 2);
  op = op.substr(0, op.find_first_of(" ,"));
  return op + " " + function;
}

std::uint64_t hash_of(std::string const& text) {  // FNV-1a
  std::uint64_t h = 14695981039346656037ULL;
  for (char const c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return h;
}

}  // namespace

std::set<std::string> protocol_functions(std::string const& root) {
  std::set<std::string> names;
  for (header const& h : scan_protocols(root)) {
    std::istringstream text(read_file(root + "/" + h.file));
    for (std::string line; std::getline(text, line);) {
      std::string const code = code_of(line);
      for (std::size_t at = code.find('('); at != std::string::npos; at = code.find('(', at + 1)) {
        std::size_t begin = at;
        while (begin > 0 && in_word(code[begin - 1])) --begin;
        if (begin < at) names.insert(code.substr(begin, at - begin));
      }
    }
  }
  return names;
}

std::vector<std::string> last_protocol_steps(std::string const& replay_text, std::set<std::string> const& functions) {
  bool const history = replay_text.starts_with("retake relacy history");
  std::vector<std::string> steps;
  std::istringstream text(replay_text);
  for (std::string line; std::getline(text, line);) {
    if (history && line.starts_with("thread 0:")) break;  // from here on the same once more, thread by thread
    std::string function;
    std::string const step = history ? step_of_history(line, function) : step_of_replay(line, function);
    if (!step.empty() && functions.contains(function)) steps.push_back(step);
  }
  if (steps.size() > steps_kept) steps.erase(steps.begin(), steps.end() - steps_kept);
  return steps;
}

std::string finding_id(std::string const& tag, std::vector<std::string> const& last_steps, std::string const& otherwise) {
  std::string clean = tag.substr(0, tag.find(':'));
  std::replace_if(clean.begin(), clean.end(), [](char c) { return !in_word(c); }, '_');
  return fmt::format("{}-{:08x}", clean, hash_of(tag + "\n" + (last_steps.empty() ? otherwise : fmt::format("{}", fmt::join(last_steps, "\n")))) >> 32);
}

}  // namespace retake::campaign
