// Threads by pthread, and the slot. See world/thread.hpp.
#include "world/thread.hpp"

#include <cerrno>
#include <climits>

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "world/fault.hpp"
#include "world/futex.hpp"
#include "world/limits.hpp"
#include "world/memory.hpp"
#include "world/require.hpp"
#include "world/signal.hpp"

namespace retake::world {

namespace {

// initial-exec: the address is the thread pointer plus one constant, calculated anew in each call.
[[gnu::tls_model("initial-exec")]] constinit thread_local void* slot = nullptr;

struct start {
  void (*entry)(void*);
  void* argument;
  atomic<std::uint32_t>* ended;  // or nullptr
};

void* run(void* opaque) {
  start const what = *static_cast<start*>(opaque);
  deallocate(opaque, sizeof(start));
  {
    fault_stack const own;
    what.entry(what.argument);
  }
  if (what.ended != nullptr) announce_end(*what.ended);
  return nullptr;
}

int create(start* what) noexcept {
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return EAGAIN;
  int error = ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  if (error == 0) error = ::pthread_attr_setstacksize(&attributes, machine_stack_bytes);
  pthread_t thread;
  if (error == 0) error = ::pthread_create(&thread, &attributes, run, what);
  ::pthread_attr_destroy(&attributes);
  return error;
}

}  // namespace

// The empty assembly keeps a link-time optimiser, which sees this body, from folding two calls into
// one.
void* this_thread() noexcept {
  __asm__ __volatile__("" : : : "memory");
  return slot;
}

void set_this_thread(void* value) noexcept {
  slot = value;
  __asm__ __volatile__("" : : : "memory");
}

namespace {

int start_thread(void (*entry)(void*), void* argument, atomic<std::uint32_t>* ended) noexcept {
  auto* const what = static_cast<start*>(allocate(sizeof(start)));
  if (what == nullptr) return -EAGAIN;
  *what = {entry, argument, ended};
  // The child inherits the mask of the moment.
  signal_mask const before = block_signals();
  int const error = create(what);
  restore_signals(before);
  if (error == 0) return 0;
  deallocate(what, sizeof(start));
  require(error == EAGAIN || error == ENOMEM, "world: thread creation refused for another reason than lack of room");
  return -EAGAIN;
}

}  // namespace

int thread_start(void (*entry)(void*), void* argument, site) noexcept { return start_thread(entry, argument, nullptr); }
int thread_start(void (*entry)(void*), void* argument, atomic<std::uint32_t>& ended, site) noexcept {
  return start_thread(entry, argument, &ended);
}

void announce_end(atomic<std::uint32_t>& ended, site) noexcept {
  void* const word = ended.futex_address();
  ended.store_release(1);
  detail::futex_rouse(word, INT_MAX);  // by its address alone: the word may be gone
}

std::uint64_t thread_id(site) noexcept { return static_cast<std::uint64_t>(::syscall(SYS_gettid)); }

}  // namespace retake::world
