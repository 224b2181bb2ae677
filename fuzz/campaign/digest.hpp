// digest.hpp: short names of texts (FNV-1a, 64 bits). Against chance, not against an opponent.
#pragma once

#include <cstdint>
#include <string_view>

namespace retake::campaign {

constexpr std::uint64_t digest_begin = 14695981039346656037ULL;

constexpr std::uint64_t digest_of(std::string_view text, std::uint64_t digest = digest_begin) {
  for (char const c : text) digest = (digest ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return digest;
}

}  // namespace retake::campaign
