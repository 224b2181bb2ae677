// The dump: on request, and as the last thing that a process says.
#include "retake/debug.hpp"

#include <fmt/format.h>

#include <exception>

#include "observe/frames.hpp"
#include "observe/snapshot.hpp"
#include "observe/watcher.hpp"
#include "retake/foreign_call.hpp"
#include "world/print.hpp"

namespace retake {

namespace {

constexpr std::size_t last_dump_max = 1'000;  // goroutines: who reads more has a leak, and sees it
constexpr std::uint64_t main_id = 1;

}  // namespace

std::vector<goroutine_info> all_goroutines() {
  scheduler& s = machine_here().home;
  return foreign_call([&s] {
    observe::symbols names;
    std::vector<goroutine_info> all;
    for (observe::goroutine_view const& view : observe::view_all(s, names, nullptr))
      all.push_back(observe::info_of(names, view));
    return all;
  });
}

std::vector<stack_frame> stack_of(std::uint64_t id) {
  for (goroutine_info& one : all_goroutines()) {
    if (one.id == id) return std::move(one.stack);
  }
  return {};
}

std::uint64_t goroutine_id() noexcept { return this_goroutine().id; }

void dump_goroutines(std::function<void(std::string_view)> const& to) {
  for (goroutine_info const& one : all_goroutines()) to(observe::text_of(one) + "\n");
}

void dump_goroutines() {
  dump_goroutines([](std::string_view text) { world::print(text.data(), text.size()); });
}

namespace observe {

void dump_at_end(scheduler& s, registers const* here) noexcept {
  const auto say = [](std::string_view text) { world::print(text.data(), text.size()); };
  try {
    symbols names;
    say("\n");
    const std::vector<goroutine_view> all = view_all(s, names, here, last_dump_max + 1);
    const bool main_is_there = !all.empty() && all.front().id == main_id;
    if (!main_is_there && s.ending.load_relaxed() != 0) say("goroutine 1 [main has returned]\n\n");
    for (std::size_t i = 0; i < all.size() && i < last_dump_max; ++i) say(text_of(info_of(names, all[i])) + "\n");
    if (all.size() > last_dump_max) say("...more goroutines are not shown...\n");
  } catch (std::exception const& failed) { say(fmt::format("the dump failed: {}\n", failed.what())); }
}

}  // namespace observe

}  // namespace retake
