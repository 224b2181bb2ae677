#include "retake/profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <new>

#include "observe/frames.hpp"
#include "observe/pprof.hpp"
#include "observe/snapshot.hpp"
#include "observe/watcher.hpp"
#include "retake/foreign_call.hpp"
#include "sched/watch.hpp"
#include "world/clock.hpp"
#include "world/print.hpp"

namespace retake {

namespace {

// From the user's own line on: the call of the public header is what it is charged for.
std::vector<stack_frame> users_frames(std::vector<stack_frame> frames) {
  const auto own = std::find_if_not(frames.begin(), frames.end(), [](stack_frame const& one) {
    return observe::is_internal(one) || observe::is_public_header(one);
  });
  frames.erase(frames.begin(), own);
  return frames;
}

stack_frame const the_runtime{"the runtime itself", "", 0, 0};

std::vector<thread_site> profile_of(scheduler& s) {
  observe::symbols names;
  std::vector<thread_site> all;
  for (observe::thread_sites::site const& one : observe::watcher_of(s).threads.all()) {
    std::vector<stack_frame> frames;
    if (one.ended.file != nullptr)
      frames.push_back({"goroutine that ended locked", one.ended.file, one.ended.line, 0});
    else
      frames = users_frames(observe::frames_of(names, names.walk(one.from.stack.from, one.from.stack.bytes)));
    all.push_back({std::move(frames), one.created, one.live});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](thread_site const& a, thread_site const& b) { return a.created > b.created; });
  return all;
}

}  // namespace

void watch::thread_refused(scheduler& s) noexcept {
  constexpr std::size_t told = 3;
  try {
    std::vector<thread_site> all = profile_of(s);
    if (all.size() > told) all.resize(told);
    for (thread_site const& one : all) {
      stack_frame const& at = one.stack.empty() ? the_runtime : one.stack.front();
      const std::string where = at.file.empty() ? std::string() : fmt::format(" {}:{}", at.file, at.line);
      const std::string text =
          fmt::format("runtime: {} threads, {} of them live, for {}{}\n", one.created, one.live, at.function, where);
      world::print(text.data(), text.size());
    }
  } catch (std::bad_alloc const&) {
    return;  // the text that follows needs no memory
  }
}

std::vector<thread_site> thread_profile() {
  scheduler& s = machine_here().home;
  return foreign_call([&s] { return profile_of(s); });
}

namespace {

std::string threadcreate_pprof_of(scheduler& s) {
  std::vector<observe::pprof_sample> samples;
  for (thread_site& one : profile_of(s)) {
    if (one.created == 0) continue;
    if (one.stack.empty()) one.stack.push_back(the_runtime);
    samples.push_back(
        {std::move(one.stack), {static_cast<std::int64_t>(one.created), static_cast<std::int64_t>(one.live)}});
  }
  return observe::pprof_bytes({"threadcreate", "live"}, samples, world::walltime());
}

std::string goroutine_pprof_of(scheduler& s) {
  observe::symbols names;
  std::map<std::vector<std::uintptr_t>, observe::pprof_sample> by_stack;
  for (observe::goroutine_view const& view : observe::view_all(s, names, nullptr)) {
    goroutine_info one = observe::info_of(names, view);
    std::vector<std::uintptr_t> key;
    for (stack_frame const& frame : one.stack) key.push_back(frame.address != 0 ? frame.address : frame.line);
    observe::pprof_sample& sample = by_stack.try_emplace(key, observe::pprof_sample{{}, {0}}).first->second;
    ++sample.values[0];
    if (one.stack.empty()) one.stack.push_back({one.state, "", 0, 0});
    sample.stack = std::move(one.stack);
  }
  std::vector<observe::pprof_sample> samples;
  for (auto& [key, sample] : by_stack) samples.push_back(std::move(sample));
  return observe::pprof_bytes({"goroutine"}, samples, world::walltime());
}

}  // namespace

namespace {

std::vector<wait_site> profile_of(observe::wait_sites& sites) {
  observe::symbols names;
  std::vector<wait_site> all;
  for (observe::wait_sites::site const& one : sites.all()) {
    if (one.count == 0) continue;
    all.push_back({users_frames(observe::frames_of(names, names.walk(one.from.stack.from, one.from.stack.bytes))),
                   one.count, std::chrono::duration<double, std::nano>(one.wait_ns)});
  }
  std::stable_sort(all.begin(), all.end(), [](wait_site const& a, wait_site const& b) { return a.waited > b.waited; });
  return all;
}

std::string pprof_of(observe::wait_sites& sites) {
  std::vector<observe::pprof_sample> samples;
  for (wait_site& one : profile_of(sites)) {
    if (one.stack.empty()) one.stack.push_back(the_runtime);
    samples.push_back({std::move(one.stack), {std::llround(one.count), std::llround(one.waited.count())}});
  }
  return observe::pprof_bytes({"contentions", "delay/nanoseconds"}, samples, world::walltime());
}

constexpr std::int64_t rate_max_ns = 4'000'000'000;  // a number that world::random_below() takes

}  // namespace

std::int64_t detail::set_block_profile_rate(std::int64_t nanoseconds) noexcept {
  scheduler& s = machine_here().home;
  const std::int64_t before = s.block_profile_ns.get();
  s.block_profile_ns.set(std::clamp<std::int64_t>(nanoseconds, 0, rate_max_ns));
  return before;
}

std::uint32_t set_mutex_profile_fraction(std::uint32_t one_in) noexcept {
  scheduler& s = machine_here().home;
  const std::uint32_t before = s.mutex_profile_one_in.get();
  s.mutex_profile_one_in.set(one_in);
  return before;
}

std::vector<wait_site> block_profile() {
  return foreign_call([&w = observe::watcher_of(machine_here().home)] { return profile_of(w.waits); });
}

std::vector<wait_site> mutex_profile() {
  return foreign_call([&w = observe::watcher_of(machine_here().home)] { return profile_of(w.contentions); });
}

std::string block_pprof() {
  return foreign_call([&w = observe::watcher_of(machine_here().home)] { return pprof_of(w.waits); });
}

std::string mutex_pprof() {
  return foreign_call([&w = observe::watcher_of(machine_here().home)] { return pprof_of(w.contentions); });
}

// Made without a P: a program with many goroutines or threads goes on meanwhile.
std::string threadcreate_pprof() {
  return foreign_call([&s = machine_here().home] { return threadcreate_pprof_of(s); });
}

std::string goroutine_pprof() {
  return foreign_call([&s = machine_here().home] { return goroutine_pprof_of(s); });
}

}  // namespace retake
