// protocol_scan.hpp: what can be read off the protocol headers: every world operation, its order,
// the claim that stands at it.
//
// Problem.   A memory order is a claim. Somebody has to execute it, for every operation that there
//            is, and nobody may choose which.
// Recipe.    One world operation per line makes a line number a name. The scan finds the
//            operations, the weakenings that each one allows, and the numbered comment above it:
//            `// [NT1] acquire: ... Pairs with [NT2]. Killed by: model note.`
// Checked by tests/tidy: a strong order without a number and a claim is an error, two operations on
// a line are one too.
#pragma once

#include <string>
#include <vector>

namespace retake::campaign {

enum class operation_kind { load, store, exchange, compare_exchange, fetch, fence, wake };

struct claim {
  std::string technique;  // "model" or "sim"
  std::string subject;    // a model's or a scenario's name
  std::string memory;     // "sc", "c11" or empty
};

struct operation {
  std::string file;  // relative to the root: runtime/protocol/note.hpp
  unsigned line = 0;
  std::string text;  // the line, trimmed
  operation_kind kind = operation_kind::load;
  std::string order;                  // "acquire", ...; "seq_cst" of a fence; empty of a wake
  std::string number;                 // "NT1"; empty when no numbered comment stands above
  std::vector<std::string> partners;  // the numbers of "Pairs with"
  std::vector<claim> claims;          // what the comment names
  std::string not_killed;             // or why nobody can: "Not killed: ..."
  unsigned operations_on_line = 1;

  bool strong() const { return !order.empty() && order != "relaxed"; }
  // The kinds of --mutate that weaken this operation.
  std::vector<std::string> weakenings() const;
};

struct header {
  std::string file;  // relative to the root
  std::vector<operation> operations;
  std::vector<std::string> models;  // of "Checked by"
  std::vector<std::string> scenarios;
};

std::vector<header> scan_protocols(std::string const& root);

// A line of C++ without its // comment.
std::string code_of(std::string const& line);

}  // namespace retake::campaign
