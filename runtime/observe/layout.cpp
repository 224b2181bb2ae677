// The table that debuggers read, as the compiler of this very build lays the records out.
#include "observe/layout.hpp"

#include <cstddef>
#include <string_view>

#include "observe/frames.hpp"
#include "sched/scheduler.hpp"
#include "switch/saved_registers.hpp"
#include "world/last_words.hpp"

#pragma GCC diagnostic ignored \
    "-Winvalid-offsetof"  // no virtual base is in these records: the compilers know the offsets

namespace retake::observe {

namespace {

template <std::size_t size>
constexpr void copy(char (&to)[size], std::string_view text) {
  if (text.size() >= size) throw "longer than its place";
  for (std::size_t i = 0; i < text.size(); ++i) to[i] = text[i];
}

constexpr void add(layout& to, std::string_view name, std::size_t offset, std::size_t bytes) {
  copy(to.field_of[to.fields].name, name);
  to.field_of[to.fields].offset = static_cast<std::uint32_t>(offset);
  to.field_of[to.fields].bytes = static_cast<std::uint32_t>(bytes);
  ++to.fields;
}

consteval void add_records(layout& to) {
  add(to, "scheduler.goroutines", offsetof(scheduler, goroutines), sizeof(scheduler::goroutines));
  add(to, "scheduler.clock_ns", offsetof(scheduler, clock_ns), sizeof(scheduler::clock_ns));
  add(to, "goroutine.id", offsetof(goroutine, id), sizeof(goroutine::id));
  add(to, "goroutine.state", offsetof(goroutine, state), sizeof(goroutine::state));
  add(to, "goroutine.reason", offsetof(goroutine, reason), sizeof(goroutine::reason));
  add(to, "goroutine.since_ns", offsetof(goroutine, since_ns), sizeof(goroutine::since_ns));
  add(to, "goroutine.all_link", offsetof(goroutine, all_link), sizeof(goroutine::all_link));
  add(to, "goroutine.m", offsetof(goroutine, m), sizeof(goroutine::m));
  add(to, "goroutine.locked_m", offsetof(goroutine, locked_m), sizeof(goroutine::locked_m));
  add(to, "goroutine.stack_pointer", offsetof(goroutine, context.stack_pointer), sizeof(floor::context::stack_pointer));
  add(to, "goroutine.call_pc", offsetof(goroutine, call_pc), sizeof(goroutine::call_pc));
  add(to, "goroutine.call_sp", offsetof(goroutine, call_sp), sizeof(goroutine::call_sp));
  add(to, "goroutine.call_fp", offsetof(goroutine, call_fp), sizeof(goroutine::call_fp));
  add(to, "machine.id", offsetof(machine, id), sizeof(machine::id));
  add(to, "machine.thread", offsetof(machine, thread), sizeof(machine::thread));
  add(to, "machine.inside_foreign", offsetof(machine, inside_foreign), sizeof(machine::inside_foreign));
}

consteval void add_frame(layout& to) {
  add(to, "frame", 0, sizeof(floor::saved_frame));
  for (floor::saved_register const& one : floor::saved_registers) {
    char name[sizeof(layout::field::name)] = "frame.";
    std::size_t end = 6;
    for (char const c : std::string_view(one.name)) name[end++] = c;
    add(to, std::string_view(name, end), one.offset, 8);
  }
}

consteval layout describe() {
  layout all{};
  copy(all.magic, "retake layout");
  all.version = layout::current_version;
  all.states = layout::states_count;
  all.reasons = layout::reasons_count;
  for (std::uint32_t i = 0; i < layout::states_count; ++i) copy(all.state_name[i], name_of(goroutine_state{i}));
  for (std::uint32_t i = 0; i < layout::reasons_count; ++i) copy(all.reason_name[i], name_of(wait_reason{i}));
  static_assert(layout::states_count == static_cast<std::uint32_t>(goroutine_state::waiting) + 1);
  static_assert(layout::reasons_count == static_cast<std::uint32_t>(wait_reason::callback_gate) + 1);
  add_records(all);
  add_frame(all);
  all.scheduler = &world::at_fatal.argument;
  return all;
}

}  // namespace

}  // namespace retake::observe

constinit retake::observe::layout const retake_layout = retake::observe::describe();
