// operation_rings.hpp: all rings of a program, made when a P first needs its own, and the buffers
// that are registered with them.
//
// Fields.    rings_: a slot is written once, before count_ is raised; anybody who has seen the
//            count reads it. buffers_: under lock_.
#pragma once

#include <cstddef>
#include <cstdint>

#include "protocol/spin_lock.hpp"
#include "world/atomic.hpp"
#include "world/limits.hpp"
#include "world/ring.hpp"

namespace retake {

class operation_ring;
class poller;
struct scheduler;

class operation_rings {
 public:
  operation_rings() noexcept : count_(0) {}

  // The ring of the caller's P, made at its first use. nullptr: the kernel refuses (and that is
  // counted), or has no room for one now. By a goroutine.
  [[nodiscard]] operation_ring* here(scheduler& s) noexcept;
  // The poller, for an event of ring `number`.
  [[nodiscard]] operation_ring& at(std::uint32_t number) noexcept;
  // Nobody else is left.
  void close() noexcept;

  // Registered buffers. A number, or -ENOBUFS.
  [[nodiscard]] int add_buffer(void* address, std::size_t bytes) noexcept;
  void remove_buffer(int number) noexcept;
  struct buffer {
    void* address = nullptr;
    std::size_t bytes = 0;
    std::uint32_t use = 0;  // counts the buffers that had this number; what a ring remembers of it
  };
  [[nodiscard]] buffer buffer_at(int number) noexcept;

 private:
  [[nodiscard]] operation_ring* make(scheduler& s, int& failed) noexcept;

  spin_lock lock_;
  world::atomic<std::uint32_t> count_;
  operation_ring* rings_[world::limits::processors_max] = {};
  buffer buffers_[world::ring::buffers_max];
};

}  // namespace retake
