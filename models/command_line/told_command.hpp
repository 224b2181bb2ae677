// told_command.hpp: commands that are told to a reader, so that they can be pasted into a shell
// from where they are told.
//
// Problem.   A folder may be called `a b`, `it's`, or hold a newline, a byte that is no UTF-8, a
//            `$`. A command that names it is pasted from a terminal, a JSON line, a page or a
//            record, and has to mean the same file each time.
// Recipe.    A plain word stays as it is; a printable one is put in single quotes; any other
//            becomes $'...' with octal escapes, so a command is always one line of ASCII, which
//            JSON and HTML carry unchanged. The launcher is `./retake` where the current folder has
//            it, else it has its path: a program that does not know its checkout reads
//            RETAKE_LAUNCHER, which the launcher sets.
// Checked by tests/cli/verdict_test.sh and tests/cli/told_test.sh.
// Rejected.  Double quotes: `$`, the backquote and `!` are alive in them. A newline in single
//            quotes: it is right for a shell, and breaks every line it is told in.
// Not promised: shells without $'...' (POSIX has it since 2024; bash, zsh, ksh and busybox have
// it).
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace retake {

inline std::string quoted_word(std::string_view word) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=,+-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos) return std::string(word);
  bool printable = true;
  for (char const c : word) printable = printable && c >= ' ' && c <= '~';
  std::string text = printable ? "'" : "$'";
  for (char const c : word) {
    auto const byte = static_cast<unsigned char>(c);
    if (printable)
      text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    else if (c == '\'' || c == '\\')
      text += {'\\', c};
    else if (c >= ' ' && c <= '~')
      text += c;
    else
      text += {'\\', static_cast<char>('0' + (byte >> 6U)), static_cast<char>('0' + (byte >> 3U & 7U)),
               static_cast<char>('0' + (byte & 7U))};
  }
  return text + "'";
}

inline std::string told_command(std::vector<std::string> const& words) {
  std::string text;
  for (std::string const& word : words) text += (text.empty() ? "" : " ") + quoted_word(word);
  return text;
}

// The launcher as the current folder reaches it: that of the checkout `root`; without a root, the
// one that started this program.
inline std::string launcher_of(std::string const& root) {
  std::error_code none;
  if (std::filesystem::is_regular_file("./retake", none)) return "./retake";
  if (!root.empty()) return root + "/retake";
  char const* const launcher = std::getenv("RETAKE_LAUNCHER");
  return launcher != nullptr && *launcher != 0 ? launcher : "./retake";
}

// `./retake replay FILE`, with the mutant under which it was found.
inline std::string replay_command(std::string const& root, std::string const& file, std::string const& mutant = "") {
  std::vector<std::string> words{launcher_of(root), "replay", file};
  if (!mutant.empty()) words.insert(words.end(), {"--mutate", mutant});
  return told_command(words);
}

}  // namespace retake
