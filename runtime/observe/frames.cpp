#include "observe/frames.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

namespace retake::observe {

namespace {

using namespace std::chrono_literals;

// The name behind a template's return type: "void retake::go<...>".
std::string_view qualified(std::string_view function) noexcept {
  const std::size_t at = function.find("retake");
  if (at == std::string_view::npos || at == 0) return function;
  return function.find_first_of("(<{") > at && function[at - 1] == ' ' ? function.substr(at) : function;
}

std::string waited(std::chrono::nanoseconds length) {
  if (length < 1ms) return {};
  if (length < 1s) return fmt::format(", {}ms", length / 1ms);
  if (length < 1min) return fmt::format(", {}s", length / 1s);
  return fmt::format(", {} minute{}", length / 1min, length / 1min == 1 ? "" : "s");
}

std::string line_of(stack_frame const& frame) {
  return fmt::format("{}\n\t{}:{}{}\n", frame.function.empty() ? "?" : frame.function,
                     frame.file.empty() ? "?" : frame.file, frame.line,
                     frame.address != 0 ? fmt::format(" pc={:#x}", frame.address) : "");
}

}  // namespace

bool is_internal(stack_frame const& frame) noexcept {
  static constexpr std::array<std::string_view, 11> own =
      {"retake::detail::", "retake::sched::", "retake::floor::", "retake::world::", "retake_floor_",
       "retake::go<",      "retake::run<",    "retake::waiter",  "retake::park_in", "retake::(anonymous namespace)::",
       "retake::poller"};
  const std::string_view name = qualified(frame.function);
  return std::any_of(own.begin(), own.end(), [name](std::string_view prefix) { return name.starts_with(prefix); });
}

bool is_public_header(stack_frame const& frame) noexcept {
  const std::string_view file = frame.file;
  const std::size_t slash = file.rfind('/');
  if (slash == std::string_view::npos || !file.ends_with(".hpp")) return false;
  const std::string_view folder = file.substr(0, slash);
  return folder.ends_with("/include/retake") || folder.ends_with("/retake-runtime/retake");
}

std::vector<stack_frame> frames_at(symbols& names, std::uintptr_t pc) {
  std::vector<stack_frame> frames;
  for (place& one : names.at(pc, true)) frames.push_back({std::move(one.function), std::move(one.file), one.line, 0});
  if (!frames.empty()) frames.back().address = pc;
  return frames;
}

std::vector<stack_frame> frames_of(symbols& names, std::vector<std::uintptr_t> const& pcs) {
  std::vector<stack_frame> all;
  for (std::uintptr_t const pc : pcs) {
    for (stack_frame& one : frames_at(names, pc)) all.push_back(std::move(one));
  }
  const auto first = std::find_if_not(all.begin(), all.end(), is_internal);
  const auto last = std::find_if_not(all.rbegin(), std::make_reverse_iterator(first), is_internal).base();
  return {std::make_move_iterator(first), std::make_move_iterator(last)};
}

goroutine_info info_of(symbols& names, goroutine_view const& view) {
  goroutine_info info;
  info.id = view.id;
  info.state = name_of(view.state);
  info.wait_reason = view.in_foreign ? "foreign call" : retake::name_of(view.reason);
  info.waited = std::chrono::nanoseconds(view.waited_ns);
  info.locked_to_thread = view.locked;
  info.stack = frames_of(names, view.pcs);
  info.created_by = view.made_by;
  if (view.made_at != 0) {
    info.created_at = frames_at(names, view.made_at);
    std::erase_if(info.created_at, [](stack_frame const& one) { return is_internal(one) || is_public_header(one); });
  }
  return info;
}

std::string text_of(goroutine_info const& info) {
  std::string text =
      fmt::format("goroutine {} [{}{}{}]:\n", info.id, info.wait_reason.empty() ? info.state : info.wait_reason,
                  waited(info.waited), info.locked_to_thread ? ", locked to thread" : "");
  if (info.stack.empty() && info.state == "running") text += "\tgoroutine running on other thread; stack unavailable\n";
  for (stack_frame const& one : info.stack) text += line_of(one);
  if (!info.created_at.empty()) {
    stack_frame const& at = info.created_at.front();
    text += fmt::format("created by {} in goroutine {}\n\t{}:{}\n", at.function.empty() ? "?" : at.function,
                        info.created_by, at.file.empty() ? "?" : at.file, at.line);
  }
  return text;
}

}  // namespace retake::observe
