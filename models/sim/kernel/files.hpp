// files.hpp: what is behind a descriptor of the simulated kernel.
//
// Nouns.     descriptor   a small number; the lowest free one is given out next
//            file         what it names: kind, state, who sleeps on it. Lives while a descriptor or
//                         a call under way refers to it
//            stream       bytes on their way, in a pipe or in one direction of a connection
//            watch        one registration of a file in a poll set, under (set, file, descriptor)
//            activity     "something happened to this file": wakes its sleepers and puts its
//                         watches on their ready lists
//
// Rules.     Between two choice points only one thread is here: there are no locks. A call looks,
//            acts or sleeps in one step, and looks again when it comes back. All memory is the
//            execution's arena; nothing is given back within an execution.
//
// Fields of watch: `ready` is true exactly while it is on its set's ready list. A watch leaves both
//            lists of its file and its set when it is removed, by epoll_del or by the end of its
//            file.
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
  world::kernel::poll_event removed[removed_max] =
      {};  // what registrations that are gone might still have said; the last ones
  std::uint32_t removed_count = 0;
  published order;
};

enum class socket_state : std::uint8_t { fresh, listening, connecting, connected, ended };

// Descriptors on their way: beside the bytes from `begin` to `end` of a local stream, counted since
// its beginning.
struct passed_files {
  static constexpr std::uint32_t files_max = 4;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  file* files[files_max] = {};
  std::uint32_t count = 0;
};

struct datagram {
  unsigned char bytes[stream_bytes];
  std::uint32_t count = 0;
  world::kernel::socket_address from;
  passed_files passed;
};

// What came to a datagram socket and nobody has read.
struct datagram_box {
  static constexpr std::uint32_t datagrams_max = 3;
  datagram queue[datagrams_max];
  std::uint32_t count = 0;
  published order;
};

struct socket_body {
  static constexpr std::uint32_t queue_max = 16;
  static constexpr std::uint32_t passed_max = 4;
  stream in;                      // bytes for this end to read
  file* peer = nullptr;           // nullptr: there is none, or it is gone
  file* listener = nullptr;       // connecting, with a full queue before it
  file* queue[queue_max] = {};    // listening: connections nobody has accepted; files without a descriptor
  file* waiting[queue_max] = {};  // listening: who connects when the queue has room again
  std::uint32_t queued = 0;
  std::uint32_t waiters = 0;
  std::uint32_t backlog = 0;
  published order;                     // of connect, for accept
  int error = 0;                       // SO_ERROR
  world::kernel::socket_address name;  // bound to; family none: not bound
  world::kernel::socket_address far;   // the peer's; of a datagram socket: the default receiver
  world::kernel::address_family family = world::kernel::address_family::local;
  datagram_box* box = nullptr;      // a datagram socket's
  passed_files passed[passed_max];  // in `in`, in order
  std::uint32_t passed_count = 0;
  std::uint64_t taken = 0;  // bytes of `in` that were read since its beginning
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

// What a disk holds under a name.
struct disk_file {
  char name[disk_name_bytes] = {};
  unsigned char bytes[disk_file_bytes] = {};
  std::uint32_t size = 0;
  std::uint32_t inode = 0;
  bool cached = true;  // false: a read has to wait for the disk
};

struct ring_body;
struct flying;

enum class file_kind : std::uint8_t { pipe_reader, pipe_writer, counter, poll_set, socket, regular, ring, process };
// A child. It does nothing but hold its files, and ends by itself or by a signal.
struct process_body {
  int number = 0;
  bool ended = false;
  bool reaped = false;
  world::kernel::exit_status status;
  static constexpr std::uint32_t files_max = 4;
  file* files[files_max] = {};
  std::uint32_t file_count = 0;
  file* descriptor = nullptr;
};

struct file {
  file_kind kind;
  bool nonblocking = true;
  std::uint32_t references = 0;
  wait_list sleepers;  // whoever waits for anything here looks again at each activity
  watch* watches = nullptr;
  pipe_body* pipe = nullptr;
  poll_body* poll = nullptr;
  socket_body* socket = nullptr;
  disk_file* disk = nullptr;
  ring_body* ring = nullptr;
  flying* armed = nullptr;    // operations of rings that wait for something to happen here
  std::uint32_t open_as = 0;  // regular: kernel::open_*
  std::uint32_t position = 0;
  process_body* process = nullptr;
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
  static constexpr std::uint32_t names_max = 8;
  world::kernel::socket_address names[names_max];  // of local sockets: they stay until somebody removes them
  std::uint32_t name_count = 0;
  wait_list nothing;  // whoever only lets time pass
  signal_table* signals = nullptr;
  disk_file disk[disk_files_max];
  int rings_refused = 0;  // what opening a ring answers, if not 0
  std::uint32_t ring_troubles = 0;
  static constexpr std::uint32_t processes_max = 8;
  process_body* processes[processes_max] = {};
  std::uint32_t process_count = 0;
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
// For a call that found nothing to do: 0 to look again, -EAGAIN, or -EINTR (the fault; after a
// handler the call goes on: SA_RESTART).
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
file& new_socket(world::kernel::address_family family, bool stream) noexcept;
// A TCP end learns that the connection is gone.
void reset_socket(file& f, int error) noexcept;
void finish_writing(file& f) noexcept;
int take_error(socket_body& s) noexcept;
// As read, and hands over the descriptors that came with the bytes; passed == nullptr drops them.
std::int64_t socket_receive(file& f, unsigned char* to, std::size_t n, passed_files* passed,
                            site const& where) noexcept;
template <class T, std::uint32_t n>
void remove_at(T (&list)[n], std::uint32_t& count, std::uint32_t index) noexcept {
  --count;
  for (std::uint32_t i = index; i < count; ++i) list[i] = list[i + 1];
}
void drop_passed(passed_files& gone) noexcept;

std::int64_t datagram_read(file& f, unsigned char* to, std::size_t n, world::kernel::socket_message* message,
                           site const& where) noexcept;
std::int64_t datagram_write(file& f, unsigned char const* from, std::size_t n,
                            world::kernel::socket_message const* message, site const& where) noexcept;
std::uint32_t datagram_ready(file const& f) noexcept;
void datagram_end(file& f) noexcept;

// At `offset`, or at the position, which moves on. No waiting.
std::int64_t regular_read(file& f, world::kernel::io_slice const* slices, int count, std::int64_t offset) noexcept;
std::int64_t regular_write(file& f, world::kernel::io_slice const* slices, int count, std::int64_t offset) noexcept;
int regular_open(char const* path, std::uint32_t how) noexcept;
int regular_status(int fd, char const* path, world::kernel::file_record& status) noexcept;

std::uint32_t ring_ready(file const& f) noexcept;
// Something happened to `f`: the operations that wait for it look again.
void ring_retry(file& f) noexcept;
void ring_end(file& f) noexcept;

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
