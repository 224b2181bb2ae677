// polled_file.hpp: a non-blocking descriptor with its entry in the poller.
//
// Whatever uses the number does so inside protocol/descriptor_use.hpp: close() ends the waits, and
// the last to leave closes the number and gives the entry back (N2). The memory of this object
// outlives both the owner's word release() and the number. The end of the program takes the entry
// away: then close() and release() are all that may be called, and close the number.
//
// A turn holds its direction from the first try of its first call to the last of its last, and the
// next goroutine has it then. Between a try and its wait another goroutine would take the edge that
// the first is about to wait for (scenario readers_take_turns); between two parts of a write it
// would write its own (scenario whole_writes_do_not_mix). A wait for a turn needs no deadline of
// its own: the direction's deadline ends every turn before it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "poll/poller.hpp"
#include "protocol/descriptor_use.hpp"
#include "retake/go.hpp"
#include "retake/syscall.hpp"
#include "sched/scheduler.hpp"
#include "world/atomic.hpp"
#include "world/errors.hpp"
#include "world/require.hpp"
#include "world/sockets.hpp"

namespace retake::detail {

class polled_file : public outliving {
 public:
  // By a goroutine. Takes `fd` (non-blocking) over, also on failure. nullptr and -errno.
  [[nodiscard]] static polled_file* make(int fd, int& failed) noexcept;
  // The same for a descriptor of unknown kind: one that the poller refuses is called in system
  // calls that hand their P over.
  [[nodiscard]] static polled_file* adopt(int fd, int& failed) noexcept;

  // A goroutine's, on its stack: the direction is its own. Blocks it until it is.
  class turn {
   public:
    turn(polled_file& file, direction way) noexcept;
    ~turn();
    turn(turn const&) = delete;
    turn& operator=(turn const&) = delete;

    [[nodiscard]] polled_file& file() const noexcept { return file_; }
    // False: the file was closed before.
    [[nodiscard]] bool granted() const noexcept { return granted_; }

    // Makes `call`, which returns a value >= 0 or -errno and is made again after -EINTR, and after
    // each wait for its direction while it says -EAGAIN. -ECANCELED when closed, -ETIMEDOUT when
    // the direction's deadline is over.
    template <class Call>
    [[nodiscard]] std::int64_t make(Call call) noexcept;

   private:
    polled_file& file_;
    direction const way_;
    bool const granted_;
  };

  // A turn of one call.
  template <class Call>
  [[nodiscard]] std::int64_t reading(Call call) noexcept {
    return turn(*this, direction::reading).make(call);
  }
  template <class Call>
  [[nodiscard]] std::int64_t writing(Call call) noexcept {
    return turn(*this, direction::writing).make(call);
  }

  // By a goroutine: makes `call` with the number, once; it does not wait. Its answer, or -ECANCELED
  // when closed.
  template <class Call>
  [[nodiscard]] int at_once(Call call) noexcept;

  // Values >= 0 or -errno; block the goroutine.
  [[nodiscard]] std::int64_t read(void* into, std::size_t bytes) noexcept;
  // All of them, in one turn, or in the one that is given. 0 or -errno; `done` counts what was
  // written.
  [[nodiscard]] std::int64_t write(void const* from, std::size_t bytes, std::size_t& done) noexcept;
  [[nodiscard]] static std::int64_t write(turn& mine, void const* from, std::size_t bytes, std::size_t& done) noexcept;
  [[nodiscard]] int accept() noexcept;
  [[nodiscard]] int connect(world::kernel::socket_address const& where) noexcept;

  // For who is inside a call of this file. Anybody else may learn of the close only afterwards.
  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] bool closed() const noexcept { return number_.closed(); }
  [[nodiscard]] bool polled() const noexcept { return entry_ != nullptr; }

  // By a goroutine: until when calls of a direction may take; 0: without limit. 0, -ECANCELED, or
  // -EOPNOTSUPP where the poller refuses the kind.
  [[nodiscard]] int set_deadlines(std::int64_t due_ns, bool reading, bool writing) noexcept;

  // By a goroutine: ends all waits; the number is closed when the last call has left, here if none
  // is inside. Does nothing more when it is called again.
  void close() noexcept;
  // The owner's last word: closes; the object is gone with it, or with the last call.
  void release() noexcept;

 private:
  polled_file(int fd, scheduler& s, poll_descriptor* entry) noexcept
      : outliving(s.objects, end_program), fd_(fd), network_(s.network), entry_(entry), holders_(2) {}

  static void end_program(outliving& self) noexcept;
  [[nodiscard]] static polled_file* make_with(int fd, scheduler& s, poll_descriptor* entry, int& failed) noexcept;
  [[nodiscard]] bool enter(direction way) noexcept;
  template <class Call>
  [[nodiscard]] std::int64_t try_and_wait(Call& call, bool reads) noexcept;
  template <class Call>
  [[nodiscard]] std::int64_t block_in(Call& call) noexcept;
  void leave(direction way) noexcept;
  void close_number() noexcept;
  void drop() noexcept;

  int const fd_;
  poller& network_;
  poll_descriptor* entry_;  // nullptr: the poller refuses this kind, or has ended. Ours until the number is closed
  descriptor_use<goroutine> number_;
  world::atomic<std::uint32_t> holders_;  // of this memory: the owner until release(), the number until it is closed
};

inline polled_file::turn::turn(polled_file& file, direction way) noexcept
    : file_(file), way_(way), granted_(file.enter(way)) {}

inline polled_file::turn::~turn() {
  if (granted_) file_.leave(way_);
  preempt_point();  // of calls that never have to wait too
}

template <class Call>
std::int64_t polled_file::turn::make(Call call) noexcept {
  if (!granted_) return world::errors::cancelled;
  return file_.polled() ? file_.try_and_wait(call, way_ == direction::reading) : file_.block_in(call);
}

template <class Call>
int polled_file::at_once(Call call) noexcept {
  if (!enter(direction::none)) return world::errors::cancelled;
  const int done = call();
  leave(direction::none);
  return done;
}

template <class Call>
std::int64_t polled_file::try_and_wait(Call& call, bool reads) noexcept {
  for (;;) {  // bound: an answer, a close or a deadline
    if (entry_->closed.announced()) return world::errors::cancelled;
    if ((reads ? entry_->reader : entry_->writer).deadline.over()) return world::errors::timed_out;
    const std::int64_t done = call();
    if (done == world::errors::interrupted) continue;
    if (done != world::errors::would_block) return done;
    const poll_result waited = reads ? network_.wait_readable(*entry_) : network_.wait_writable(*entry_);
    world::require(waited != poll_result::busy, "N1: two goroutines wait for one direction");
  }
}

template <class Call>
std::int64_t polled_file::block_in(Call& call) noexcept {
  for (;;) {  // bound: an answer or a close
    if (closed()) return world::errors::cancelled;
    const std::int64_t done = syscall(call);
    if (done != world::errors::interrupted) return done;
  }
}

}  // namespace retake::detail
