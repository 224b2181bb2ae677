// rules_protocol.cpp: in runtime/protocol a line is a site, so an operation has a line of its own (one_operation), and every order that
// is stronger than relaxed carries its number and the subject that finds its weakening (order_claim).
#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "protocol_scan.hpp"
#include "tidy.hpp"

namespace retake::tidy {

namespace {

// From the operation's name on, the call's brackets close on the same line.
bool closes(std::string const& text) {
  int open = 0;
  for (char const c : campaign::code_of(text)) {
    if (c == '(') ++open;
    if (c == ')') --open;
  }
  // `if (x.load_acquire() == y ||` may go on: only an argument list that stays open is a broken call, and it ends in a comma or a bracket.
  std::string const code = campaign::code_of(text);
  std::size_t const last = code.find_last_not_of(" \t");
  return open <= 0 || last == std::string::npos || (code[last] != ',' && code[last] != '(');
}

}  // namespace

void check_protocol(tree const& t, complaints& out) {
  if (!std::filesystem::is_directory(t.root + "/runtime/protocol")) return;
  for (campaign::header const& h : campaign::scan_protocols(t.root)) {
    std::map<std::string, unsigned> numbers;
    for (campaign::operation const& one : h.operations) {
      if (one.operations_on_line > 1) out.add("one_operation", h.file, one.line, "two world operations on one line are one site: " + one.text);
      if (!closes(one.text)) out.add("one_operation", h.file, one.line, "a world operation stands on one line: " + one.text);
      if (!one.strong()) continue;
      if (one.number.empty()) {
        out.add("order_claim", h.file, one.line, fmt::format("{} without a numbered comment above it: {}", one.order, one.text));
        continue;
      }
      if (one.claims.empty() && one.not_killed.empty()) out.add("order_claim", h.file, one.line, fmt::format("[{}] does not say \"Killed by: model NAME\" or \"Killed by: sim SCENARIO c11\"", one.number));
      auto const [it, is_new] = numbers.emplace(one.number, one.line);
      if (!is_new && it->second != one.line) out.add("order_claim", h.file, one.line, fmt::format("[{}] stands at line {} already", one.number, it->second));
      for (campaign::claim const& c : one.claims) {
        std::string const model = "models/relacy/" + c.subject + "_model.cpp";
        if (c.technique == "model" && t.find(model) == nullptr) out.add("order_claim", h.file, one.line, fmt::format("[{}] names {}, which does not exist", one.number, model));
      }
    }
  }
}

}  // namespace retake::tidy
