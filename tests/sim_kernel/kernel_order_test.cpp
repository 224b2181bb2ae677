// Goal.   What a thread did before it wrote to a pipe, a counter or a socket has happened before
//         what its reader does after the read; what it does after the write has not; and a fence's
//         view goes along.
// Method. Message passing through each kind of descriptor with plain data, depth first and at
//         random; each has a twin in which one touch stands on the wrong side of its call, and must
//         race.
#include <string>

#include "in_sim.hpp"

namespace retake::sim {

namespace {

enum class through { pipe, counter, socket };

struct message {
  int read_end, write_end;
  world::plain<int> data{0};
  world::atomic<std::uint32_t> x{0}, y{0};
  std::uint32_t seen_y = 0;  // host memory: read when all have ended
};

template <through Kind>
message& made() {
  auto& m = shared<message>();
  int end[2];
  if (Kind == through::pipe) {
    world::require(k::pipe_blocking(end) == 0, "harness: pipe");
  } else if (Kind == through::socket) {
    world::require(k::socketpair(end) == 0 && k::set_nonblocking(end[0], false) == 0, "harness: socketpair");
  } else {
    end[0] = end[1] = k::eventfd();
    world::require(k::set_nonblocking(end[0], false) == 0, "harness: eventfd");
  }
  m.read_end = end[0];
  m.write_end = end[1];
  return m;
}
void tell(message& m) {
  std::uint64_t const one = 1;
  world::require(k::write(m.write_end, &one, sizeof one) == sizeof one, "harness: write");
}
void hear(message& m) {
  std::uint64_t value;
  world::require(k::read(m.read_end, &value, sizeof value) == sizeof value, "harness: read");
}

void with(message& m, void (*f)(message&)) {
  struct job {
    message* of;
    void (*f)(message&);
  };
  auto* const j = new (world::allocate(sizeof(job))) job{&m, f};
  start([](void* opaque) { static_cast<job*>(opaque)->f(*static_cast<job*>(opaque)->of); }, j);
}

enum class side { ordered, written_after, read_before };

template <through Kind, side Side>
void message_passing() {
  message& m = made<Kind>();
  with(m, [](message& o) {
    if (Side != side::written_after) o.data.set(1);
    tell(o);
    if (Side == side::written_after) o.data.set(1);
  });
  if (Side == side::read_before) m.data.get();
  hear(m);
  if (Side != side::read_before)
    world::require(m.data.get() == 1 || Side == side::written_after, "order: the data did not come along");
}
TEST(kernel_order, what_comes_before_a_write_happens_before_what_follows_its_read) {
  holds(message_passing<through::pipe, side::ordered>);
  holds(message_passing<through::counter, side::ordered>);
  holds(message_passing<through::socket, side::ordered>);
}
TEST(kernel_order, what_comes_after_a_write_is_not_published) {
  fails(message_passing<through::pipe, side::written_after>, "race");
  fails(message_passing<through::counter, side::written_after>, "race");
  fails(message_passing<through::socket, side::written_after>, "race");
}
TEST(kernel_order, what_comes_before_a_read_is_not_ordered) {
  fails(message_passing<through::pipe, side::read_before>, "race");
  fails(message_passing<through::counter, side::read_before>, "race");
  fails(message_passing<through::socket, side::read_before>, "race");
}

// The end of an object is ordered by a message as any other write.
template <bool Told>
void object_ends() {
  message& m = made<through::pipe>();
  with(m, [](message& o) {
    if (!Told) tell(o);
    o.x.load_relaxed();
    if (Told) tell(o);
  });
  hear(m);
  m.x.~atomic();
}
TEST(kernel_order, an_object_ends_after_the_touches_that_a_message_says_are_over) {
  holds(object_ends<true>);
  campaign const c = run(object_ends<false>, strategy::random);
  ASSERT_TRUE(c.failed);
  EXPECT_TRUE(std::string(c.last.what.tag) == "race" || std::string(c.last.what.tag) == "use_after_free")
      << c.last.what.claim;
}

// The second thread's fence is later than the first one's, or the first sees y; the third hears of
// the second's.
template <bool Heard>
void fence_travels() {
  message& m = made<through::pipe>();
  with(m, [](message& o) {
    o.x.store_relaxed(1);
    world::fence_seq_cst();
    o.seen_y = o.y.load_relaxed();
  });
  with(m, [](message& o) {
    o.y.store_relaxed(1);
    world::fence_seq_cst();
    tell(o);
  });
  if (Heard) hear(m);
  bool const y = Heard || m.y.load_acquire() == 1;
  std::uint32_t const x = m.x.load_relaxed();
  join_others();
  world::require(!(y && m.seen_y == 0 && x == 0), "travel: a fence's view did not come along");
}
TEST(kernel_order, a_fences_view_goes_along_with_a_message_and_not_without) {
  holds(fence_travels<true>);
  fails(fence_travels<false>, "travel");
}

}  // namespace

}  // namespace retake::sim
