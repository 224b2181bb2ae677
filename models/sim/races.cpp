// races.cpp: plain data, judged by happens-before. Never a choice point: a race is a fact about the
// order, not about the schedule.
#include <fmt/format.h>

#include <cstring>

#include "sim/engine.hpp"

namespace retake::sim {

std::uint32_t engine::add_plain(void const* object, site const& where) noexcept {
  site_record& s = sites_.intern(where, op_kind::make);
  if (objects_made_ == objects_max) fail("bound", "bound: more atomics and plains than objects_max", s.id);
  std::uint32_t const number = ++plains_used_;
  plain_record& p = plains_.as<plain_record>()[number];
  p.owner = object;
  p.write_epoch = running_->hb.at[running_slot_];
  p.id = static_cast<std::uint16_t>(++objects_made_);
  p.site = p.write_site = s.id;
  p.writer = static_cast<std::uint8_t>(running_slot_);
  p.dead = false;
  p.next_there = place(object, number * 2 + 1);
  std::memset(p.read_epoch, 0, sizeof p.read_epoch);
  return number;
}

plain_record& engine::find_plain(void const* object, std::uint32_t number, site const& where, op_kind kind) noexcept {
  if (number - 1 < plains_used_) [[likely]] {
    plain_record& p = plains_.as<plain_record>()[number];
    if (p.owner == object && !p.dead) [[likely]]
      return p;
  }
  site_record const& s = sites_.intern(where, kind);
  if (number == 0) fail("harness", "harness: a plain that was made outside of the execution", s.id);
  fail("use_after_free", "use_after_free: a plain is touched before its construction or after its end", s.id);
}

void engine::fail_race(access how, std::uint16_t site, char const* earlier, std::uint32_t other,
                       std::uint16_t earlier_site) noexcept {
  constexpr char const* names[] = {"read", "write", "end", "deallocation", "return of the pages"};
  site_record const& s = sites_[site];
  site_record const& o = sites_[earlier_site];
  char text[sizeof result_.what.claim];
  auto const end = fmt::format_to_n(text, sizeof text - 1,
                                    "race: {} by M{} {} {} ({}:{}) and {} by M{} in {} ({}:{}) are not ordered",
                                    names[static_cast<std::size_t>(how)], running_->number,
                                    how == access::end ? "after" : "in", s.function_name(), s.basename(), s.line,
                                    earlier, threads_[other].number, o.function_name(), o.basename(), o.line);
  *end.out = 0;
  fail("race", text, site);
}

void engine::judge(plain_record& p, access how, std::uint16_t site) noexcept {
  vector_clock const& hb = running_->hb;
  if (p.write_epoch > hb.at[p.writer]) [[unlikely]] {
    fail_race(how, site, p.dead ? "end" : p.write_site == p.site ? "construction" : "write", p.writer, p.write_site);
  }
  if (how == access::read) {
    p.read_epoch[running_slot_] = hb.at[running_slot_];
    p.read_site[running_slot_] = site;
    return;
  }
  for (std::uint32_t u = 0; u < width_; ++u) {
    if (p.read_epoch[u] > hb.at[u]) [[unlikely]]
      fail_race(how, site, "read", u, p.read_site[u]);
  }
  p.write_epoch = hb.at[running_slot_];
  p.writer = static_cast<std::uint8_t>(running_slot_);
  p.write_site = site;
}

void engine::plain_touch(plain_record& p, site_record const& s, bool write) noexcept {
  events_.as<event>()[event_next_++ & (events_max - 1)] = {0,
                                                           s.id,
                                                           p.id,
                                                           static_cast<std::uint8_t>(running_slot_),
                                                           write ? op_kind::plain_write : op_kind::plain_read,
                                                           event_outcome::none,
                                                           0};
  running_->run_at = 0;
  judge(p, write ? access::write : access::read, s.id);
}

}  // namespace retake::sim
