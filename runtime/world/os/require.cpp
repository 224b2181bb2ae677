// The cold ends of a process: a broken invariant, and a documented fatal error. See
// world/require.hpp.
#include "world/require.hpp"

#include <cstdlib>
#include <cstring>

#include <sys/uio.h>
#include <unistd.h>

namespace retake::world {

namespace detail {
void speak_last() noexcept;  // last_words.cpp
}

namespace {

iovec piece(char const* text) noexcept { return {const_cast<char*>(text), std::strlen(text)}; }

void write_pieces(iovec const* pieces, int count) noexcept {
  // Standard error may be closed or full; the process ends in any case.
  if (::writev(STDERR_FILENO, pieces, count) < 0) return;
}

// `number` in decimal, at the end of `room`.
char const* decimal(unsigned number, char (&room)[12]) noexcept {
  char* at = room + sizeof(room) - 1;
  *at = '\0';
  do {
    *--at = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  return at;
}

}  // namespace

void detail::require_failed(char const* tag_and_claim, char const* file, unsigned line, char const* function) noexcept {
  char room[12];
  iovec const pieces[] =
      {piece("retake: broken invariant: "), piece(tag_and_claim), piece(" ("),     piece(file), piece(":"),
       piece(decimal(line, room)),          piece(", "),          piece(function), piece(")\n")};
  write_pieces(pieces, sizeof(pieces) / sizeof(pieces[0]));
  std::abort();
}

void fatal(char const* text, site) noexcept {
  iovec const pieces[] = {piece("fatal error: "), piece(text), piece("\n")};
  write_pieces(pieces, sizeof(pieces) / sizeof(pieces[0]));
  detail::speak_last();
  ::_exit(2);
}

}  // namespace retake::world
