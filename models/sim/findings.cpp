// findings.cpp: how an execution ends: well, by a claim that failed, or by a signal.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstring>

#include "fired.hpp"
#include "sim/engine.hpp"

namespace retake::sim {

namespace {

void copy_text(char* to, std::size_t room, char const* from) noexcept {
  std::size_t n = std::strlen(from);
  if (n >= room) n = room - 1;
  std::memcpy(to, from, n);
  to[n] = 0;
}

}  // namespace

// The stack of the running thread is left as it stands; run() goes on behind its switch.
void engine::finish() noexcept {
  if (alone_.active) leave_alone(true);
  floor::switch_context(running_->context, host_);
  __builtin_trap();  // nobody comes back to an execution that ended
}

void engine::fail(char const* tag, char const* claim, std::uint16_t site, world::site from) noexcept {
  result_.failed = true;
  copy_text(result_.what.tag, sizeof result_.what.tag, tag);
  copy_text(result_.what.claim, sizeof result_.what.claim, claim);
  result_.what.thread = running_->number;
  result_.what.site = site;
  result_.what.step = steps_;
  result_.what.from = from;
  note_fired(from.file, from.line);
  finish();
}

void engine::fail_tagged(char const* tag_and_claim, site const& where, site const& from) noexcept {
  char tag[sizeof result_.what.tag] = "require";
  char const* const colon = std::strchr(tag_and_claim, ':');
  if (colon != nullptr && colon != tag_and_claim && static_cast<std::size_t>(colon - tag_and_claim) < sizeof tag) {
    std::memcpy(tag, tag_and_claim, static_cast<std::size_t>(colon - tag_and_claim));
    tag[colon - tag_and_claim] = 0;
  }
  fail(tag, tag_and_claim, sites_.intern(where, op_kind::require).id, from);
}

void engine::crashed(int signal) noexcept {
  char const* const name = signal == SIGSEGV  ? "SIGSEGV"
                           : signal == SIGBUS ? "SIGBUS"
                           : signal == SIGFPE ? "SIGFPE"
                           : signal == SIGILL ? "SIGILL"
                                              : "SIGABRT";
  char text[96];
  std::snprintf(text, sizeof text, "crash: %s in the simulated process", name);
  fail("crash", text, pending_[running_slot_].site);
}

void engine::run_quiescence() noexcept {
  for (std::uint32_t i = 0; i < quiescence_count_; ++i) quiescence_[i].call(quiescence_[i].context);
}

void engine::put_text(op_kind kind, std::uint16_t lane, std::uint64_t id, char const* text, std::size_t n) noexcept {
  if (!record_texts_ || text_next_ + n + 1 > texts_bytes) return;
  char* const to = texts_.as<char>() + text_next_;
  std::memcpy(to, text, n);
  to[n] = 0;
  events_.as<event>()[event_next_++ & (events_max - 1)] =
      {text_next_ | id << 32, 0, lane, static_cast<std::uint8_t>(running_slot_), kind, 0, 0};
  text_next_ += n + 1;
}

}  // namespace retake::sim
