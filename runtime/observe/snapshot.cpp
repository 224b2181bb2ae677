#include "observe/snapshot.hpp"

#include <algorithm>
#include <cstring>

#include "io/signals.hpp"
#include "world/clock.hpp"
#include "world/peek.hpp"

namespace retake::observe {

namespace {

constexpr std::size_t stack_bytes_max = 64 * 1024;
constexpr int looks_max = 3;
constexpr std::uintptr_t guard_bytes_max = 64 * 1024;

// A copy of an object's bytes; its members are asked for by where they are in the original.
template <class T>
class copied {
 public:
  explicit copied(T const& original) noexcept : from_(reinterpret_cast<std::uintptr_t>(&original)) {
    whole_ = world::peek(bytes_, from_, sizeof(T)) == sizeof(T);
  }
  [[nodiscard]] bool whole() const noexcept { return whole_; }

  template <class Value, class Member>
  [[nodiscard]] Value get(Member const& member) const noexcept {
    static_assert(sizeof(Value) == sizeof(Member), "a member is bare bytes in the os world");
    Value value;
    std::memcpy(&value, bytes_ + (reinterpret_cast<std::uintptr_t>(&member) - from_), sizeof(value));
    return value;
  }

 private:
  std::uintptr_t from_;
  bool whole_;
  std::byte bytes_[sizeof(T)];
};

// A frame that did not fit any more: its stack pointer lies in the guard below the stack.
std::uintptr_t above_guard(goroutine const& g, std::uintptr_t sp) noexcept {
  const auto low = reinterpret_cast<std::uintptr_t>(g.stack.low);
  return sp < low && low - sp < guard_bytes_max ? low : sp;
}

bool in_callback(goroutine const& g) noexcept {
  auto const* const m = world::peek_word<machine const*>(&g.locked_m, nullptr);
  return m != nullptr && world::peek_word<std::uint32_t>(&m->callbacks, 0) != 0;
}

// In a callback it stands on its thread's stack, which ends nobody knows where: what can be read is
// what there is.
stack_bytes copy_stack(goroutine const& g, std::uintptr_t sp) {
  stack_bytes copy;
  if (sp == 0) return copy;
  // Nothing orders the making of a goroutine before this look at it.
  const std::uintptr_t low = world::peek_word<std::uintptr_t>(&g.stack.low, 0),
                       end = reinterpret_cast<std::uintptr_t>(&g);
  const bool own = sp >= low && sp < end;
  if (!own && !in_callback(g)) return copy;
  copy.low = sp;
  copy.bytes.resize(own ? std::min<std::size_t>(end - sp, stack_bytes_max) : stack_bytes_max);
  copy.bytes.resize(world::peek(copy.bytes.data(), sp, copy.bytes.size()));
  return copy;
}

still_stack stack_of_record(goroutine const& g, copied<goroutine> const& record) {
  still_stack found;
  switch (record.get<goroutine_state>(g.state)) {
    case goroutine_state::syscall:
      found.from.pc = record.get<std::uintptr_t>(g.call_pc);
      found.from.sp = record.get<std::uintptr_t>(g.call_sp);
      found.from.fp = record.get<std::uintptr_t>(g.call_fp);
      found.bytes = copy_stack(g, found.from.sp);
      break;
    case goroutine_state::waiting:
    case goroutine_state::runnable: {
      found.bytes = copy_stack(g, record.get<std::uintptr_t>(g.context.stack_pointer));
      if (found.bytes.bytes.size() < sizeof(floor::saved_frame)) return {};
      floor::saved_frame frame;
      std::memcpy(&frame, found.bytes.bytes.data(), sizeof(frame));
      found.from.pc = frame.program_counter();
      found.from.sp = found.bytes.low + sizeof(frame);
      found.from.fp = frame.frame_pointer();
#if defined(__x86_64__)
      found.from.rbx = frame.rbx;
      found.from.r12 = frame.r12;
      found.from.r13 = frame.r13;
      found.from.r14 = frame.r14;
      found.from.r15 = frame.r15;
#endif
      break;
    }
    case goroutine_state::running:
    case goroutine_state::dead: break;
  }
  return found;
}

bool same_moment(goroutine const& g, copied<goroutine> const& before, copied<goroutine> const& after) noexcept {
  return before.get<std::uint64_t>(g.id) == after.get<std::uint64_t>(g.id) &&
         before.get<goroutine_state>(g.state) == after.get<goroutine_state>(g.state) &&
         before.get<std::uintptr_t>(g.context.stack_pointer) == after.get<std::uintptr_t>(g.context.stack_pointer) &&
         before.get<std::uintptr_t>(g.call_sp) == after.get<std::uintptr_t>(g.call_sp);
}

// Nor has it been away and come back to the same place while its stack was copied: then a second
// copy is another.
bool kept_still(goroutine const& g, copied<goroutine> const& record, still_stack const& found) {
  if (const copied<goroutine> after(g); !same_moment(g, record, after)) return false;
  return found.bytes.bytes.empty() || copy_stack(g, found.bytes.low).bytes == found.bytes.bytes;
}

}  // namespace

still_stack stack_of_goroutine(goroutine const& g) {
  for (int looks = 0; looks < looks_max; ++looks) {
    const copied<goroutine> before(g);
    if (!before.whole()) return {};
    still_stack found = stack_of_record(g, before);
    if (kept_still(g, before, found)) return found;
  }
  return {};
}

still_stack stack_of_caller(registers const& here) {
  machine const* const m = this_machine();
  goroutine const* const g = m != nullptr ? m->current.get() : nullptr;
  if (g == nullptr) return {};
  return {here, copy_stack(*g, above_guard(*g, here.sp))};
}

goroutine_view view_of(goroutine const& g, symbols& names, registers const* here) {
  goroutine_view view;
  for (int looks = 0; looks < looks_max; ++looks) {
    const copied<goroutine> record(g);
    if (!record.whole()) return view;
    view.id = record.get<std::uint64_t>(g.id);
    view.state = record.get<goroutine_state>(g.state);
    if (view.state == goroutine_state::dead) return view;
    view.reason = view.state == goroutine_state::waiting ? record.get<wait_reason>(g.reason) : wait_reason::none;
    view.locked = record.get<machine*>(g.locked_m) != nullptr;
    view.made_at = record.get<std::uintptr_t>(g.made_at);
    view.made_by = record.get<std::uint64_t>(g.made_by);
    const bool timed = view.state == goroutine_state::waiting || view.state == goroutine_state::syscall;
    view.waited_ns = timed ? std::max<std::int64_t>(0, world::nanotime() - record.get<std::int64_t>(g.since_ns)) : 0;
    machine const* const m = record.get<machine*>(g.m);
    view.in_foreign = view.state == goroutine_state::syscall && m != nullptr &&
                      world::peek_word<std::uint32_t>(&m->in_foreign, 0) != 0;

    still_stack stack;
    bool still = true;
    if (here != nullptr && this_machine() != nullptr && m == this_machine() && view.state == goroutine_state::running) {
      stack = {*here, copy_stack(g, above_guard(g, here->sp))};
    } else {
      stack = stack_of_record(g, record);
      still = kept_still(g, record, stack);
    }
    if (!still) continue;
    view.pcs = names.walk(stack.from, stack.bytes);
    return view;
  }
  view.pcs.clear();
  return view;
}

registers registers_of(world::thread_registers const& at) noexcept {
  registers r;
  r.pc = at.pc;
  r.sp = at.sp;
  r.fp = at.fp;
  r.pc_is_exact = true;
#if defined(__x86_64__)
  r.rbx = at.rbx;
  r.r12 = at.r12;
  r.r13 = at.r13;
  r.r14 = at.r14;
  r.r15 = at.r15;
#endif
  return r;
}

std::size_t count_newer(scheduler& s, std::uint64_t newest) noexcept {
  std::size_t count = 0;
  auto const* g = world::peek_word<goroutine const*>(&s.goroutines, nullptr);
  for (; g != nullptr; g = world::peek_word<goroutine const*>(&g->all_link, nullptr)) {
    const copied<goroutine> record(*g);
    const std::uint64_t id = record.get<std::uint64_t>(g->id);
    if (g != &this_goroutine() && id > newest && record.get<goroutine_state>(g->state) != goroutine_state::dead &&
        !detail::signal_service::is_relay(s, id))
      ++count;
  }
  return count;
}

std::vector<goroutine_view> view_all(scheduler& s, symbols& names, registers const* here, std::size_t most) {
  std::vector<goroutine_view> all;
  auto const* g = world::peek_word<goroutine const*>(&s.goroutines, nullptr);
  for (; g != nullptr && all.size() < most; g = world::peek_word<goroutine const*>(&g->all_link, nullptr)) {
    goroutine_view view = view_of(*g, names, here);
    if (view.state != goroutine_state::dead) all.push_back(std::move(view));
  }
  std::sort(all.begin(), all.end(), [](goroutine_view const& a, goroutine_view const& b) { return a.id < b.id; });
  return all;
}

}  // namespace retake::observe
