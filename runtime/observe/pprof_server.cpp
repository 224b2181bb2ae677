// A server for a handful of readers on the loopback: one request a connection, the request line and
// nothing else of the request looked at, which is why no parser library is here.
//
// Bounds. Readers may be slow, hang, or be many: connections_max are served, the others wait in the
// kernel's queue; reports_max of them are in memory, from the making of a report until it is
// written; a request and an answer have `patience` each, however slowly their bytes move. A report
// is made without a P (foreign_call), however long that takes: the program's goroutines do not wait
// for it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "observe/frames.hpp"
#include "observe/snapshot.hpp"
#include "observe/watcher.hpp"
#include "retake/context.hpp"
#include "retake/debug.hpp"
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/metrics.hpp"
#include "retake/pprof.hpp"
#include "retake/profile.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"
#include "retake/tcp.hpp"
#include "retake/trace.hpp"
#include "sched/watch.hpp"
#include "world/last_words.hpp"
#include "world/print.hpp"

namespace retake {

namespace {

constexpr std::size_t request_bytes_max = 8'192;
constexpr std::chrono::seconds patience(10);
constexpr std::uint32_t connections_max = 16;
constexpr std::uint32_t reports_max = 2;
constexpr std::uint32_t trace_seconds_max = 60;

struct answer {
  int status = 200;
  char const* type = "text/plain; charset=utf-8";
  std::string body;
};

constexpr char const* index_page =
    "<!doctype html><title>/debug/pprof/</title><p><a href=goroutine?debug=1>goroutine</a> (<a "
    "href=goroutine?debug=2>full stacks</a>)<br>"
    "<a href=threadcreate?debug=1>threadcreate</a><br><a href=block?debug=1>block</a><br><a "
    "href=mutex?debug=1>mutex</a><br><a href=\"trace?seconds=1\">trace</a> of one second<br><a "
    "href=/metrics>metrics</a>\n";

// The number behind `key` in "a=1&b=2"; `otherwise` when it is not there or none.
std::uint32_t parameter(std::string_view query, std::string_view key, std::uint32_t otherwise) {
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    if (!one.starts_with(key) || one.size() <= key.size() || one[key.size()] != '=') continue;
    std::uint32_t n = 0;
    const std::string_view text = one.substr(key.size() + 1);
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
    return failed == std::errc() && end == text.data() + text.size() ? n : otherwise;
  }
  return otherwise;
}

std::string text_of(std::vector<stack_frame> const& stack) {
  std::string text;
  for (stack_frame const& one : stack) text += fmt::format("#\t{}\t{}:{}\n", one.function, one.file, one.line);
  return text;
}

// The place with the most goroutines first; one whose stack cannot be read is named by its state.
std::string stacks_with_counts(scheduler& s) {
  std::map<std::string, std::uint64_t> counts;
  std::uint64_t all = 0;
  observe::symbols names;
  for (observe::goroutine_view const& view : observe::view_all(s, names, nullptr)) {
    const goroutine_info one = observe::info_of(names, view);
    ++counts[one.stack.empty() ? fmt::format("#\t[{}]\n", one.state) : text_of(one.stack)];
    ++all;
  }
  std::vector<std::pair<std::string, std::uint64_t>> places(counts.begin(), counts.end());
  std::stable_sort(places.begin(), places.end(), [](auto const& a, auto const& b) { return a.second > b.second; });
  std::string text = fmt::format("goroutine profile: total {}\n", all);
  for (auto const& [stack, count] : places) text += fmt::format("{} @\n{}\n", count, stack);
  return text;
}

std::string stacks_in_full(scheduler& s) {
  std::string text;
  observe::symbols names;
  for (observe::goroutine_view const& view : observe::view_all(s, names, nullptr))
    text += observe::text_of(observe::info_of(names, view)) + "\n";
  return text;
}

std::string thread_sites_text() {
  std::uint64_t all = 0;
  std::string sites;
  for (thread_site const& one : thread_profile()) {
    all += one.created;
    sites += fmt::format("{} created, {} live @\n{}\n", one.created, one.live,
                         one.stack.empty() ? "#\tthe runtime itself\n" : text_of(one.stack));
  }
  return fmt::format("threadcreate profile: total {}\n{}", all, sites);
}

std::string wait_sites_text(char const* name, std::vector<wait_site> const& all) {
  std::string text = fmt::format("{} profile: {} places\n", name, all.size());
  for (wait_site const& one : all) {
    text += fmt::format("{:.0f} waits, {:.0f} ns @\n{}\n", one.count, one.waited.count(),
                        one.stack.empty() ? "#\tother places\n" : text_of(one.stack));
  }
  return text;
}

answer trace_for(std::uint32_t seconds, channel<never_sent>* end) {
  if (seconds > trace_seconds_max) seconds = trace_seconds_max;
  if (!start_trace()) return {.status = 409, .body = "a trace runs already\n"};
  select(on_receive(end, [](auto) {}), after(std::chrono::seconds(seconds), [] {}));
  return {.type = "application/json", .body = stop_trace().chrome_json};
}

answer answer_to(std::string_view path, std::string_view query, context const& service) {
  constexpr char const* protobuf = "application/octet-stream";
  const std::uint32_t debug = parameter(query, "debug", 0);
  if (path == "/metrics") return {.type = "text/plain; version=0.0.4", .body = metrics_text()};
  if (path == "/debug/pprof/") return {.type = "text/html; charset=utf-8", .body = index_page};
  if (path == "/debug/pprof/goroutine" && debug == 0) return {.type = protobuf, .body = goroutine_pprof()};
  if (path == "/debug/pprof/goroutine") {
    scheduler& s = machine_here().home;
    return {.body = foreign_call([&s, debug] { return debug == 1 ? stacks_with_counts(s) : stacks_in_full(s); })};
  }
  if (path == "/debug/pprof/threadcreate")
    return debug == 0 ? answer{.type = protobuf, .body = threadcreate_pprof()} : answer{.body = thread_sites_text()};
  if (path == "/debug/pprof/block")
    return debug == 0 ? answer{.type = protobuf, .body = block_pprof()}
                      : answer{.body = wait_sites_text("block", block_profile())};
  if (path == "/debug/pprof/mutex")
    return debug == 0 ? answer{.type = protobuf, .body = mutex_pprof()}
                      : answer{.body = wait_sites_text("mutex", mutex_profile())};
  if (path == "/debug/pprof/trace") return trace_for(parameter(query, "seconds", 1), service.done());
  return {.status = 404, .body = "there is no such report\n"};
}

// "GET /path?query HTTP/1.1", from a request whose head has come.
answer answer_to(std::string_view request, context const& service) {
  const std::string_view line = request.substr(0, request.find("\r\n"));
  if (!line.starts_with("GET ")) return {.status = 405, .body = "only GET\n"};
  const std::string_view rest = line.substr(4);
  const std::size_t end = rest.find(' ');
  if (end == std::string_view::npos || !rest.substr(end).starts_with(" HTTP/1."))
    return {.status = 400, .body = "not HTTP\n"};
  const std::string_view target = rest.substr(0, end);
  const std::size_t question = target.find('?');
  return answer_to(target.substr(0, question),
                   question == std::string_view::npos ? std::string_view() : target.substr(question + 1), service);
}

// The head of a request; empty: it did not come in time, or is too long.
std::string read_request(tcp_stream& connection) {
  static_cast<void>(connection.set_read_deadline(deadline_in(patience)));
  std::string request;
  std::array<std::byte, 1'024> some;
  while (request.find("\r\n\r\n") == std::string::npos) {
    const result<std::size_t> n = connection.read(some);
    if (!n || *n == 0 || request.size() + *n > request_bytes_max) return {};
    request.append(reinterpret_cast<char const*>(some.data()), *n);
  }
  return request;
}

void write_answer(tcp_stream& connection, answer const& a) {
  static_cast<void>(connection.set_write_deadline(deadline_in(patience)));
  const std::string head =
      fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", a.status,
                  a.status == 200 ? "OK" : "Error", a.type, a.body.size());
  for (std::string const* const part : {&head, &a.body}) {
    if (!connection.write(std::as_bytes(std::span(part->data(), part->size())))) return;
  }
  static_cast<void>(connection.close_write());
}

bool on_loopback(address const& where) {
  const std::string text = to_string(where);
  return text.starts_with("127.") || text.starts_with("[::1]:");
}

}  // namespace

struct pprof_server::service : outliving {
  tcp_listener listener;
  cancellable serving = with_cancel(background());
  mutex lock;
  std::list<tcp_stream> connections;  // under the lock
  semaphore free_connections{connections_max};
  semaphore free_reports{reports_max};
  wait_group goroutines;

  explicit service(tcp_listener&& made)
      : outliving(machine_here().home.objects, [](outliving&) noexcept {}), listener(std::move(made)) {}

  void accept_each() {
    while (!free_connections.acquire(serving.ctx)) {
      result<tcp_stream> next = listener.accept();
      if (!next) return;
      lock.lock();
      const bool over = bool(serving.ctx.error());
      const auto place = connections.insert(connections.end(), std::move(*next));
      if (over) place->close();
      lock.unlock();
      goroutines.add(1);
      go([this, place] {
        serve(*place);
        lock.lock();
        connections.erase(place);
        lock.unlock();
        free_connections.release();
        goroutines.done();
      });
    }
  }

  void serve(tcp_stream& connection) {
    const std::string request = read_request(connection);
    if (request.empty() || free_reports.acquire(serving.ctx)) return;
    write_answer(connection, answer_to(request, serving.ctx));
    free_reports.release();
  }

  void end() {
    if (program_has_ended()) return;  // and has taken the goroutines along
    lock.lock();
    serving.cancel.cancel();
    listener.close();
    for (tcp_stream& one : connections) one.close();
    lock.unlock();
    goroutines.wait();
  }
};

pprof_server::pprof_server(std::unique_ptr<service> what) noexcept : service_(std::move(what)) {}
pprof_server::pprof_server(pprof_server&&) noexcept = default;
pprof_server& pprof_server::operator=(pprof_server&& other) noexcept {
  std::swap(service_, other.service_);
  return *this;
}
pprof_server::~pprof_server() {
  if (service_) service_->end();
}
std::uint16_t pprof_server::port() const { return service_ ? service_->listener.port() : std::uint16_t{0}; }

result<pprof_server> serve_pprof(address const& where) {
  if (!on_loopback(where)) return std::make_error_code(std::errc::permission_denied);
  result<tcp_listener> listener = tcp_listen(where);
  if (!listener) return listener.error();
  auto service = std::make_unique<pprof_server::service>(std::move(*listener));
  service->goroutines.add(1);
  go([all = service.get()] {
    all->accept_each();
    all->goroutines.done();
  });
  return pprof_server(std::move(service));
}

void watch::main_begins(scheduler& s) noexcept {
  observe::watcher& w = observe::watcher_of(s);
  std::string const& where = w.chosen.pprof;
  if (where.empty()) return;
  const result<address> parsed = parse_address(where);
  result<pprof_server> server = parsed ? serve_pprof(*parsed) : result<pprof_server>(parsed.error());
  const std::string text = server ? fmt::format("runtime: serves /debug/pprof/ on port {}\n", server->port())
                                  : fmt::format("runtime: pprof={}: {}\n", where, server.error().message());
  world::print(text.data(), text.size());
  if (server) w.server = std::make_shared<pprof_server>(std::move(*server));
}

void watch::main_returned(scheduler& s) noexcept {
  observe::watcher_of(s).server.reset();
  world::await_quit();
}

}  // namespace retake
