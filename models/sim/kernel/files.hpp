// files.hpp: what is behind a descriptor of the simulated kernel.
//
// Nouns.     descriptor   a small number; the lowest free one is given out next
//            file         what it names: kind, state, who sleeps on it. Lives while a descriptor or a call under way refers to it
//            stream       bytes on their way, in a pipe or in one direction of a connection
//            watch        one registration of a file in a poll set, under (set, file, descriptor)
//            activity     "something happened to this file": wakes its sleepers and puts its watches on their ready lists
//
// Rules.     Between two choice points only one thread is here: there are no locks. A call looks, acts or sleeps in one step, and looks
//            again when it comes back. All memory is the execution's arena; nothing is given back within an execution.
//
// Fields of watch: `ready` is true exactly while it is on its set's ready list. A watch leaves both lists of its file and its set when
//            it is removed, by epoll_del or by the end of its file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/kernel.hpp"
#include "kernel/order.hpp"
#include "sim/calls.hpp"
#include "world/kernel.hpp"

namespace retake::sim::kernel {

struct file;

struct stream {
  unsigned char bytes[stream_bytes];
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  published order;

  std::uint32_t room() const noexcept { return stream_bytes - count; }
  bool writable() const noexcept { return room() >= atomic_write_bytes; }
  void put(unsigned char const* from, std::uint32_t n) noexcept;
  void take(unsigned char* to, std::uint32_t n) noexcept;
};

// Shared by the two ends; an end is nullptr when its file is gone.
struct pipe_body {
  stream bytes;
  file* reader = nullptr;
  file* writer = nullptr;
};

struct watch {
  file* set = nullptr;
  file* target = nullptr;
  watch* next_of_set = nullptr;
  watch* next_of_target = nullptr;
  watch* next_ready = nullptr;
  std::uint64_t data = 0;
  std::uint32_t events = 0;
  int descriptor = -1;
  bool ready = false;
};

struct poll_body {
  static constexpr std::uint32_t removed_max = 4;
  watch* members = nullptr;
  watch* ready_first = nullptr;
  watch* ready_last = nullptr;
  world::kernel::poll_event removed[removed_max] = {};  // what registrations that are gone might still have said; the last ones
  std::uint32_t removed_count = 0;
  published order;
};

enum class socket_state : std::uint8_t { fresh, listening, connecting, connected, ended };

struct socket_body {
  static constexpr std::uint32_t queue_max = 16;
  stream in;                      // bytes for this end to read
  file* peer = nullptr;           // nullptr: there is none, or it is gone
  file* listener = nullptr;       // connecting, with a full queue before it
  file* queue[queue_max] = {};    // listening: connections nobody has accepted; files without a descriptor
  file* waiting[queue_max] = {};  // listening: who connects when the queue has room again
  std::uint32_t queued = 0;
  std::uint32_t waiters = 0;
  std::uint32_t backlog = 0;
  published order;  // of connect, for accept
  int error = 0;    // SO_ERROR
  std::uint16_t port = 0;
  socket_state state = socket_state::fresh;
  bool tcp = false;
  bool announced = false;   // connect has reported success
  bool no_more_in = false;  // shut for reading, by either side
  bool no_more_out = false;
  bool peer_finished = false;  // TCP: a FIN came
  bool wants_room = false;     // TCP: somebody found it full; only then is room an activity
  bool reuse_address = false;
  bool reset_on_close = false;  // SO_LINGER with 0 seconds
};

enum class file_kind : std::uint8_t { pipe_reader, pipe_writer, counter, poll_set, socket };

struct file {
  file_kind kind;
  bool nonblocking = true;
  std::uint32_t references = 0;
  wait_list sleepers;  // whoever waits for anything here looks again at each activity
  watch* watches = nullptr;
  pipe_body* pipe = nullptr;
  poll_body* poll = nullptr;
  socket_body* socket = nullptr;
  std::uint64_t counter = 0;
  published order;  // of a counter

  explicit file(file_kind k) noexcept : kind(k) {}
};

struct signal_table;

struct kernel_state {
  file* descriptors[descriptors_max] = {};
  std::uint32_t open = 0;
  std::uint16_t next_port = 40'000;
  int processors = static_cast<int>(processors_default);
  wait_list nothing;  // whoever only lets time pass
  signal_table* signals = nullptr;
};

// ---- state.cpp ----
kernel_state& state() noexcept;
// Fresh memory of the execution, constructed.
void* arena_memory(std::size_t bytes) noexcept;
template <class T, class... Argument>
T* make(Argument... argument) noexcept {
  return new (arena_memory(sizeof(T))) T(argument...);
}
file* lookup(int descriptor) noexcept;
// The lowest free number, or -EMFILE. Takes a reference.
int give_descriptor(file& f) noexcept;
// Whether `n` more descriptors can be had; the fault emfile says no.
bool room_for_descriptors(int n, site const& where) noexcept;
int drop_descriptor(int descriptor) noexcept;
void drop_reference(file& f) noexcept;
// A call under way keeps its file.
class hold {
 public:
  explicit hold(file& f) noexcept : file_(f) { ++f.references; }
  ~hold() { drop_reference(file_); }
  hold(hold const&) = delete;
  hold& operator=(hold const&) = delete;

 private:
  file& file_;
};

// The choice point, and what may strike at the entry of any call.
void enter(site const& where) noexcept;
// The call's result, for the trace.
std::int64_t leave(std::int64_t result) noexcept;
int leave(int result) noexcept;

enum class slept : std::uint8_t { woken, timed_out, interrupted };
// Sleeps in a call. `interrupted`: the fault eintr, or a signal's handler has run.
slept sleep_on(wait_list& list, std::int64_t deadline_ns, site const& where) noexcept;
// For a call that found nothing to do: 0 to look again, -EAGAIN, or -EINTR (the fault; after a handler the call goes on: SA_RESTART).
int wait_for(file& f, site const& where) noexcept;
// The fault eagain on a file that is ready for `key`.
bool not_yet(file& f, std::uint32_t key, site const& where) noexcept;
// How many of `n` possible bytes move.
std::uint32_t some_of(std::uint32_t n, fault_kind kind, site const& where) noexcept;

// ---- pipes.cpp, counters.cpp, sockets.cpp, polls.cpp: one set of functions per kind ----
std::int64_t pipe_read(file& f, unsigned char* to, std::size_t n, site const& where) noexcept;
std::int64_t pipe_write(file& f, unsigned char const* from, std::size_t n, site const& where) noexcept;
std::uint32_t pipe_ready(file const& f) noexcept;
void pipe_end(file& f) noexcept;

std::int64_t counter_read(file& f, unsigned char* to, std::size_t n, site const& where) noexcept;
std::int64_t counter_write(file& f, unsigned char const* from, std::size_t n, site const& where) noexcept;
std::uint32_t counter_ready(file const& f) noexcept;

std::int64_t socket_read(file& f, unsigned char* to, std::size_t n, site const& where) noexcept;
std::int64_t socket_write(file& f, unsigned char const* from, std::size_t n, site const& where) noexcept;
std::uint32_t socket_ready(file& f) noexcept;
void socket_end(file& f) noexcept;

// The state of any file, in poll bits.
std::uint32_t ready_of(file& f) noexcept;
// `key`: which bits may have changed; 0: look at everything.
void activity(file& f, std::uint32_t key) noexcept;
// The file is gone: so are its registrations, and those in it.
void remove_watches(file& f) noexcept;

// ---- signals.cpp ----
// Runs handlers of pending signals that this thread does not block. True if one ran.
bool deliver_signals() noexcept;
// The fault `signal`.
void maybe_strike_signal(site const& where) noexcept;
// SIGPIPE: fails the execution unless the process handles or ignores it.
void broken_pipe(site const& where) noexcept;
void note_sleeping(wait_list* list) noexcept;

}  // namespace retake::sim::kernel
