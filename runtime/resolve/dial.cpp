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

constexpr std::chrono::nanoseconds least_share = std::chrono::seconds(2);

// The answer, or the context's end. Who looks up owns what it uses: it may be the last to leave.
addresses look_up(context const& ctx, resolver const& names, std::string_view host, std::uint16_t port,
                  time_point deadline) {
  channel<never_sent>* const done = ctx.done();
  if (done == nullptr) return names.lookup(host, port, deadline);
  auto const answered = std::make_shared<channel<addresses>>(1);
  go([answered, names, name = std::string(host), port, deadline] {
    answered->send(names.lookup(name, port, deadline));
  });
  addresses answer = std::make_error_code(std::errc::operation_canceled);
  select(on_receive(*answered, [&](std::optional<addresses> a) { answer = std::move(*a); }),
         on_receive(done, [&](auto) { answer = ctx.error(); }));
  return answer;
}

// Until when the first of `left` addresses may try; 0: without limit.
time_point share_of(time_point deadline, std::size_t left) {
  if (deadline == no_deadline) return no_deadline;
  time_point const now = monotonic_now();
  if (deadline <= now) return deadline;
  std::chrono::nanoseconds const all = deadline - now;
  return now + std::min(std::max(all / static_cast<std::int64_t>(left), least_share), all);
}

}  // namespace

result<tcp_stream> dial(context const& ctx, std::string_view host, std::uint16_t port, dial_options const& options) {
  if (std::error_code const over = ctx.error()) return over;
  time_point deadline = options.connection.deadline;
  if (std::optional<time_point> const until = ctx.deadline(); until && (deadline == no_deadline || *until < deadline)) {
    deadline = *until;
  }
  addresses const found = look_up(ctx, options.names != nullptr ? *options.names : resolver(), host, port, deadline);
  if (!found) return found.error();
  std::error_code first;
  for (std::size_t i = 0; i < found->size(); ++i) {
    tcp_options how = options.connection;
    how.deadline = share_of(deadline, found->size() - i);
    result<tcp_stream> made = tcp_connect(ctx, (*found)[i], how);
    if (made || ctx.error()) return made;
    if (!first) first = made.error();
  }
  return first;
}

}  // namespace retake
