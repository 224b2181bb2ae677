#include "retake/dial.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "retake/channel.hpp"
#include "retake/clock.hpp"
#include "retake/go.hpp"
#include "retake/select.hpp"

namespace retake {

namespace {

using addresses = result<std::vector<address>>;

constexpr std::int64_t least_share_ns = 2'000'000'000;

// The answer, or the context's end. Who looks up owns what it uses: it may be the last to leave.
addresses look_up(context const& ctx, resolver const& names, std::string_view host, std::uint16_t port, std::int64_t deadline_ns) {
  channel<never_sent>* const done = ctx.done();
  if (done == nullptr) return names.lookup(host, port, deadline_ns);
  auto const answered = std::make_shared<channel<addresses>>(1);
  go([answered, names, name = std::string(host), port, deadline_ns] { answered->send(names.lookup(name, port, deadline_ns)); });
  addresses answer = std::make_error_code(std::errc::operation_canceled);
  select(on_receive(*answered, [&](std::optional<addresses> a) { answer = std::move(*a); }), on_receive(done, [&](auto) { answer = ctx.error(); }));
  return answer;
}

// Until when the first of `left` addresses may try; 0: without limit.
std::int64_t share_of(std::int64_t deadline_ns, std::size_t left) {
  if (deadline_ns == 0) return 0;
  std::int64_t const now_ns = monotonic_ns();
  if (deadline_ns <= now_ns) return deadline_ns;
  std::int64_t const all_ns = deadline_ns - now_ns;
  return now_ns + std::min(std::max(all_ns / static_cast<std::int64_t>(left), least_share_ns), all_ns);
}

}  // namespace

result<tcp_stream> dial(context const& ctx, std::string_view host, std::uint16_t port, dial_options const& options) {
  if (std::error_code const over = ctx.error()) return over;
  std::int64_t deadline_ns = options.connection.deadline_ns;
  if (std::optional<std::int64_t> const until_ns = ctx.deadline_ns(); until_ns && (deadline_ns == 0 || *until_ns < deadline_ns)) deadline_ns = *until_ns;
  addresses const found = look_up(ctx, options.names != nullptr ? *options.names : resolver(), host, port, deadline_ns);
  if (!found) return found.error();
  std::error_code first;
  for (std::size_t i = 0; i < found->size(); ++i) {
    tcp_options how = options.connection;
    how.deadline_ns = share_of(deadline_ns, found->size() - i);
    result<tcp_stream> made = tcp_connect(ctx, (*found)[i], how);
    if (made || ctx.error()) return made;
    if (!first) first = made.error();
  }
  return first;
}

}  // namespace retake
