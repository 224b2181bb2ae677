// pprof.hpp: the reports over HTTP, for a browser, go tool pprof and Prometheus.
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <cstdint>
#include <memory>

#include "retake/address.hpp"
#include "retake/result.hpp"

namespace retake {

// Serves while it lives. Its end, on a goroutine, closes the listener and every connection, and
// blocks until their goroutines have ended; after the end of its program (run()) on any thread, and
// without waiting.
class pprof_server {
 public:
  struct service;
  explicit pprof_server(std::unique_ptr<service> what) noexcept;
  pprof_server(pprof_server&&) noexcept;
  pprof_server& operator=(pprof_server&&) noexcept;
  ~pprof_server();

  [[nodiscard]] std::uint16_t port() const;

 private:
  std::unique_ptr<service> service_;
};

// By a goroutine; does not block. RETAKE_DEBUG=pprof=127.0.0.1:6060 does it before main begins,
// until main returns.
//   /debug/pprof/                 what there is
//   /debug/pprof/goroutine        profile.proto; ?debug=1: each stack once, with its count;
//                                   ?debug=2: every goroutine, as a fatal error shows it
//   /debug/pprof/threadcreate     profile.proto; ?debug=1: as text
//   /debug/pprof/trace?seconds=N  traces N seconds (1; at most 60), then Chrome's trace events
//   /metrics                      Prometheus
// Bounds: 16 connections are served and the next ones wait in the kernel's queue; two reports are
// in memory at a time; a request, and the taking of an answer, have 10 s each. A reader that takes
// nothing costs no more than that, and a report is made without a P. It shows what the program does
// to whoever can connect: other addresses than the loopback's are refused with
// std::errc::permission_denied.
// Errors: those of tcp_listen(). Throws std::bad_alloc. Source: Go's net/http/pprof.
[[nodiscard]] result<pprof_server> serve_pprof(address const& where);

}  // namespace retake
