// dial.hpp: a connection to whoever has a name.
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <string_view>

#include "retake/context.hpp"
#include "retake/resolver.hpp"
#include "retake/tcp.hpp"

namespace retake {

struct dial_options {
  resolver const* names = nullptr;  // nullptr: resolver()
  tcp_options connection = {};      // its deadline bounds the whole, as the context's
};

// By a goroutine. Blocks it while `host`, a name or a number, is looked up and its addresses are
// tried in the order of the answer, each with an equal share of the time that is left, but at least
// two seconds, until one connects. The context ends all of it, at once: a lookup that cannot be
// ended is abandoned to a goroutine of its own.
// Errors: the context's; the lookup's; what the first address said. Addresses are tried one after
// the other, never two at once (Go begins with the other family after 300 ms). Source:
// Dialer.DialContext and partialDeadline in Go's dial.go.
[[nodiscard]] result<tcp_stream> dial(context const& ctx, std::string_view host, std::uint16_t port,
                                      dial_options const& options = {});

}  // namespace retake
