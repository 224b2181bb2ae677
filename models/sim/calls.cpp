// calls.cpp: each world operation: announce, (others run), do, record.
#include "sim/calls.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sim/engine.hpp"
#include "sim/exchange.hpp"
#include "switch/sanitizer.hpp"

namespace retake::sim {

namespace {

engine& current(site const& where) noexcept {
  if (the_engine == nullptr) [[unlikely]] {
    std::fprintf(stderr, "retake sim: a world operation outside of an execution (%s:%u in %s)\n", where.file,
                 where.line, where.function);
    std::abort();
  }
  return *the_engine;
}

order weakened(site_record const& s, order o) noexcept {
  switch (s.mutate) {
    case mutation::relaxed: return order::relaxed;
    case mutation::acquire: return order::acquire;
    case mutation::release: return order::release;
    case mutation::acq_rel: return order::acq_rel;
    default: return o;
  }
}

// What a compare_exchange is when it fails.
order failure_of(order o) noexcept { return o == order::relaxed || o == order::seq_cst ? o : order::acquire; }
// The load of an operation that was split in two, and its store.
order load_half(order o) noexcept {
  return o == order::release ? order::relaxed : o == order::acq_rel ? order::acquire : o;
}
order store_half(order o) noexcept {
  return o == order::acquire ? order::relaxed : o == order::acq_rel ? order::release : o;
}

std::uint64_t combined(rmw what, std::uint64_t old, std::uint64_t v, value_traits traits) noexcept {
  std::uint64_t r = v;
  switch (what) {
    case rmw::exchange: break;
    case rmw::add_: r = old + v; break;
    case rmw::sub_: r = old - v; break;
    case rmw::or_: r = old | v; break;
    case rmw::and_: r = old & v; break;
  }
  return traits.bytes == 8 ? r : r & ((std::uint64_t{1} << (8 * traits.bytes)) - 1);
}

}  // namespace

std::uint32_t make_atomic(void const* object, std::uint64_t initial, value_traits traits, site const& where) noexcept {
  return the_engine == nullptr ? 0 : the_engine->add_location(object, initial, traits, where);
}

void end_atomic(void const* object, std::uint32_t number) noexcept {
  if (the_engine != nullptr) the_engine->end_location(object, number);
}

std::uint64_t peek_atomic(void const* object, std::uint32_t number) noexcept {
  engine* const e = the_engine;
  if (e == nullptr || number - 1 >= e->locations_used_) return 0;
  location const& l = e->locations_.as<location>()[number];
  return l.owner == object ? e->entry_at(l, l.newest).value : 0;
}

std::uint64_t load(void const* object, std::uint32_t number, order o, site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, op_kind::load);
  e.point(op_kind::load, s, e.find(object, number, where, op_kind::load).id);
  location& l = e.find_again(object, number, where, op_kind::load);
  std::uint32_t age;
  std::uint64_t const value = e.read(l, weakened(s, o), s, age);
  e.done(op_kind::load, s, l.id, value, event_outcome::none, e.hash_class(l, value), age);
  return value;
}

void store(void const* object, std::uint32_t number, std::uint64_t value, order o, site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, op_kind::store);
  e.point(op_kind::store, s, e.find(object, number, where, op_kind::store).id);
  location& l = e.find_again(object, number, where, op_kind::store);
  o = weakened(s, o);
  std::uint32_t const age = e.append(l, value, o, e.place_for(l, o, s), false, s);
  e.forget_loop();
  e.done(op_kind::store, s, l.id, value, event_outcome::none, e.hash_class(l, value), age);
}

std::uint64_t modify(void const* object, std::uint32_t number, rmw what, std::uint64_t value, order o,
                     site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, op_kind::rmw);
  e.point(op_kind::rmw, s, e.find(object, number, where, op_kind::rmw).id);
  location* l = &e.find_again(object, number, where, op_kind::rmw);
  o = weakened(s, o);
  if (s.mutate == mutation::split) [[unlikely]] {
    std::uint32_t age;
    std::uint64_t const old = e.read(*l, load_half(o), s, age);
    e.done(op_kind::load, s, l->id, old, event_outcome::none, e.hash_class(*l, old), age);
    site_record& second = e.sites_.intern(where, op_kind::split_store);
    e.point(op_kind::split_store, second, l->id);
    l = &e.find(object, number, where, op_kind::split_store);
    std::uint64_t const next = combined(what, old, value, l->traits);
    e.append(*l, next, store_half(o), l->newest, false, second);
    e.effect(s, l->id);
    e.done(op_kind::split_store, second, l->id, next, event_outcome::none, e.hash_class(*l, next));
    return old;
  }
  std::uint32_t const after = e.place_for(*l, o, s);
  std::uint64_t const old = e.entry_at(*l, after).value;
  std::uint64_t const next = combined(what, old, value, l->traits);
  std::uint32_t const age = e.append(*l, next, o, after, true, s);
  e.effect(s, l->id);
  e.done(op_kind::rmw, s, l->id, next, event_outcome::none, e.hash_class(*l, old) * 31 + e.hash_class(*l, next), age);
  return old;
}

compared compare_exchange(void const* object, std::uint32_t number, std::uint64_t expected, std::uint64_t desired,
                          order o, bool weak, site const& where) noexcept {
  return compare_exchange(object, number, expected, desired, o, failure_of(o), weak, where);
}

compared compare_exchange(void const* object, std::uint32_t number, std::uint64_t expected, std::uint64_t desired,
                          order o, order failure, bool weak, site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, op_kind::cas);
  e.point(op_kind::cas, s, e.find(object, number, where, op_kind::cas).id);
  location* l = &e.find_again(object, number, where, op_kind::cas);
  if (s.mutate != mutation::none) failure = failure_of(weakened(s, o));
  o = weakened(s, o);
  std::uint64_t seen = 0;
  std::uint32_t age = 0;
  bool won = false;
  if (s.mutate == mutation::split) [[unlikely]] {
    seen = e.read(*l, load_half(o), s, age);
    e.done(op_kind::load, s, l->id, seen, event_outcome::none, e.hash_class(*l, seen), age);
    won = seen == expected;
    site_record& second = e.sites_.intern(where, op_kind::split_store);
    e.point(op_kind::split_store, second, l->id);
    l = &e.find(object, number, where, op_kind::split_store);
    if (won) e.append(*l, desired, store_half(o), l->newest, false, second);
  } else {
    std::uint32_t const chosen =
        e.entry_to_exchange(*l, expected, failure == order::seq_cst ? failure : o, weak, s, won);
    seen = e.entry_at(*l, chosen).value;
    age = l->newest - chosen;
    if (won)
      e.append(*l, desired, o, chosen, true, s);
    else
      e.take(*l, chosen, failure, s);
  }
  ++s.outcomes[won ? 0 : 1];
  if (won) e.forget_loop();
  e.done(op_kind::cas, s, l->id, won ? desired : seen, won ? event_outcome::won : event_outcome::lost,
         e.hash_class(*l, seen), age);
  return {won, seen};
}

std::uint32_t make_plain(void const* object, site const& where) noexcept {
  return the_engine == nullptr ? 0 : the_engine->add_plain(object, where);
}

void end_plain(void const* object, std::uint32_t number) noexcept {
  if (the_engine != nullptr) the_engine->end_plain(object, number);
}

void plain_read(void const* object, std::uint32_t number, site const& where) noexcept {
  engine& e = current(where);
  plain_record& p = e.find_plain(object, number, where, op_kind::plain_read);
  e.plain_touch(p, e.sites_.intern(where, op_kind::plain_read), false);
}

void plain_write(void const* object, std::uint32_t number, site const& where) noexcept {
  engine& e = current(where);
  plain_record& p = e.find_plain(object, number, where, op_kind::plain_write);
  e.plain_touch(p, e.sites_.intern(where, op_kind::plain_write), true);
}

void fence(order o, site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, op_kind::fence);
  if (o != order::seq_cst && !e.scenario_->fences_synchronize) {
    e.fail("harness", "harness: acquire and release fences are for scenarios with fences_synchronize", s.id);
  }
  e.point(op_kind::fence, s, 0);
  if (s.mutate != mutation::drop) e.fence(o);
  e.effect(s, 0);
  e.done(op_kind::fence, s, 0, 0, event_outcome::none, 0);
}

void asymmetric_light(site const&) noexcept {}

void asymmetric_heavy(site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, op_kind::heavy);
  e.point(op_kind::heavy, s, 0);
  if (s.mutate != mutation::drop) e.fence_everywhere(s);
  e.effect(s, 0);
  e.done(op_kind::heavy, s, 0, 0, event_outcome::none, 0);
}

void fail(char const* tag_and_claim, site const& where, site const& from) noexcept {
  current(where).fail_tagged(tag_and_claim, where, from);
}

void fatal(char const* text, site const& where) noexcept {
  engine& e = current(where);
  char const* const expected = e.scenario_->expected_fatal;
  if (expected != nullptr && std::strcmp(expected, text) == 0) e.finish();
  char claim[sizeof e.result_.what.claim];
  std::snprintf(claim, sizeof claim, "fatal: %s", text);
  e.fail("fatal", claim, e.sites_.intern(where, op_kind::require).id);
}

void count_recheck(bool condition, site const& where) noexcept {
  engine& e = current(where);
  site_record& s = e.sites_.intern(where, op_kind::recheck);
  ++s.reached;
  ++s.outcomes[condition ? 0 : 1];
}

void commit(void const* ghost, char const* tag, site const&) noexcept {
  engine* const e = the_engine;
  if (e != nullptr && e->commit_ != nullptr) e->commit_(e->commit_context_, ghost, tag);
}

void* allocate(std::size_t bytes, std::size_t alignment, site const& where) noexcept {
  engine& e = current(where);
  if (e.strike(fault_kind::enomem, where)) return nullptr;
  void* const p = e.arena_.allocate(bytes, alignment);
  if (p == nullptr)
    e.fail("memory", "memory: the arena of the execution is used up", e.sites_.intern(where, op_kind::require).id);
  ++e.live_allocations_;
  return p;
}

std::uint32_t live_allocations() noexcept { return the_engine->live_allocations_; }

void deallocate(void* memory, std::size_t bytes, site const& where) noexcept {
  engine& e = current(where);
  if (memory == nullptr) return;
  char const* const wrong = e.arena_.deallocate(memory, bytes);
  site_record const& s = e.sites_.intern(where, op_kind::require);
  if (wrong == nullptr) {
    --e.live_allocations_;
    e.end_memory(memory, bytes, engine::access::deallocation, s.id);
    return;
  }
  char claim[96];
  std::snprintf(claim, sizeof claim, "use_after_free: %s", wrong);
  e.fail("use_after_free", claim, s.id);
}

void* get_stack(std::size_t bytes, site const& where) noexcept {
  engine& e = current(where);
  if (e.strike(fault_kind::enomem, where)) return nullptr;
  void* const low = e.stack_get((bytes + 4095) / 4096 * 4096);
  if (low == nullptr)
    e.fail("bound", "bound: more than pooled_stacks_max stacks in use, or no address space for one more",
           e.sites_.intern(where, op_kind::require).id);
  return low;
}

void put_stack(void* low, std::size_t bytes) noexcept {
  if (the_engine == nullptr) return;
  the_engine->end_memory(low, bytes, engine::access::end, the_engine->last_site());
  the_engine->stack_put(low);
}

void reuse_stack(void* low, std::size_t bytes) noexcept {
  the_engine->end_memory(low, bytes, engine::access::end, the_engine->last_site());
  floor::unpoison_stack(low, bytes);
}

void give_back(void* low, std::size_t bytes, site const& where) noexcept {
  op(op_kind::kernel, 0, where);
  the_engine->end_memory(low, bytes, engine::access::returned_pages, the_engine->last_site());
  floor::unpoison_stack(low, bytes);
  std::memset(low, 0, bytes);
  the_engine->note_given_back(low);
}

void print(char const* text, std::size_t n) noexcept {
  if (the_engine != nullptr) the_engine->put_text(op_kind::note, 'M', the_engine->running_->number, text, n);
}

}  // namespace retake::sim
