// thread.hpp: threads of the operating system, and the one slot each of them has.
//
// Problem.   A goroutine that blocks may go on running on another thread. A compiler may keep the
//            address of a thread_local variable in a register across the call that blocked (-fPIC
//            -O2 reuses one __tls_get_addr), and then writes to the wrong thread.
// Recipe.    One opaque slot per thread, reached through functions that are compiled apart and
//            cannot be inlined, folded or moved; it lies in the initial-exec TLS block, so that a
//            call is two instructions and a return. Protocol headers never call it: they receive
//            "self".
//
// A thread starts with all signals blocked, so that no handler runs before the runtime has put
// something into its slot.
//
// Checked by tests/world (conformance_rest), tests/world/os_world_test.cpp (the slot after a switch
// between threads).
// Not promised: joining. Whoever must know that a thread has ended gives it a word to say so with;
// the kernel frees the rest.
#pragma once

#include <cstdint>

#include "world/atomic.hpp"
#include "world/site.hpp"

namespace retake::world {

// What this thread put in with set_this_thread; nullptr at first. Any thread, also in a signal
// handler. Does not block.
[[nodiscard, gnu::noinline]] void* this_thread() noexcept;
[[gnu::noinline]] void set_this_thread(void* value) noexcept;

// Starts a detached thread with a stack of machine_stack_bytes that runs entry(argument). What the
// caller wrote before is visible to it. Any thread. 0, or -EAGAIN when the system has no room for
// another one (processes, cgroup, memory).
[[nodiscard]] int thread_start(void (*entry)(void*), void* argument, site = site::current()) noexcept;

// The same; the thread's very last act stores 1 to `ended` (release) and wakes its sleepers. When
// that is seen, nothing of the thread touches memory that its starter owns. The kernel's wake-up
// that may follow reads no memory.
[[nodiscard]] int thread_start(void (*entry)(void*), void* argument, atomic<std::uint32_t>& ended,
                               site = site::current()) noexcept;

// That last act, for a thread that somebody else made and that was an M for a while: stores 1 to
// `ended` (release) and wakes its sleepers by its address alone.
void announce_end(atomic<std::uint32_t>& ended, site = site::current()) noexcept;

// The kernel's number of this thread: for people and traces. Any thread.
[[nodiscard]] std::uint64_t thread_id(site = site::current()) noexcept;

}  // namespace retake::world
