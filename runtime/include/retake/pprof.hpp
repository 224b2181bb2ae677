// pprof.hpp: the reports over HTTP, for a browser, go tool pprof and Prometheus.
#pragma once

#include <cstdint>

#include "retake/address.hpp"
#include "retake/result.hpp"

namespace retake {

// Serves until the program ends; the port. By a goroutine; does not block. RETAKE_DEBUG=pprof=127.0.0.1:6060 does it before main begins.
//   /debug/pprof/                     what there is
//   /debug/pprof/goroutine            profile.proto; ?debug=1: each stack once, with its count; ?debug=2: every goroutine, as a fatal error shows it
//   /debug/pprof/threadcreate         profile.proto; ?debug=1: as text
//   /debug/pprof/trace?seconds=N      traces N seconds (1; at most 60), then Chrome's trace events
//   /metrics                          Prometheus
// It shows what the program does to whoever can connect: other addresses than the loopback's are refused with std::errc::permission_denied.
// Errors: those of tcp_listen(). Source: Go's net/http/pprof.
[[nodiscard]] result<std::uint16_t> serve_pprof(address const& where);

}  // namespace retake
