// rules_protocol.cpp: in runtime/protocol a line is a site, so an operation has a line of its own
// (one_operation), and every order that is stronger than relaxed carries its number and the subject
// that finds its weakening (order_claim). The numbers of a header begin with the two letters that
// are its own, so that none looks like an invariant (order_number), and partners name each other
// (order_pair).
#include <fmt/format.h>

#include <algorithm>
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
  // `if (x.load_acquire() == y ||` may go on: only an argument list that stays open is a broken
  // call, and it ends in a comma or a bracket.
  std::string const code = campaign::code_of(text);
  std::size_t const last = code.find_last_not_of(" \t");
  return open <= 0 || last == std::string::npos || (code[last] != ',' && code[last] != '(');
}

void check_numbers(std::vector<campaign::header> const& headers, complaints& out) {
  std::map<std::string, campaign::operation const*> by_number;
  std::map<std::string, std::string> header_of;  // by the letters
  for (campaign::header const& h : headers) {
    std::string own;
    for (campaign::operation const& one : h.operations) {
      if (one.number.empty()) continue;
      by_number.emplace(one.number, &one);
      std::string const letters = one.number.substr(0, one.number.find_first_of("0123456789"));
      if (own.empty()) own = letters;
      auto const [it, is_new] = header_of.emplace(letters, h.file);
      if (letters.size() != 2) {
        out.add("order_number", h.file, one.line, fmt::format("[{}] does not begin with two letters", one.number));
      } else if (letters != own) {
        out.add("order_number", h.file, one.line,
                fmt::format("[{}] stands in a header whose numbers begin with {}", one.number, own));
      } else if (it->second != h.file) {
        out.add("order_number", h.file, one.line, fmt::format("[{}] begins as those of {}", one.number, it->second));
      }
    }
  }
  for (auto const& [number, one] : by_number) {
    for (std::string const& partner : one->partners) {
      auto const there = by_number.find(partner);
      if (there == by_number.end()) {
        out.add("order_pair", one->file, one->line,
                fmt::format("[{}] pairs with [{}], which does not exist", number, partner));
      } else if (std::ranges::find(there->second->partners, number) == there->second->partners.end()) {
        out.add("order_pair", one->file, one->line,
                fmt::format("[{}] pairs with [{}], which does not name it", number, partner));
      }
    }
  }
}

}  // namespace

void check_protocol(tree const& t, complaints& out) {
  if (!std::filesystem::is_directory(t.root + "/runtime/protocol")) return;
  std::vector<campaign::header> const headers = campaign::scan_protocols(t.root);
  check_numbers(headers, out);
  for (campaign::header const& h : headers) {
    std::map<std::string, unsigned> numbers;
    for (campaign::operation const& one : h.operations) {
      if (one.operations_on_line > 1)
        out.add("one_operation", h.file, one.line, "two world operations on one line are one site: " + one.text);
      if (!closes(one.text))
        out.add("one_operation", h.file, one.line, "a world operation stands on one line: " + one.text);
      if (!one.strong()) continue;
      if (one.number.empty()) {
        out.add("order_claim", h.file, one.line,
                fmt::format("{} without a numbered comment above it: {}", one.order, one.text));
        continue;
      }
      if (one.claims.empty() && one.not_killed.empty())
        out.add("order_claim", h.file, one.line,
                fmt::format("[{}] does not say \"Killed by: model NAME\" or \"Killed by: sim SCENARIO c11\"",
                            one.number));
      auto const [it, is_new] = numbers.emplace(one.number, one.line);
      if (!is_new && it->second != one.line)
        out.add("order_claim", h.file, one.line, fmt::format("[{}] stands at line {} already", one.number, it->second));
      for (campaign::claim const& c : one.claims) {
        std::string const model = "models/relacy/" + c.subject + "_model.cpp";
        if (c.technique == "model" && t.find(model) == nullptr)
          out.add("order_claim", h.file, one.line,
                  fmt::format("[{}] names {}, which does not exist", one.number, model));
      }
    }
  }
}

}  // namespace retake::tidy
