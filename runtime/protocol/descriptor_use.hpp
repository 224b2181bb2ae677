// descriptor_use.hpp: who is inside a descriptor's number, one for each direction, and who closes it.
//
// Problem.   A close has to end a descriptor now, not when the last variable that names it is gone: the peer waits for the end, the next listener for the port. But
//            a goroutine may stand between its wait and its next read(2), and the kernel gives a closed number to the next who opens anything: that read would
//            take somebody else's bytes.
// Rejected.  A number that lives as long as its object: the peer of a connection that somebody still holds waits as long. A look before each call and a close at
//            once: the look is old when the call is made. A lock around each call: a close would wait for a read that waits.
// Recipe.    a call                                            close
//            closed? refused. Its direction is taken? refused  closed, by one operation; it was closed already: nothing to do
//            else it is inside, its direction taken: CAS [U1]  ends the waits; the number is still there, nobody else can be given it
//            its system calls                                  leaves, as a call does: it gives up the opening's place
//            leaves: the last of a closed number closes it [U2]
//
// States.    open: somebody is inside, the opening itself is one. closed: nobody comes in any more, and somebody is inside. over: nobody is inside: whoever left last has the number, and the memory behind it, to himself.
// Fields.    word_: by the operations below. The opening's place belongs to the first who closes.
// Invariants N1 a second goroutine in a direction is refused; N2 the number is closed once, by the last, and used by nobody afterwards.
// Orders     [U1] [U2], below.
// Checked by models/relacy/descriptor_use_model.cpp, scenarios close_against_wait, close_against_uses, second_reader_is_refused, patches cl1, cl2.
// Not promised: that a close ends what is inside: whoever closes ends the waits, and a call that blocks in the kernel goes on.
// Source: fdMutex in Go's internal/poll, where a second goroutine in a direction waits for the first.
#pragma once

#include <cstdint>

#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

// What a call wants for itself.
enum class direction : std::uint32_t { none = 0, reading = 2, writing = 4 };

class descriptor_use {
 public:
  descriptor_use() noexcept : word_(one) {}

  enum class begun : std::uint32_t { inside, closed, busy };

  // Anybody who reaches the object. inside: it owes an end() with the same direction.
  [[nodiscard]] begun begin(direction way) noexcept {
    const auto mine = static_cast<std::uint32_t>(way);
    for (;;) {
      const std::uint32_t now = word_.load_relaxed();
      if ((now & closed_bit) != 0) return begun::closed;
      if ((now & mine) != 0) return begun::busy;
      // [U1] acquire: who had the direction before is through with it. Pairs with [U2]. Killed by: model descriptor_use.
      const bool inside = word_.compare_exchange_acquire(now, (now | mine) + one).won;
      if (inside) return begun::inside;
    }
  }

  // Whoever is inside. True: it was the last, and closes the number.
  [[nodiscard]] bool end(direction way) noexcept {
    const std::uint32_t gone = static_cast<std::uint32_t>(way) + one;
    // [U2] release: what was done inside is over before the next takes the direction, or the last closes the number; acquire: for that last. Pairs with [U1], [U2]. Killed by: model descriptor_use.
    const std::uint32_t before = word_.fetch_sub_acq_rel(gone);
    world::require(before >= one, "N2: more have left a number than were inside");
    return before - gone == closed_bit;
  }

  // Anybody who reaches the object. True: it was the first, ends the waits, and owes end(direction::none).
  [[nodiscard]] bool close() noexcept { return (word_.fetch_or_relaxed(closed_bit) & closed_bit) == 0; }

  // A hint, once true for ever.
  [[nodiscard]] bool closed() const noexcept { return (word_.load_relaxed() & closed_bit) != 0; }

 private:
  static constexpr std::uint32_t closed_bit = 1;
  static constexpr std::uint32_t one = 8;  // above the directions' bits: how many are inside

  world::atomic<std::uint32_t> word_;
};

}  // namespace retake
