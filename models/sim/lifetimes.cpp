// lifetimes.cpp: the end of an atomic, of a plain and of memory is a write, judged by
// happens-before as any other.
//
// Problem.   A reference count with a weak order shows no wrong value in any schedule: its last
//            holder destroys an object that another thread has touched before in this interleaving,
//            and may touch after on a machine.
// Rejected.  A shadow plain in each atomic: twice the objects. Choice points at destructors: more
//            schedules, and no finding that the clocks do not give in the schedule at hand.
// Recipe.    Each touch of an atomic leaves its epoch (engine::touch); a plain has its reads and
//            its last write. The end compares them with the clock of the thread that ends, and
//            becomes the object's last write. Memory that is given back ends what still lives in
//            it, and must come after the end of what lived there: the objects hang in lists, one
//            for each stretch of the arena and one for all else (stacks).
//            A touch after the end is use_after_free (find, find_plain).
//
// Checked by tests/sim/lifetime_test.cpp.
// Not promised: a destructor has no site: the finding names the ending thread's last operation.
//            futex_wake is no touch: the kernel gets an address, and a lock's last holder may wake
//            after the object was freed. A construction on top of an object that ended elsewhere (a
//            stack slot used again) is not judged.
#include <cstring>
#include <utility>

#include "sim/engine.hpp"

namespace retake::sim {

namespace {

bool touches_atomic(op_kind k) noexcept {
  return k == op_kind::load || k == op_kind::store || k == op_kind::rmw || k == op_kind::cas ||
         k == op_kind::split_store || k == op_kind::futex_wait;
}

// Deallocate has overwritten the object with its number.
bool overwritten(std::uint32_t number) noexcept {
  std::uint32_t freed;
  std::memset(&freed, arena::freed_byte, sizeof freed);
  return number == freed;
}

}  // namespace

// The last operation of a thread on an atomic: only its epoch is kept.
event const* engine::last_touch(std::uint32_t slot, location const& l) const noexcept {
  for (std::uint32_t i = event_count(); i-- > 0;) {
    event const& e = event_at(i);
    if (e.thread == slot && e.object == l.id && touches_atomic(e.op)) return &e;
  }
  return nullptr;
}

bool engine::is_address(std::uint64_t value) const noexcept {
  auto const* const p = reinterpret_cast<void const*>(value);
  if (arena_.contains(p) || (p >= stacks_.as<char>() && p < stacks_.as<char>() + stacks_.bytes())) return true;
  for (std::uint32_t i = 0; i < pool_size_; ++i) {
    if (pool_[i].memory.contains(p)) return true;
  }
  return false;
}

void engine::judge_end(location& l, access how, std::uint16_t site) noexcept {
  vector_clock const& hb = running_->hb;
  if (l.dead) {
    if (l.first_epoch > hb.at[l.creator]) [[unlikely]]
      fail_race(how, site, "end", l.creator, l.site);
  } else {
    for (std::uint32_t u = 0; u < width_; ++u) {
      if (l.touched[u] <= hb.at[u]) [[likely]]
        continue;
      event const* const touch = last_touch(u, l);
      fail_race(how, site, touch != nullptr ? name_of(touch->op).data() : "construction", u,
                touch != nullptr ? touch->site : l.site);
    }
  }
  l.dead = true;
  l.first_epoch = hb.at[running_slot_];
  l.creator = static_cast<std::uint8_t>(running_slot_);
  l.site = site;
}

// Of one that ended before, the end was the last touch: no read can have come after it.
void engine::judge_end(plain_record& p, access how, std::uint16_t site) noexcept {
  if (p.dead && p.write_epoch <= running_->hb.at[p.writer]) [[likely]] {
    p.write_epoch = running_->hb.at[running_slot_];
    p.writer = static_cast<std::uint8_t>(running_slot_);
    p.write_site = site;
    return;
  }
  judge(p, how, site);
  p.dead = true;
}

void engine::end_location(void const* object, std::uint32_t number) noexcept {
  if (number - 1 < locations_used_) [[likely]] {
    location& l = locations_.as<location>()[number];
    if (l.owner != object) return;
    if (l.dead) fail("use_after_free", "use_after_free: an atomic ends twice", last_site());
    judge_end(l, access::end, last_site());
  } else if (overwritten(number)) {
    fail("use_after_free", "use_after_free: an atomic ends after its memory was deallocated", last_site());
  }
}

void engine::end_plain(void const* object, std::uint32_t number) noexcept {
  if (number - 1 < plains_used_) [[likely]] {
    plain_record& p = plains_.as<plain_record>()[number];
    if (p.owner != object) return;
    if (p.dead) fail("use_after_free", "use_after_free: a plain ends twice", last_site());
    judge_end(p, access::end, last_site());
  } else if (overwritten(number)) {
    fail("use_after_free", "use_after_free: a plain ends after its memory was deallocated", last_site());
  }
}

// Takes up an object where it lies, for end_memory. The key is its number with a bit for its kind;
// returns the key of the one before.
std::uint32_t engine::place(void const* object, std::uint32_t key) noexcept {
  std::size_t const at = arena_.offset_of(object);
  return std::exchange(at < arena_.used() ? places_.as<std::uint32_t>()[at / stretch_bytes] : elsewhere_, key);
}

void engine::end_memory(void const* low, std::size_t bytes, access how, std::uint16_t site) noexcept {
  auto const inside = [low, bytes](void const* owner) {
    return static_cast<std::size_t>(static_cast<char const*>(owner) - static_cast<char const*>(low)) < bytes;
  };
  auto const end_those_of = [&](std::uint32_t key) {
    while (key != 0) {
      std::uint32_t const number = key / 2;
      if (key % 2 == 0) {
        location& l = locations_.as<location>()[number];
        if (inside(l.owner)) judge_end(l, how, site);
        key = l.next_there;
      } else {
        plain_record& p = plains_.as<plain_record>()[number];
        if (inside(p.owner)) { judge_end(p, how, site); }
        key = p.next_there;
      }
    }
  };
  std::size_t const at = arena_.offset_of(low);
  if (at >= arena_.used()) {
    end_those_of(elsewhere_);
    return;
  }
  for (std::size_t i = at / stretch_bytes; i <= (at + bytes - 1) / stretch_bytes; ++i)
    end_those_of(places_.as<std::uint32_t>()[i]);
}

}  // namespace retake::sim
