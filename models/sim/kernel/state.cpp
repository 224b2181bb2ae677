// The descriptor table, references, and what every call has in common. See files.hpp.
#include <cerrno>
#include <cstring>

#include "kernel/files.hpp"

namespace retake::sim::kernel {

namespace {

// One object for all calls: a write to one file changes the readiness of others, so that no two
// calls may count as independent.
constexpr std::uint32_t kernel_object = 0;

}  // namespace

void stream::put(unsigned char const* from, std::uint32_t n) noexcept {
  for (std::uint32_t i = 0; i < n; ++i) bytes[(first + count + i) % stream_bytes] = from[i];
  count += n;
}

void stream::take(unsigned char* to, std::uint32_t n) noexcept {
  for (std::uint32_t i = 0; i < n; ++i) to[i] = bytes[(first + i) % stream_bytes];
  first = (first + n) % stream_bytes;
  count -= n;
}

void* arena_memory(std::size_t bytes) noexcept {
  void* const memory = the_engine->arena_.allocate(bytes, alignof(std::max_align_t));
  if (memory == nullptr) fail("memory: the arena of the execution is used up by the simulated kernel");
  return memory;
}

kernel_state& state() noexcept {
  void*& mine = slot(user_slot::kernel);
  if (mine == nullptr) mine = make<kernel_state>();
  return *static_cast<kernel_state*>(mine);
}

file* lookup(int descriptor) noexcept {
  if (descriptor < 0 || descriptor >= descriptors_max) return nullptr;
  return state().descriptors[descriptor];
}

int give_descriptor(file& f) noexcept {
  kernel_state& s = state();
  for (int i = first_descriptor; i < descriptors_max; ++i) {
    if (s.descriptors[i] != nullptr) continue;
    s.descriptors[i] = &f;
    ++f.references;
    ++s.open;
    return i;
  }
  return -EMFILE;
}

bool room_for_descriptors(int n, site const& where) noexcept {
  if (state().open + static_cast<std::uint32_t>(n) > static_cast<std::uint32_t>(descriptors_max - first_descriptor))
    return false;
  return !fault(fault_kind::emfile, where);
}

int drop_descriptor(int descriptor) noexcept {
  file* const f = lookup(descriptor);
  if (f == nullptr) return -EBADF;
  kernel_state& s = state();
  s.descriptors[descriptor] = nullptr;
  --s.open;
  drop_reference(*f);
  return 0;
}

void drop_reference(file& f) noexcept {
  if (--f.references != 0) return;
  remove_watches(f);
  if (f.pipe != nullptr) pipe_end(f);
  if (f.socket != nullptr) socket_end(f);
  if (f.ring != nullptr) ring_end(f);
  if (f.process != nullptr) f.process->descriptor = nullptr;
}

void enter(site const& where) noexcept {
  op(op_kind::kernel, kernel_object, where);
  if (fault(fault_kind::slow_syscall, where))
    wait(state().nothing, now_ns() + slow_syscall_ns, op_kind::kernel_wait, kernel_object, where);
  maybe_strike_signal(where);
  deliver_signals();
}

std::int64_t leave(std::int64_t result) noexcept {
  outcome(static_cast<std::uint64_t>(result));
  return result;
}

int leave(int result) noexcept {
  outcome(static_cast<std::uint64_t>(std::int64_t{result}));
  return result;
}

slept sleep_on(wait_list& list, std::int64_t deadline_ns, site const& where) noexcept {
  if (fault(fault_kind::eintr, where)) return slept::interrupted;
  note_sleeping(&list);
  wait_result const how = wait(list, deadline_ns, op_kind::kernel_wait, kernel_object, where);
  note_sleeping(nullptr);
  if (deliver_signals()) return slept::interrupted;
  return how == wait_result::timed_out ? slept::timed_out : slept::woken;
}

int wait_for(file& f, site const& where) noexcept {
  if (f.nonblocking) return -EAGAIN;
  if (fault(fault_kind::eintr, where)) return -EINTR;
  note_sleeping(&f.sleepers);
  wait(f.sleepers, no_deadline, op_kind::kernel_wait, kernel_object, where);
  note_sleeping(nullptr);
  deliver_signals();
  return 0;
}

bool not_yet(file& f, std::uint32_t key, site const& where) noexcept {
  if (!f.nonblocking || !fault(fault_kind::eagain, where)) return false;
  activity(f, key);
  return true;
}

std::uint32_t some_of(std::uint32_t n, fault_kind kind, site const& where) noexcept {
  return n > 1 && fault(kind, where) ? (n + 1) / 2 : n;
}

void sleep_syscall(std::int64_t duration_ns, site where) noexcept {
  enter(where);
  std::int64_t const deadline_ns = now_ns() + duration_ns;
  while (now_ns() < deadline_ns) {  // bound: the deadline is absolute; signals wake it early
    note_sleeping(&state().nothing);
    wait(state().nothing, deadline_ns, op_kind::kernel_wait, kernel_object, where);
    note_sleeping(nullptr);
    deliver_signals();
  }
  leave(0);
}

void set_cpu_limit(int processors) noexcept { state().processors = processors; }

std::uint32_t open_descriptors() noexcept {
  void* const mine = slot(user_slot::kernel);
  return mine == nullptr ? 0 : static_cast<kernel_state*>(mine)->open;
}

}  // namespace retake::sim::kernel
