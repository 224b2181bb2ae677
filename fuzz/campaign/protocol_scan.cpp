#include "protocol_scan.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>

namespace retake::campaign {

namespace {

std::string trimmed(std::string const& s) {
  std::size_t const a = s.find_first_not_of(" \t");
  return a == std::string::npos ? "" : s.substr(a, s.find_last_not_of(" \t\r") - a + 1);
}

operation_kind kind_of(std::string const& name) {
  if (name == "load") return operation_kind::load;
  if (name == "store") return operation_kind::store;
  if (name == "exchange") return operation_kind::exchange;
  if (name == "compare_exchange") return operation_kind::compare_exchange;
  return operation_kind::fetch;
}

std::vector<operation> operations_in(std::string const& code) {
  static std::regex const atomic(R"((?:\.|->)(load|store|exchange|compare_exchange|fetch_(?:add|sub|or|and))_)"
                                 R"((relaxed|acquire|release|acq_rel|seq_cst)\()");
  static std::regex const fence(R"(\bfence_seq_cst\()");
  static std::regex const wake(R"(\bfutex_wake\()");
  std::vector<operation> found;
  for (std::sregex_iterator it(code.begin(), code.end(), atomic), end; it != end; ++it) {
    operation one;
    one.kind = kind_of((*it)[1]);
    one.order = (*it)[2];
    found.push_back(one);
  }
  if (std::regex_search(code, fence)) {
    operation one;
    one.kind = operation_kind::fence;
    one.order = "seq_cst";
    found.push_back(one);
  }
  if (std::regex_search(code, wake)) {
    operation one;
    one.kind = operation_kind::wake;
    found.push_back(one);
  }
  return found;
}

// "model note; sim stop_against_returns c11": claims are separated by a comma, a semicolon or
// "and".
std::vector<claim> claims_in(std::string const& comment) {
  std::vector<claim> claims;
  std::size_t const at = comment.rfind("Killed by:");
  if (at == std::string::npos) return claims;
  static std::regex const one(R"(\b(model|sim) ([a-z][a-z0-9_]*)(?: (c11|sc))?\b)");
  std::string const rest = comment.substr(at);
  for (std::sregex_iterator it(rest.begin(), rest.end(), one), end; it != end; ++it)
    claims.push_back({(*it)[1], (*it)[2], (*it)[3]});
  return claims;
}

void read_checked_by(std::string const& essay, header& h) {
  static std::regex const model(R"(models/relacy/([a-z0-9_]+)_model\.cpp)");
  for (std::sregex_iterator it(essay.begin(), essay.end(), model), end; it != end; ++it) h.models.push_back((*it)[1]);
  static std::regex const scenarios(R"(scenarios? ((?:[a-z0-9_]+(?:,| and|,\s+and)?\s+)*[a-z0-9_]+))");
  static std::regex const name(R"([a-z0-9]+(?:_[a-z0-9]+)+)");
  std::size_t const at = essay.find("Checked by");
  if (at == std::string::npos) return;
  std::string const rest = essay.substr(at, essay.find("Not promised", at) - at);
  for (std::sregex_iterator it(rest.begin(), rest.end(), scenarios), end; it != end; ++it) {
    std::string const list = (*it)[1];
    for (std::sregex_iterator n(list.begin(), list.end(), name); n != end; ++n) h.scenarios.push_back(n->str());
  }
}

}  // namespace

std::string code_of(std::string const& line) {
  bool in_string = false;
  for (std::size_t i = 0; i + 1 < line.size(); ++i) {
    if (line[i] == '\\' && in_string) {
      ++i;
    } else if (line[i] == '"') {
      in_string = !in_string;
    } else if (!in_string && line[i] == '/' && line[i + 1] == '/') {
      return line.substr(0, i);
    }
  }
  return line;
}

std::vector<std::string> operation::weakenings() const {
  std::vector<std::string> kinds;
  switch (kind) {
    case operation_kind::fence:
    case operation_kind::wake: return {"drop"};
    case operation_kind::load:
      kinds = order == "seq_cst" ? std::vector<std::string>{"acquire"} : std::vector<std::string>{"relaxed"};
      break;
    case operation_kind::store:
      kinds = order == "seq_cst" ? std::vector<std::string>{"release"} : std::vector<std::string>{"relaxed"};
      break;
    default:
      if (order == "seq_cst") kinds = {"acq_rel"};
      if (order == "acq_rel") kinds = {"acquire", "release"};
      if (order == "acquire" || order == "release") kinds = {"relaxed"};
  }
  if (order == "relaxed") kinds.clear();
  if (kind == operation_kind::compare_exchange) kinds.push_back("split");
  return kinds;
}

namespace {

// The sentence "Pairs with [NT1], and [SW3] of stop_world." names them in brackets.
std::vector<std::string> partners_in(std::string const& comment) {
  std::size_t const at = comment.find("Pairs with [");
  if (at == std::string::npos) return {};
  static std::regex const one(R"(\[([A-Z]+[0-9]+)\])");
  std::string const sentence = comment.substr(at, comment.find('.', at) - at);
  std::vector<std::string> partners;
  for (std::sregex_iterator it(sentence.begin(), sentence.end(), one), end; it != end; ++it)
    partners.push_back((*it)[1]);
  return partners;
}

}  // namespace

std::vector<header> scan_protocols(std::string const& root) {
  std::vector<std::string> files;
  for (auto const& entry : std::filesystem::directory_iterator(root + "/runtime/protocol")) {
    if (entry.path().extension() == ".hpp") files.push_back(entry.path().filename().string());
  }
  std::sort(files.begin(), files.end());
  static std::regex const begins_numbered(R"(^// \[[A-Z]+[0-9]+\] )");
  std::vector<header> headers;
  for (std::string const& name : files) {
    header h;
    h.file = "runtime/protocol/" + name;
    std::ifstream in(root + "/" + h.file);
    std::string line, comment, essay;
    bool in_essay = true;
    for (unsigned number = 1; std::getline(in, line); ++number) {
      std::string const text = trimmed(line);
      if (text.starts_with("//")) {
        if (std::regex_search(text, begins_numbered)) comment.clear();
        comment += " " + trimmed(text.substr(2));
        if (in_essay) essay += " " + trimmed(text.substr(2));
        continue;
      }
      in_essay = false;
      if (text.empty()) {
        comment.clear();
        continue;
      }
      std::vector<operation> here = operations_in(code_of(line));
      for (operation& one : here) {
        one.file = h.file;
        one.line = number;
        one.text = text;
        one.operations_on_line = static_cast<unsigned>(here.size());
        static std::regex const numbered(R"(^ *\[([A-Z]+[0-9]+)\])");
        std::smatch found;
        if (std::regex_search(comment, found, numbered)) {
          one.number = found[1];
          one.partners = partners_in(comment);
          one.claims = claims_in(comment);
          std::size_t const at = comment.find("Not killed: ");
          if (at != std::string::npos) one.not_killed = comment.substr(at + 12);
        }
        h.operations.push_back(one);
      }
      // A statement that the formatter broke goes on: its comment stands above its first line.
      if (!here.empty() || text.ends_with(';') || text.ends_with('{') || text.ends_with('}')) comment.clear();
    }
    read_checked_by(essay, h);
    headers.push_back(std::move(h));
  }
  return headers;
}

}  // namespace retake::campaign
