// Goal: no execution sees what another one left. Method: a body that fails when it finds its own
// mark in memory that it has not written, run many times in one engine; what the memory holds
// instead is the fresh byte, which is not zero.
#include "exhaust.hpp"
#include "sim/arena.hpp"
#include "world/memory.hpp"

namespace retake::test {
namespace {

constexpr unsigned char mark = 0xAB;

void expect_fresh(unsigned char volatile* p, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) world::require(p[i] == sim::arena::fresh_byte, "dirty: not the fresh byte");
  for (std::size_t i = 0; i < n; ++i) p[i] = mark;
}

void allocates() {
  auto* const p = static_cast<unsigned char*>(world::allocate(64));
  expect_fresh(p, 64);
  word w{0};
  w.store_relaxed(1);
}

__attribute__((noinline, no_sanitize("address"))) void looks_below(std::size_t depth) {
  auto* const here = static_cast<unsigned char*>(__builtin_frame_address(0));
  unsigned char volatile* const p = here - depth;
  world::require(p[0] != mark && p[0] != 0, "dirty: a stack holds what an earlier execution left");
  for (std::size_t i = 0; i < depth - 512; ++i) p[i] = mark;  // as deep as a frame of that size would
}
void uses_its_stack() {
  looks_below(8'192);
  word w{0};
  with<word>(w, [](word& o) {
    looks_below(4'096);
    o.store_relaxed(1);
  });
  sim::join_others();
}

void uses_pooled_stacks() {
  constexpr std::size_t bytes = 65'536;
  world::stack_source source(bytes);
  world::stack s{};
  for (int i = 0; i < 3; ++i) {
    world::require(source.get(s) == 0, "stack: none");
    auto* const low = static_cast<unsigned char*>(s.low);
    expect_fresh(low + bytes - 2'048, 2'048);
    if (i == 1) world::give_back_pages(low, 4'096);
    if (i == 1) world::require(low[0] == 0, "stack: not given back");
    if (i == 2) expect_fresh(low, 64);
  }
}

// Every run of the same execution, in one engine, has the same hash and no finding.
void expect_the_same(void (*body)(), int runs) {
  sim::engine e(in(c11));
  sim::random_walk r(1);
  sim::scenario const s = of(body);
  std::uint64_t first = 0;
  for (int i = 0; i < runs; ++i) {
    r.begin(0);
    sim::execution const& x = e.run(s, r);
    EXPECT_FALSE(x.failed) << "run " << i << ": " << x.what.claim;
    if (i == 0) first = x.hash;
    EXPECT_EQ(x.hash, first) << "run " << i;
  }
}
TEST(isolation, fresh_memory_holds_the_fresh_byte_in_every_execution) { expect_the_same(&allocates, 10); }
TEST(isolation, stacks_of_threads_hold_nothing_of_an_earlier_execution) { expect_the_same(&uses_its_stack, 10); }
TEST(isolation, pooled_stacks_hold_the_fresh_byte_in_every_execution) { expect_the_same(&uses_pooled_stacks, 10); }

void takes(int sources) {
  constexpr std::size_t bytes = 4'096;
  for (int i = 0; i < sources; ++i) {
    auto* const source = new (world::allocate(sizeof(world::stack_source))) world::stack_source(bytes);
    world::stack s{};
    for (int k = 0; k < 64; ++k) world::require(source->get(s) == 0, "stack: none");
  }
}
void takes_all() { takes(8); }
void takes_too_many() { takes(9); }
void takes_another_size() {
  world::stack_source source(8'192);
  world::stack s{};
  world::require(source.get(s) == 0, "stack: none");
}
TEST(bound, more_stacks_in_use_than_the_pool_holds) {
  EXPECT_EQ(first_tag(&takes_too_many, sc), "bound");
  sim::engine e(in(sc));
  sim::random_walk r(1);
  for (auto* const body : {&takes_all, &takes_another_size}) {
    r.begin(0);
    EXPECT_FALSE(e.run(of(body), r).failed) << e.last().what.claim;
  }
}

}  // namespace
}  // namespace retake::test
