#include "finding_id.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <sstream>

#include "digest.hpp"
#include "protocol_scan.hpp"
#include "record.hpp"

namespace retake::campaign {

namespace {

constexpr std::size_t steps_kept = 3;

bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

struct step {
  std::string thread, op, function;
  std::string next;  // who was chosen to go on
};

// `thread 1 cas exit_fast -> 0`
step step_of_replay(std::string const& line) {
  std::istringstream words(line);
  std::string kind, arrow;
  step s;
  words >> kind >> s.thread >> s.op >> s.function >> arrow >> s.next;
  return words && kind == "thread" ? s : step{};
}

// `[5] 1: <0x55ec> CAS succ orig=0, ..., in wake, note.hpp(61)`
step step_of_history(std::string const& line) {
  std::size_t const in = line.rfind(", in "), number = line.find("] "), begin = line.find(": ");
  if (!line.starts_with("[") || in == std::string::npos || number > begin || begin > in) return {};
  std::string op = line.substr(begin + 2, in - begin - 2);
  if (op.starts_with("<")) op.erase(0, op.find("> ") + 2);
  std::string const thread = line.substr(number + 2, begin - number - 2);
  return {thread, op.substr(0, op.find_first_of(" ,")), line.substr(in + 5, line.find(',', in + 5) - in - 5), thread};
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
  for (char const* everywhere : {"lock", "unlock", "try_lock"})
    names.erase(everywhere);  // says nothing about what it guards
  return names;
}

std::vector<std::string> last_protocol_steps(std::string const& replay_text, std::set<std::string> const& functions) {
  bool const history = replay_text.starts_with("retake relacy history");
  std::vector<step> all;
  std::string failing;  // the thread that was chosen last
  std::istringstream text(replay_text);
  for (std::string line; std::getline(text, line);) {
    if (history && line.starts_with("thread 0:")) break;  // from here on the same once more, thread by thread
    step s = history ? step_of_history(line) : step_of_replay(line);
    if (!s.next.empty()) failing = s.next;
    if (functions.contains(s.function)) all.push_back(std::move(s));
  }
  std::vector<std::string> last;
  for (auto one = all.rbegin(); one != all.rend() && last.size() < steps_kept; ++one) {
    std::string const shown = one->op + " " + one->function;
    if (one->thread == failing && (last.empty() || last.front() != shown)) last.insert(last.begin(), shown);
  }
  return last;
}

std::string finding_id(std::string const& tag, std::vector<std::string> const& last_steps,
                       std::string const& otherwise) {
  std::string clean = tag.substr(0, tag.find(':'));
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return !in_word(c); }, '_');
  return fmt::format("{}-{:08x}", clean,
                     digest_of(tag + "\n" +
                               (last_steps.empty() ? otherwise : fmt::format("{}", fmt::join(last_steps, "\n")))) >>
                         32);
}

}  // namespace retake::campaign
