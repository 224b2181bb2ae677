// select: looks at each channel in random order; when none is ready it waits in all of them at once
// (protocol/wait_queue.hpp).
#include "retake/select.hpp"

#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "sync/channel_core.hpp"
#include "sync/time_out.hpp"
#include "world/random.hpp"

namespace retake::detail {

namespace {

static_assert(sizeof(joined_waiter) <= sizeof(select_case::waiter_room));

// The cases that can happen, in the order in which they are looked at and in that in which they are
// locked.
class selection {
 public:
  selection(select_case* cases, std::size_t count) noexcept : cases_(cases), enabled_(0) {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (cases[i].channel != nullptr) cases_[enabled_++].polled = i;
    }
  }

  [[nodiscard]] std::uint32_t enabled() const noexcept { return enabled_; }
  [[nodiscard]] select_case& polled(std::uint32_t i) noexcept { return cases_[cases_[i].polled]; }
  [[nodiscard]] std::uint32_t index(std::uint32_t i) const noexcept { return cases_[i].polled; }
  [[nodiscard]] channel_core& locked(std::uint32_t i) noexcept { return *cases_[cases_[i].locked].channel; }

  // Puts one of those that were not looked at yet at place `i`.
  void draw(std::uint32_t i) noexcept {
    const std::uint32_t left = enabled_ - i;
    const std::uint32_t other = left > 1 ? i + world::random_below(left) : i;
    std::swap(cases_[i].polled, cases_[other].polled);
  }

  // In the order of the channels' ids: a heap sort, in place, as a list may be long.
  void lock_all() noexcept {
    for (std::uint32_t i = 0; i < enabled_; ++i) {
      select_case& one = polled(i);
      one.order = one.channel->id();
      std::uint32_t at = i;
      for (; at > 0 && order((at - 1) / 2) < one.order; at = (at - 1) / 2)
        cases_[at].locked = cases_[(at - 1) / 2].locked;
      cases_[at].locked = index(i);
    }
    for (std::uint32_t left = enabled_; left > 1;) {
      --left;
      const std::uint32_t last = cases_[left].locked;
      cases_[left].locked = cases_[0].locked;
      sink(last, left);
    }
    for (std::uint32_t i = 0; i < enabled_; ++i) {
      if (is_first(i)) locked(i).lock.lock();
    }
  }

  // Behind the parked goroutine it may go on while this runs, but not beyond the last lock: nothing
  // is read after that is dropped.
  void unlock_all() noexcept {
    for (std::uint32_t i = enabled_; i > 0;) {
      --i;
      if (is_first(i)) locked(i).lock.unlock();
    }
  }

 private:
  // Several cases may be about one channel, which is locked once.
  [[nodiscard]] bool is_first(std::uint32_t i) noexcept { return i == 0 || &locked(i) != &locked(i - 1); }

  // From the top of a heap of so many, whose first place is free.
  void sink(std::uint32_t one, std::uint32_t count) noexcept {
    std::uint32_t at = 0;
    for (std::uint32_t below = 1; below < count; below = 2 * at + 1) {
      if (below + 1 < count && order(below + 1) > order(below)) ++below;
      if (order(below) <= cases_[one].order) break;
      cases_[at].locked = cases_[below].locked;
      at = below;
    }
    cases_[at].locked = one;
  }

  [[nodiscard]] std::uint64_t order(std::uint32_t i) const noexcept { return cases_[cases_[i].locked].order; }

  select_case* const cases_;
  std::uint32_t enabled_;
};

transfer try_here(select_case& c, goroutine*& woken) noexcept {
  return c.sends ? c.channel->send_here(c.element, woken) : c.channel->receive_here(c.element, woken);
}

struct parking {
  selection& chosen;
  std::optional<time_out>& limit;
  std::int64_t due_ns;
};

bool wait_behind(goroutine&, void* argument) noexcept {
  parking& how = *static_cast<parking*>(argument);
  selection& chosen = how.chosen;
  const bool unlocks = chosen.enabled() != 0;
  if (how.limit) how.limit->begin(how.due_ns);
  if (unlocks) chosen.unlock_all();
  return true;
}

joined_waiter& waiter_of(select_case& c) noexcept {
  return *std::launder(reinterpret_cast<joined_waiter*>(c.waiter_room));
}

// All channels are locked and none is ready.
selected wait_for_one(selection& chosen, std::uint32_t count, std::int64_t wait_ns) noexcept {
  goroutine& self = this_goroutine();
  wait_race race;
  for (std::uint32_t i = 0; i < chosen.enabled(); ++i) {
    select_case& c = chosen.polled(i);
    c.channel->join(*new (c.waiter_room) joined_waiter(self, *c.channel, c.sends, c.element, race, chosen.index(i)));
  }
  std::optional<time_out> limit;
  if (wait_ns > 0) limit.emplace(self, race, count);
  parking how{chosen, limit, wait_ns > 0 ? due_after_ns(wait_ns) : 0};
  sched::park(wait_behind, &how, wait_reason::select);
  const std::uint32_t winner = race.winner();
  selected result{count, transfer::would_block};
  for (std::uint32_t i = chosen.enabled(); i-- > 0;) {  // the last that was made ends first
    joined_waiter& mine = waiter_of(chosen.polled(i));
    mine.channel.leave(mine);
    if (chosen.index(i) == winner) result = {winner, mine.served.get() != 0 ? transfer::done : transfer::closed};
    std::destroy_at(&mine);
  }
  if (limit && winner != count) limit->end();
  return result;
}

}  // namespace

selected select_one(select_case* cases, std::size_t number, std::int64_t wait_ns) noexcept {
  const auto count = static_cast<std::uint32_t>(number);
  selection chosen(cases, number);
  const auto finish = [](std::uint32_t index, transfer how, goroutine* woken) {
    if (woken != nullptr) sched::ready(*woken);
    sched::preempt_point();
    return selected{index, how};
  };
  for (std::uint32_t i = 0; i < chosen.enabled(); ++i) {
    chosen.draw(i);
    select_case& c = chosen.polled(i);
    goroutine* woken = nullptr;
    c.channel->lock.lock();
    const transfer how = try_here(c, woken);
    c.channel->lock.unlock();
    if (how != transfer::would_block) return finish(chosen.index(i), how, woken);
  }
  if (wait_ns == 0 && chosen.enabled() <= 1) return finish(count, transfer::would_block, nullptr);
  // None was ready, each in its turn; now all at once.
  chosen.lock_all();
  for (std::uint32_t i = 0; i < chosen.enabled(); ++i) {
    goroutine* woken = nullptr;
    const transfer how = try_here(chosen.polled(i), woken);
    if (how == transfer::would_block) continue;
    chosen.unlock_all();
    return finish(chosen.index(i), how, woken);
  }
  if (wait_ns == 0) {
    chosen.unlock_all();
    return finish(count, transfer::would_block, nullptr);
  }
  return wait_for_one(chosen, count, wait_ns);
}

}  // namespace retake::detail

namespace retake {

std::size_t select(case_list& cases) {
  const std::size_t count = cases.cases_.size();
  cases.room_.resize(count);
  std::int64_t wait_ns = detail::wait_for_ever;
  std::size_t timed = count;
  for (std::size_t i = 0; i < count; ++i) {
    cases.room_[i] = {};
    detail::listed_case* const one = cases.cases_[i].get();
    const std::optional<std::int64_t> limit_ns = one != nullptr ? one->prepare(cases.room_[i]) : std::nullopt;
    if (!limit_ns || (timed != count && *limit_ns >= wait_ns)) continue;
    wait_ns = *limit_ns;
    timed = i;
  }
  const detail::selected chosen = detail::select_one(cases.room_.data(), count, wait_ns);
  const std::size_t place = chosen.index == count ? timed : chosen.index;
  cases.cases_[place]->happen(chosen.how);
  return place;
}

}  // namespace retake
