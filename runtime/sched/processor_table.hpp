// processor_table.hpp: the Ps that were ever made, and how many of them run goroutines
// (GOMAXPROCS).
//
// Problem.   The number of Ps changes while the program runs. Who has a P, or the lock, sees a
//            fixed number, for it changes only in a stopped world; but sysmon, an M that goes idle
//            and one that returns from a system call look through the Ps and stop for nobody.
// Rejected.  Freeing a P that is too many: every such look would need protection against that. A
//            table that is replaced as a whole, with snapshots of it (Go): a thread that looks
//            through an old one misses the Ps of the new one.
// Recipe.    A P that was made stays, at its place. One that is too many is Dead: it has no
//            goroutines, no timers and no bit in the idle mask, so that a look at it finds nothing;
//            it comes back when the number rises again.
#pragma once

#include <cstdint>

#include "sched/processor.hpp"
#include "world/atomic.hpp"
#include "world/limits.hpp"

namespace retake {

struct inspector;

class processor_table {
 public:
  processor_table() noexcept : count_(0), made_(0) {}
  ~processor_table();
  processor_table(processor_table const&) = delete;
  processor_table& operator=(processor_table const&) = delete;

  class range {
   public:
    class iterator {
     public:
      explicit iterator(processor* const* at) noexcept : at_(at) {}
      processor& operator*() const noexcept { return **at_; }
      iterator& operator++() noexcept {
        ++at_;
        return *this;
      }
      bool operator==(iterator const&) const noexcept = default;

     private:
      processor* const* at_;
    };

    range(processor* const* first, std::uint32_t n) noexcept : first_(first), n_(n) {}
    [[nodiscard]] iterator begin() const noexcept { return iterator(first_); }
    [[nodiscard]] iterator end() const noexcept { return iterator(first_ + n_); }

   private:
    processor* const* first_;
    std::uint32_t n_;
  };

  // With a P, or one in hand, or under the lock: how many run goroutines, and those.
  [[nodiscard]] std::uint32_t count() const noexcept { return count_.get(); }
  [[nodiscard]] range all() const noexcept { return {table_, count()}; }
  [[nodiscard]] processor& operator[](std::uint32_t i) const noexcept { return *table_[i]; }

  // Anybody: all that were ever made, Dead ones among them.
  [[nodiscard]] range made() const noexcept { return {table_, made_.load_acquire()}; }  // with make()

  // In a stopped world, or before there is one: there are at least `n` afterwards. A new one is
  // Idle, in the caller's hands. Fatal without memory.
  void make(std::uint32_t n) noexcept;
  [[nodiscard]] std::uint32_t made_count() const noexcept { return made_.load_relaxed(); }
  // Likewise, under the lock.
  void set_count(std::uint32_t n) noexcept { count_.set(n); }

 private:
  friend struct inspector;  // reads for the checkers

  processor* table_[world::limits::processors_max];
  world::plain<std::uint32_t> count_;
  world::atomic<std::uint32_t> made_;
};

}  // namespace retake
