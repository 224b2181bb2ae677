// file_body.hpp: an open file, and the operations that wait for it in rings.
//
// Problem.   A call may find its bytes in memory, or wait for a disk; the file may be closed
//            meanwhile, from another P; and nothing may touch the memory of a call that has
//            returned.
// Recipe.    Each call is inside the number (protocol/descriptor_use.hpp): the last to leave closes
//            it, so that it is nobody else's meanwhile (N2). A call asks without waiting first;
//            then its operation goes onto the file's list and into the ring in one step under
//            lock_, behind the parked goroutine, unless a close was first. A close marks the file
//            and cancels what is on the list, under the same lock: either the operation sees the
//            close, or the close sees the operation, and its cancel stands behind it in the ring's
//            queue. Then it waits until the list is empty: an operation leaves it when its
//            goroutine has come back, which is when the kernel has let go. It asks again and again,
//            since a cancel may miss what the kernel is just trying anew. An operation that ends
//            cancelled without a close (its submitter's thread ended) is sent again; one that the
//            ring does not take, or that the kernel could not do in the submitter's place
//            (-EFAULT), becomes a blocking call. What is done at the position is done in turn
//            (io/turns.hpp), a whole write in one. After the end of the program close() and
//            release() are all that may be called, and close the number.
//
// Fields.    list_: under lock_, which ranks below a ring's locks. number_: closed under lock_, and
//            binding there; elsewhere a hint. holders_: of this memory, the owner until release()
//            and the number until it is closed. reads_at_once_, writes_at_once_: hints: no longer
//            where the file system was found not to answer at once.
// Checked by scenarios close_against_operations, close_behind_operations, ring_queues_full,
//            cold_reads_at_position, writes_at_position_fill_the_disk, whole_writes_of_files,
//            close_against_turns_of_files, patches u01, u02, u06, ft1 to ft4.
#pragma once

#include <cstdint>

#include "poll/operation_ring.hpp"
#include "protocol/descriptor_use.hpp"
#include "protocol/spin_lock.hpp"
#include "sched/outliving.hpp"
#include "world/atomic.hpp"
#include "world/kernel.hpp"
#include "world/ring.hpp"

namespace retake::detail {

class file_body : public outliving {
 public:
  // Takes `fd` over, also on failure: nullptr. `how`: open_direct: never ask without waiting, where
  // the kernel would wait all the same; open_append.
  [[nodiscard]] static file_body* make(int fd, std::uint32_t how) noexcept;

  // By a goroutine. Values >= 0 or -errno. One piece of memory may lie in the registered buffer of
  // this number.
  [[nodiscard]] std::int64_t read(world::kernel::io_slice const* slices, int count, std::int64_t offset,
                                  int buffer = -1) noexcept;
  [[nodiscard]] std::int64_t write(world::kernel::io_slice const* slices, int count, std::int64_t offset) noexcept;
  // All of them at the position, in one turn; `memory` is not written to. 0 or -errno; `done`
  // counts what was written.
  [[nodiscard]] std::int64_t write_on(void* memory, std::size_t bytes, std::size_t& done) noexcept;
  [[nodiscard]] std::int64_t sync(bool data_only) noexcept;
  [[nodiscard]] std::int64_t truncate(std::int64_t bytes) noexcept;
  [[nodiscard]] std::int64_t seek(std::int64_t offset, world::kernel::seek_from from) noexcept;
  [[nodiscard]] std::int64_t status(world::kernel::file_record& into) noexcept;
  // -1: closed.
  [[nodiscard]] int descriptor() noexcept;

  // Operations without a file. A ring opens files and folders only: the kernel has few threads for
  // what waits in opens, and FIFOs without a partner would hold them all.
  [[nodiscard]] static std::int64_t open(char const* path, std::uint32_t how, std::uint32_t permissions) noexcept;
  [[nodiscard]] static std::int64_t status_of(char const* path, world::kernel::file_record& into) noexcept;

  // Each write goes to the end, whatever its offset.
  [[nodiscard]] bool appends() const noexcept { return appends_; }

  void close() noexcept;
  // The owner's last word: closes; the object is gone with it, or with the last call.
  void release() noexcept;

 private:
  file_body(outliving_list& home, int fd, std::uint32_t how, bool has_position) noexcept
      : outliving(home, end_program),
        fd_(fd),
        appends_((how & world::kernel::open_append) != 0),
        has_position_(has_position),
        holders_(2),
        reads_at_once_((how & world::kernel::open_direct) != 0 ? 0 : 1),
        writes_at_once_((how & world::kernel::open_direct) != 0 ? 0 : 1),
        list_(nullptr) {}

  static void end_program(outliving& self) noexcept;
  class use;
  struct sending;

  [[nodiscard]] static std::int64_t through_ring(world::ring_request const& request, file_body* file) noexcept;
  [[nodiscard]] static bool commit_send(goroutine& g, void* argument) noexcept;
  template <class Call>
  [[nodiscard]] static std::int64_t blocking(Call call) noexcept;
  template <class Call>
  [[nodiscard]] std::int64_t waiting(world::ring_request const& request, Call call) noexcept;
  [[nodiscard]] bool enlist_and_send(operation& o, operation_ring& ring) noexcept;
  void delist(operation& o) noexcept;
  [[nodiscard]] bool cancel_all() noexcept;
  [[nodiscard]] bool enter(direction way) noexcept;
  void leave(direction way) noexcept;
  void close_number() noexcept;
  [[nodiscard]] std::int64_t read_at_once(world::kernel::io_slice const* slices, int count,
                                          std::int64_t offset) noexcept;
  [[nodiscard]] std::int64_t write_inside(world::kernel::io_slice const* slices, int count,
                                          std::int64_t offset) noexcept;
  void drop() noexcept;

  int const fd_;
  bool const appends_;
  bool const has_position_;  // else a pipe, a socket or a terminal
  descriptor_use<goroutine> number_;
  world::atomic<std::uint32_t> holders_;
  world::atomic<std::uint32_t> reads_at_once_;
  world::atomic<std::uint32_t> writes_at_once_;
  spin_lock lock_;
  world::plain<operation*> list_;
};

}  // namespace retake::detail
