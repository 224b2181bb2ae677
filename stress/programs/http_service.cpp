#include "http_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <span>

#include "leftovers.hpp"
#include "retake/clock.hpp"
#include "retake/go.hpp"
#include "retake/panic.hpp"
#include "retake/run.hpp"

namespace retake::programs {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t piece_bytes = 64 * 1024;  // of a file, under one deadline
constexpr auto hang_up_patience = 1s;
constexpr int json_depth_max = 100;  // dump() is recursive, and a goroutine's stack is not large

std::string_view name_of(int status) noexcept {
  switch (status) {
#define RETAKE_NAME(number, name, text) \
  case number: return #text;
    HTTP_STATUS_MAP(RETAKE_NAME)
#undef RETAKE_NAME
    default: return "Unknown";
  }
}

int status_of(std::error_code why) noexcept {
  if (why == std::errc::no_such_file_or_directory || why == std::errc::not_a_directory ||
      why == std::errc::filename_too_long)
    return 404;
  if (why == std::errc::permission_denied || why == std::errc::cross_device_link ||
      why == std::errc::too_many_symbolic_link_levels)
    return 403;
  if (why == std::errc::too_many_files_open || why == std::errc::too_many_files_open_in_system) return 503;
  return 500;
}

std::string date_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(wall_now()));
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

nlohmann::json parse_json(std::string const& text) {
  return nlohmann::json::parse(text, [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > json_depth_max) throw std::length_error("nested too deeply");
    return true;
  });
}

}  // namespace

// ---- connections ----

std::error_code http_service::serve(tcp_listener& listener) {
  std::error_code why;
  for (;;) {
    result<tcp_stream> peer = listener.accept();
    if (!peer) {
      if (!stopping_) why = peer.error();
      break;
    }
    counts_.connections.fetch_add(1, std::memory_order_relaxed);
    conversations_.add(1);
    go([this, mine = std::move(*peer)]() mutable {
      guard_.lock();
      const auto place = peers_.insert(peers_.end(), &mine);
      guard_.unlock();
      if (recover([&] { converse(mine); }) != nullptr) counts_.failures.fetch_add(1, std::memory_order_relaxed);
      guard_.lock();
      peers_.erase(place);
      guard_.unlock();
      mine = {};
      conversations_.done();
    });
  }
  stop(listener);
  end_conversations();
  return why;
}

void http_service::stop(tcp_listener& listener) {
  stopping_ = true;
  listener.close();
}

void http_service::end_conversations() {
  const auto all = [this](auto what) {
    const std::lock_guard hold(guard_);
    std::for_each(peers_.begin(), peers_.end(), [&](stream* peer) { what(*peer); });
    return !peers_.empty();
  };
  const time_point until = deadline_in(chosen_.end_patience);
  all([](stream& peer) { peer.set_read_deadline(monotonic_now()); });
  while (all([](stream&) {}) && monotonic_now() < until) sleep_for(1ms);
  all([](stream& peer) { peer.close(); });
  conversations_.wait();
}

// The end may have come before the deadline was set, and its own is overwritten then; but not
// before it is looked for.
void http_service::be_patient(stream& peer, std::chrono::nanoseconds patience) {
  peer.set_read_deadline(deadline_in(patience));
  if (stopping_) peer.set_read_deadline(monotonic_now());
}

void http_service::converse(stream& peer) {
  request_reader requests(peer, chosen_.body_max);
  request asked;
  for (;;) {
    be_patient(peer, chosen_.request_patience);
    const arrival got = requests.next(asked);
    if (got == arrival::end) return;
    counts_.requests.fetch_add(1, std::memory_order_relaxed);
    if (got != arrival::whole) return refuse(peer, got);
    if (stopping_) asked.keeps_alive = false;
    if (!respond(peer, asked)) return;
    if (!asked.keeps_alive) return hang_up(peer);
  }
}

void http_service::refuse(stream& peer, arrival why) {
  const int status = static_cast<int>(why);
  if (send_text(peer, {}, {.status = status}, fmt::format("{}\n", name_of(status)))) hang_up(peer);
}

void http_service::hang_up(stream& peer) {
  if (peer.close_write()) return;
  be_patient(peer, hang_up_patience);
  std::array<std::byte, 4096> dropped;
  for (;;) {
    const result<std::size_t> some = peer.read(dropped);
    if (!some || *some == 0) return;
  }
}

// ---- answers ----

bool http_service::sent(bool whole) noexcept {
  if (!whole) counts_.failures.fetch_add(1, std::memory_order_relaxed);
  return whole;
}

std::string http_service::head_of(request const& asked, answer const& what, std::uint64_t bytes) const {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
                                 what.status, name_of(what.status), date_now(), what.type, bytes);
  if (!what.allowed.empty()) head += fmt::format("Allow: {}\r\n", what.allowed);
  if (!asked.keeps_alive) {
    head += "Connection: close\r\n";
  } else if (asked.old_version) {
    head += "Connection: keep-alive\r\n";
  }
  return head += "\r\n";
}

bool http_service::send_text(stream& peer, request const& asked, answer const& what, std::string const& text) {
  std::string whole = head_of(asked, what, text.size());
  if (asked.method != HTTP_HEAD) whole += text;
  peer.set_write_deadline(deadline_in(chosen_.write_patience));
  return sent(static_cast<bool>(peer.write(std::as_bytes(std::span(whole)))));
}

bool http_service::send_file(stream& peer, request const& asked, served_file const& file) {
  const std::string head = head_of(asked, {.status = 200, .type = file.type}, file.bytes);
  peer.set_write_deadline(deadline_in(chosen_.write_patience));
  if (!peer.write(std::as_bytes(std::span(head)))) return sent(false);
  if (asked.method == HTTP_HEAD) return true;
  for (std::uint64_t done = 0; done < file.bytes;) {
    if (done != 0) peer.set_write_deadline(deadline_in(chosen_.write_patience));
    const std::size_t piece = std::min<std::uint64_t>(piece_bytes, file.bytes - done);
    const result<std::size_t> went = retake::send_file(peer, file.fd.get(), static_cast<std::int64_t>(done), piece);
    if (!went || *went == 0) return sent(false);  // also a file that has become shorter: its length is promised
    done += *went;
  }
  return true;
}

bool http_service::respond(stream& peer, request const& asked) {
  const auto say = [&](answer const& what) {
    return send_text(peer, asked, what, fmt::format("{}\n", name_of(what.status)));
  };
  if (chosen_.answers_first) {
    if (const std::optional<page> made = chosen_.answers_first(asked))
      return send_text(peer, asked, {.status = made->status, .type = made->type}, made->body);
  }
  if (asked.method == HTTP_CONNECT) return say({.status = 405, .allowed = "GET, HEAD"});
  const std::optional<std::string> path = path_of(asked.target);
  if (!path) return say({.status = 400});
  if (path->starts_with("/api/")) return respond_json(peer, asked, *path);
  if (asked.method != HTTP_GET && asked.method != HTTP_HEAD) return say({.status = 405, .allowed = "GET, HEAD"});
  const result<served_file> file = root_.open(*path);
  return file ? send_file(peer, asked, *file) : say({.status = status_of(file.error())});
}

bool http_service::respond_json(stream& peer, request const& asked, std::string const& path) {
  const auto say = [&](answer what, nlohmann::json const& content) {
    what.type = "application/json";
    return send_text(peer, asked, what,
                     content.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
                         "\n");  // an error quotes what it stumbled over
  };
  if (path == "/api/status") {
    if (asked.method != HTTP_GET && asked.method != HTTP_HEAD)
      return say({.status = 405, .allowed = "GET, HEAD"}, {{"error", "only to be read"}});
    return say({.status = 200}, {{"connections", counts_.connections.load()},
                                 {"requests", counts_.requests.load()},
                                 {"failures", counts_.failures.load()},
                                 {"goroutines", goroutine_count()},
                                 {"processors", processors()},
                                 {"threads", kernel_threads()}});
  }
  if (path != "/api/echo") return say({.status = 404}, {{"error", "there are /api/status and /api/echo"}});
  if (asked.method != HTTP_POST) return say({.status = 405, .allowed = "POST"}, {{"error", "send a value by POST"}});
  nlohmann::json value;
  try {
    value = parse_json(asked.body);
  } catch (std::exception const& wrong) { return say({.status = 400}, {{"error", wrong.what()}}); }
  return say({.status = 200}, {{"bytes", asked.body.size()}, {"value", std::move(value)}});
}

}  // namespace retake::programs
