// Children. See files.hpp.
//
// Recipe.    The one program there is, "/sim/sleep", runs as many microseconds as its first
//            argument says (0: for ever) and ends with its second as its code. It holds its files
//            until then. A signal other than 0 ends it at once.
#include <cerrno>

#include "kernel/files.hpp"

namespace retake::sim::kernel {

namespace {

int number_of(char const* text) noexcept {
  int n = 0;
  for (; text != nullptr && *text >= '0' && *text <= '9'; ++text) n = n * 10 + (*text - '0');
  return n;
}

void end_process(process_body& p) noexcept {
  if (p.ended) return;
  p.ended = true;
  while (p.file_count != 0) drop_reference(*p.files[--p.file_count]);
  if (p.descriptor != nullptr) activity(*p.descriptor, world::kernel::poll_in);
}

process_body* process_of(int descriptor, int& error) noexcept {
  file* const f = lookup(descriptor);
  error = f == nullptr ? -EBADF : f->process == nullptr ? -EINVAL : 0;
  return error == 0 ? f->process : nullptr;
}

bool is_our_program(char const* path) noexcept {
  char const* ours = "/sim/sleep";
  while (*ours != 0 && *ours == *path) ++ours, ++path;
  return *ours == 0 && *path == 0;
}

}  // namespace

}  // namespace retake::sim::kernel

namespace retake::world::kernel {

using namespace sim::kernel;

int spawn(spawn_request const& what, site where) noexcept {
  enter(where);
  if (!is_our_program(what.path)) return leave(-ENOENT);
  if (what.credentials != nullptr) return leave(-EPERM);
  kernel_state& k = state();
  if (k.process_count == kernel_state::processes_max)
    sim::fail("bound: more children than kernel_state::processes_max", where);
  process_body& p = *make<process_body>();
  p.number = static_cast<int>(100 + k.process_count);
  for (std::size_t i = 0; i < what.file_count && i < process_body::files_max; ++i) {
    if (what.files[i] == no_file || lookup(what.files[i]) == nullptr) continue;
    p.files[p.file_count] = lookup(what.files[i]);
    ++p.files[p.file_count++]->references;
  }
  p.status.code = number_of(what.arguments[2]);
  k.processes[k.process_count++] = &p;
  int const runs_us = number_of(what.arguments[1]);
  std::int64_t const ends_ns = sim::now_ns() + std::int64_t{1'000} * runs_us;
  if (runs_us != 0 && !sim::alarm(
                          ends_ns, [](void* child) { end_process(*static_cast<process_body*>(child)); }, &p))
    sim::fail("bound: too many alarms for a child", where);
  return leave(p.number);
}

int process_descriptor(int process, site where) noexcept {
  enter(where);
  kernel_state& k = state();
  for (std::uint32_t i = 0; i < k.process_count; ++i) {
    process_body& p = *k.processes[i];
    if (p.number != process || p.reaped) continue;
    if (!room_for_descriptors(1, where)) return leave(-EMFILE);
    file& f = *make<file>(file_kind::process);
    f.process = &p;
    p.descriptor = &f;
    return leave(give_descriptor(f));
  }
  return leave(-ESRCH);
}

int reap_process(int descriptor, exit_status& status, site where) noexcept {
  enter(where);
  int error = 0;
  process_body* const p = process_of(descriptor, error);
  if (p == nullptr) return leave(error);
  if (p->reaped) return leave(-ECHILD);
  if (!p->ended) return leave(-EAGAIN);
  p->reaped = true;
  status = p->status;
  return leave(0);
}

int signal_process(int descriptor, int number, site where) noexcept {
  enter(where);
  int error = 0;
  process_body* const p = process_of(descriptor, error);
  if (p == nullptr) return leave(error);
  if (p->reaped) return leave(-ESRCH);
  if (number == 0 || p->ended) return leave(0);
  p->status.code = 0;
  p->status.signal = number;
  sim::cancel_alarms(p);
  end_process(*p);
  return leave(0);
}

}  // namespace retake::world::kernel
