// flag_values.hpp: the values of flag_values.def, judged. Every program checks what it was given by
// these functions, before it converts the text; the launcher checks by the same lines.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

namespace retake::command_line {

// Empty when `text` is a value of `flag`; else what names the value and what is accepted, for a
// line that begins with the flag. A flag that flag_values.def does not have accepts everything.
std::string complaint(std::string_view flag, std::string const& text);

// The same for CLI11: option->check(accepted("--seed")).
inline CLI::Validator accepted(std::string flag) {
  return CLI::Validator([flag](std::string& text) { return complaint(flag, text); }, "", flag);
}

}  // namespace retake::command_line
