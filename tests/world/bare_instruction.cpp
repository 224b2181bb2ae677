// One function per operation, read by bare_instruction_test.sh: what is inside is what a protocol
// pays.
#include "world/atomic.hpp"
#include "world/ghost.hpp"
#include "world/require.hpp"

namespace w = retake::world;

struct pair_of_words {
  std::uint32_t low;
  std::uint32_t high;
};

extern "C" {
std::uint32_t bare1_load_acquire(w::atomic<std::uint32_t> const& a) { return a.load_acquire(); }
std::uint64_t bare1_load_seq_cst(w::atomic<std::uint64_t> const& a) { return a.load_seq_cst(); }
pair_of_words bare1_load_struct(w::atomic<pair_of_words> const& a) { return a.load_acquire(); }
int* bare1_load_pointer(w::atomic<int*> const& a) { return a.load_relaxed(); }
void bare1_store_release(w::atomic<std::uint32_t>& a, std::uint32_t v) { a.store_release(v); }
void bare1_store_seq_cst(w::atomic<std::uint32_t>& a, std::uint32_t v) { a.store_seq_cst(v); }
std::uint64_t bare2_exchange_acq_rel(w::atomic<std::uint64_t>& a, std::uint64_t v) { return a.exchange_acq_rel(v); }
void bare1_fetch_add(w::atomic<std::uint32_t>& a) { a.fetch_add_relaxed(1); }
bool bare3_compare_exchange(w::atomic<std::uint32_t>& a, std::uint32_t e, std::uint32_t d) {
  return a.compare_exchange_acq_rel(e, d).won;
}
bool bare3_compare_exchange_struct(w::atomic<pair_of_words>& a, pair_of_words e, pair_of_words d) {
  return a.compare_exchange_release(e, d).won;
}
std::uint32_t bare1_plain_get(w::plain<std::uint32_t> const& p) { return p.get(); }
void bare1_plain_set(w::plain<std::uint32_t>& p, std::uint32_t v) { p.set(v); }
void bare0_ghost(w::ghost<int>& g) { g.move(1, 2, "P9: vanishes"); }
void bare1_fence() { w::fence_seq_cst(); }
void bare0_require() { w::require(true, "P9: vanishes"); }
}

struct owned {
  std::uint32_t word;
  [[no_unique_address]] w::ghost<int> owner;
};
static_assert(sizeof(owned) == sizeof(std::uint32_t), "a ghost takes no room");
static_assert(sizeof(w::atomic<pair_of_words>) == 8 && alignof(w::atomic<pair_of_words>) == 8);
static_assert(sizeof(w::atomic<std::uint8_t>) == 1 && sizeof(w::plain<int*>) == sizeof(int*));

constinit w::atomic<int*> constant_initialised{nullptr};
