// A context that a signal makes done: the user's is derived from one whose canceller a goroutine
// holds that listens for the first signal.
#include <string>
#include <utility>

#include "retake/go.hpp"
#include "retake/select.hpp"
#include "retake/signal.hpp"

namespace retake {

namespace detail {

struct signal_watch {
  channel<int> came{1};
};

namespace {

class signal_texts final : public std::error_category {
 public:
  [[nodiscard]] char const* name() const noexcept override { return "signal"; }
  [[nodiscard]] std::string message(int number) const override { return "signal " + std::to_string(number); }
};

constinit signal_texts const texts_of_signals;

}  // namespace

}  // namespace detail

std::error_category const& signal_category() noexcept { return detail::texts_of_signals; }

signal_canceller::signal_canceller(canceller inner, std::shared_ptr<detail::signal_watch> watch) noexcept
    : inner_(std::move(inner)), watch_(std::move(watch)) {}
signal_canceller::signal_canceller(signal_canceller&&) noexcept = default;
signal_canceller& signal_canceller::operator=(signal_canceller&& other) noexcept {
  std::swap(inner_, other.inner_);
  std::swap(watch_, other.watch_);
  return *this;
}
signal_canceller::~signal_canceller() { cancel(); }

void signal_canceller::cancel(std::error_code cause) noexcept {
  if (watch_ == nullptr) return;
  stop_notify(watch_->came);
  inner_.cancel(cause);
}

result<signal_cancellable> with_signals(context const& parent, std::span<int const> numbers) {
  auto watch = std::make_shared<detail::signal_watch>();
  cancellable outer = with_cancel(parent);
  cancellable made = with_cancel(outer.ctx);
  if (const std::error_code failed = notify(watch->came, numbers)) return failed;
  signal_cancellable handed{made.ctx, signal_canceller(std::move(made.cancel), watch)};
  go([watch, ctx = made.ctx, first = std::move(outer.cancel)]() mutable {
    select(on_receive(watch->came,
                      [&](std::optional<int> number) { first.cancel(std::error_code(*number, signal_category())); }),
           on_receive(ctx.done(), [](auto) {}));
  });
  return handed;
}

}  // namespace retake
