// context.hpp: tells goroutines that their work is not wanted any more, by whom and why, and until
// when it is; and carries values along.
//
//     auto [work, stop] = with_timeout(background(), 2s);
//     go([work] { select(on_receive(work.done(), [](auto) {}), on_receive(jobs, ...)); });
//
// A context that is done makes all that were derived from it done. Source: context.go; other than
// there, a canceller cancels when it is destroyed, so that nothing that was derived can outlive its
// use in the parent's list.
// Unless it says otherwise, everything here is for goroutines, may be called by any number of them
// at once, and does not block. Copies share one context. The end of a program (run()) stops the
// deadlines of its contexts. What outlives it may be cancelled and destroyed on any thread, where
// the functions of after_done() are not called, and used in the next program. errno belongs to the
// thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "retake/channel.hpp"
#include "retake/clock.hpp"

namespace retake {

class context;
class canceller;

// A channel of these carries none: it is closed, once.
struct never_sent {};

namespace detail {

class context_node;
void keep(context_node* node) noexcept;
void drop(context_node* node) noexcept;

struct erased {
  virtual ~erased() = default;
  virtual void call() {}
};
template <class T>
struct erased_value final : erased {
  explicit erased_value(T&& v) : value(std::move(v)) {}
  T value;
};
template <class Fn>
struct erased_call final : erased {
  explicit erased_call(Fn&& f) : fn(std::move(f)) {}
  void call() override { fn(); }
  Fn fn;
};

[[nodiscard]] context derive_value(context const& parent, void const* key, std::unique_ptr<erased> value);
[[nodiscard]] context_node* derive_call(context const& parent, std::unique_ptr<erased> fn);
[[nodiscard]] erased const* value_of(context const& from, void const* key) noexcept;
[[nodiscard]] bool call_off(context_node* node) noexcept;
[[nodiscard]] channel_core* done_of(context const& of) noexcept;

}  // namespace detail

// Names a value of type T: two of them are two names. Make it an object that lives as long as the
// program.
template <class T>
struct context_key {
  context_key() = default;
  context_key(context_key const&) = delete;
  context_key& operator=(context_key const&) = delete;
};

class context {
 public:
  // The root of all: never done.
  context() noexcept : node_(nullptr) {}
  context(context const& other) noexcept : node_(other.node_) { detail::keep(node_); }
  context(context&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  context& operator=(context other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~context() { detail::drop(node_); }

  // Closed when the context is done, in one step with error(): a reader that sees one of them sees
  // the other. For select and receive. A null pointer when it never will be.
  [[nodiscard]] channel<never_sent>* done() const noexcept;
  // None while it is not done; then std::errc::operation_canceled, or std::errc::timed_out when it
  // was a deadline.
  [[nodiscard]] std::error_code error() const noexcept;
  // What whoever cancelled gave as the reason, else the same as error().
  [[nodiscard]] std::error_code cause() const noexcept;
  // Nothing when there is none.
  [[nodiscard]] std::optional<time_point> deadline() const noexcept;
  // The value that it or the nearest of those it was derived from got under this key; nullptr: none
  // did.
  template <class T>
  [[nodiscard]] T const* value(context_key<T> const& key) const noexcept {
    detail::erased const* const found = detail::value_of(*this, &key);
    return found != nullptr ? &static_cast<detail::erased_value<T> const*>(found)->value : nullptr;
  }

 private:
  friend class canceller;
  friend struct context_access;
  explicit context(detail::context_node* node) noexcept : node_(node) {}
  detail::context_node* node_;
};

// Makes its context done: cancel(), or its end. Moves, does not copy.
class canceller {
 public:
  canceller() noexcept : node_(nullptr) {}
  canceller(canceller&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  canceller& operator=(canceller&& other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~canceller();

  // The first word counts; cancelling again does nothing.
  void cancel(std::error_code cause = {}) noexcept;

 private:
  friend struct context_access;
  explicit canceller(detail::context_node* node) noexcept : node_(node) {}
  detail::context_node* node_;
};

struct cancellable {
  context ctx;
  canceller cancel;
};

[[nodiscard]] inline context background() noexcept { return {}; }

// Done when `parent` is, or when the canceller says so. Throws std::bad_alloc, as those below.
[[nodiscard]] cancellable with_cancel(context const& parent);
// And at the latest at `deadline`, then with `cause` as its cause; {}: the error itself. A later
// deadline than the parent's changes nothing, its cause neither. A context whose deadline has
// passed is done when it is returned. Source: context.WithDeadlineCause.
[[nodiscard]] cancellable with_deadline(context const& parent, time_point deadline, std::error_code cause = {});
template <class Rep, class Period>
[[nodiscard]] cancellable with_timeout(context const& parent, std::chrono::duration<Rep, Period> const& duration,
                                       std::error_code cause = {}) {
  return with_deadline(parent, deadline_in(duration), cause);
}

// The values of `parent` without its end: never done, without a deadline, and those derived from it
// only by what they add. For work that outlives what asked for it. Source: context.WithoutCancel.
[[nodiscard]] context without_cancel(context const& parent);

// How the context was derived, from the root on, for logs and for people:
// "background.with_value.with_deadline(in 1500 ns).with_cancel"; a deadline that is over:
// "(passed)". The form may change. Throws std::bad_alloc. Source: the String methods of Go's
// contexts.
[[nodiscard]] std::string to_string(context const& of);

// `parent`, and under `key` this value. It is destroyed with the last copy, on whichever goroutine
// has that.
template <class T>
[[nodiscard]] context with_value(context const& parent, context_key<T> const& key, std::type_identity_t<T> value) {
  return detail::derive_value(parent, &key, std::make_unique<detail::erased_value<T>>(std::move(value)));
}

// What after_done() returns.
class after_done_call {
 public:
  after_done_call(after_done_call&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  after_done_call& operator=(after_done_call&& other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~after_done_call() { detail::drop(node_); }  // the call stays

  // True: the function will not be called; false: it has been, is being, stop() was here before, or
  // this was moved from.
  bool stop() noexcept { return node_ != nullptr && detail::call_off(node_); }

 private:
  template <class Fn>
  friend after_done_call after_done(context const& ctx, Fn&& fn);
  explicit after_done_call(detail::context_node* node) noexcept : node_(node) {}
  detail::context_node* node_;
};

// Calls `fn` on a goroutine of its own when `ctx` is done, at once when it is. Source:
// context.AfterFunc.
template <class Fn>
after_done_call after_done(context const& ctx, Fn&& fn) {
  using stored = std::decay_t<Fn>;
  return after_done_call(
      detail::derive_call(ctx, std::make_unique<detail::erased_call<stored>>(stored(std::forward<Fn>(fn)))));
}

}  // namespace retake
