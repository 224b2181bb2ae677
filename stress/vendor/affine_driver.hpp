// affine_driver.hpp: stands for somebody else's library: a C driver whose sessions belong to
// threads, and its careless wrapper for goroutines
#pragma once

#include <cstdint>

namespace affine_driver {

// ---- the C part: any thread. The session is the thread's; the first query of a thread opens it,
// which is dear. Blocks for about a millisecond.
std::uint32_t query_here(std::uint32_t key);
// Sessions that were ever opened.
std::uint32_t sessions_opened();

// ---- the wrapper: by a goroutine. It wants nobody else on the thread that has its session, so
// each query is a goroutine of its own, locked to its thread, and it keeps the session for a while
// in case that somebody comes back for it.
std::uint32_t query(std::uint32_t key);
// Lets go of the kept sessions, at the end of a program.
void let_go();

}  // namespace affine_driver
