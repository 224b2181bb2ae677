// idle_set.hpp: the Ps that nobody uses and the Ms that sleep, as lists under the scheduler's lock,
// with their counts for all to see.
//
// Problem.   Whoever readies a goroutine must know at once whether a P is idle, without a lock;
//            whoever takes the P needs it alone.
// Rejected.  A bit mask with atomic claims: "put my P back, unless work has come" spans several
//            words, and the stop of the world must see one consistent list. Counting the list on
//            demand: the submitter would need the lock to learn that there is nothing.
// Recipe.    All changes under the scheduler's lock; count and mask are written there and read by
//            anybody. The order between "I put my P here" and "I look for work once more" is not
//            made here but by wake_gate's fences.
//
// States.    A P is on the list or not; its ghost owner says idle_list exactly then. An M on the
//            list sleeps on its note.
// Fields.    lists and links: under the lock. processors_, mask_: written under the lock, hints
//            elsewhere. machines_: under the lock.
// Invariants P4 only a P with an empty queue is put; P5 count and mask agree with the list; M3 who
//            is taken is not spinning and was handed nothing; P12 status Idle does not imply being
//            here.
// Orders     None of its own: see wake_gate.
// Checked by models/relacy/idle_set_model.cpp, models/relacy/wake_gate_model.cpp, checkers of P5
// and M12, every scenario.
// Not promised: which P or M is taken (the last put, because its cache is warm).
#pragma once

#include <cstdint>

#include "protocol/processor_status.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

struct inspector;

// P: a processor_side with `idle_link` (plain<P*>) and an id below ProcessorsMax. M: `idle_link`
// (plain<M*>).
template <class P, class M, std::uint32_t ProcessorsMax>
class idle_set {
 public:
  idle_set() noexcept : first_processor_(nullptr), first_machine_(nullptr), processors_(0), machines_(0) {}

  // Under the lock. `empty` is what the caller knows about the P's queue (its own look: it owns the
  // P).
  void put_processor(P* processor, bool empty) noexcept {
    world::require(empty, "P4: only a P with an empty queue is idle");
    P* const first = first_processor_.get();
    processor->idle_link.set(first);
    first_processor_.set(processor);
    const std::uint64_t bit = std::uint64_t{1} << processor->id % 64;
    mask_word& word = mask_[processor->id / 64];
    const std::uint64_t mask = word.load_relaxed();
    world::require((mask & bit) == 0, "P5: a P is put on the idle list twice");
    word.store_relaxed(mask | bit);
    const std::uint32_t count = processors_.load_relaxed();
    processors_.store_relaxed(count + 1);
    processor->holder.move(processor_holder::hand, processor_holder::idle_list,
                           "P9: a P is put on the idle list that is not in hand");
  }

  // Under the lock. A P, now in the caller's hands alone, or nullptr.
  [[nodiscard]] P* take_processor() noexcept {
    P* const processor = first_processor_.get();
    const std::uint32_t count = processors_.load_relaxed();
    world::require((processor == nullptr) == (count == 0), "P5: the idle list is empty exactly when its count is 0");
    if (processor == nullptr) return nullptr;
    P* const rest = processor->idle_link.get();
    first_processor_.set(rest);
    processor->idle_link.set(nullptr);
    const std::uint64_t bit = std::uint64_t{1} << processor->id % 64;
    mask_word& word = mask_[processor->id / 64];
    const std::uint64_t mask = word.load_relaxed();
    world::require((mask & bit) != 0, "P5: a P on the idle list has no bit in the mask");
    word.store_relaxed(mask & ~bit);
    processors_.store_relaxed(count - 1);
    processor->holder.move(processor_holder::idle_list, processor_holder::hand,
                           "P9: a P is taken from the idle list that is not on it");
    return processor;
  }

  // Under the lock; the M sleeps on its note right afterwards.
  void put_machine(M* machine) noexcept {
    M* const first = first_machine_.get();
    machine->idle_link.set(first);
    first_machine_.set(machine);
    const std::uint32_t count = machines_.get();
    machines_.set(count + 1);
  }

  // Under the lock. A sleeping M, now the caller's to wake, or nullptr.
  [[nodiscard]] M* take_machine() noexcept {
    M* const machine = first_machine_.get();
    if (machine == nullptr) return nullptr;
    M* const rest = machine->idle_link.get();
    first_machine_.set(rest);
    machine->idle_link.set(nullptr);
    const std::uint32_t count = machines_.get();
    world::require(count > 0, "M12: an idle M was not counted");
    machines_.set(count - 1);
    return machine;
  }

  // Under the lock: how many Ms sleep here.
  [[nodiscard]] std::uint32_t machines() const noexcept { return machines_.get(); }

  // Anybody: how many Ps are idle, and which. Hints without the lock.
  [[nodiscard]] std::uint32_t processors_hint() const noexcept { return processors_.load_relaxed(); }
  [[nodiscard]] bool idle_hint(std::uint32_t processor_id) const noexcept {
    const std::uint64_t mask = mask_[processor_id / 64].load_relaxed();
    return (mask >> processor_id % 64 & 1) != 0;
  }

 private:
  friend struct inspector;  // reads for the checkers

  struct mask_word : world::atomic<std::uint64_t> {
    mask_word() noexcept : world::atomic<std::uint64_t>(0) {}
  };

  world::plain<P*> first_processor_;
  world::plain<M*> first_machine_;
  world::atomic<std::uint32_t> processors_;
  mask_word mask_[(ProcessorsMax + 63) / 64];
  world::plain<std::uint32_t> machines_;
};

}  // namespace retake
