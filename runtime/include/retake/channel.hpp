// channel.hpp: typed, possibly buffered hand-over between goroutines.
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "retake/needs_exceptions.hpp"

namespace retake {

// Thrown by send() and close() on a closed channel: a panic, as in Go.
struct closed_channel : std::logic_error {
  using std::logic_error::logic_error;
};

namespace detail {

// How a channel handles values that it knows nothing about.
struct element_operations {
  std::size_t bytes;
  void (*move)(void* to, void* from) noexcept;  // constructs `to`, destroys nothing
  void (*destroy)(void* at) noexcept;
};

class channel_core;
channel_core* make_channel(element_operations const& how, std::size_t capacity);
void free_channel(channel_core* core) noexcept;
enum class transfer : std::uint32_t { done, closed, would_block };
transfer channel_send(channel_core& core, void* element, bool block) noexcept;
transfer channel_receive(channel_core& core, void* element, bool block) noexcept;
bool channel_close(channel_core& core) noexcept;
std::size_t channel_size(channel_core& core) noexcept;
std::size_t channel_capacity(channel_core& core) noexcept;
struct channel_access;

}  // namespace detail

// channel<T> for T that moves without throwing. The object may be shared by reference among
// goroutines; it must outlive their calls, but for those of select() that another case has ended or
// its own close(). Fatal:
// "G6: a channel is destroyed while goroutines wait on it". Capacity 0: a send and a receive meet.
// Go's nil channel is a null pointer in select.hpp. Source: chan.go.
template <class T>
class channel {
  static_assert(std::is_nothrow_move_constructible_v<T>, "a value is moved while the channel's lock is held");
  static_assert(alignof(T) <= alignof(std::max_align_t), "the buffer is aligned for ordinary types");

 public:
  // Throws std::bad_alloc.
  explicit channel(std::size_t capacity = 0) : core_(detail::make_channel(operations, capacity)) {}
  ~channel() { detail::free_channel(core_); }
  channel(channel const&) = delete;
  channel& operator=(channel const&) = delete;

  // By a goroutine. Blocks it (not the thread) until a receiver or room in the buffer takes the
  // value. Throws closed_channel.
  void send(T value) {
    if (detail::channel_send(*core_, &value, true) == detail::transfer::closed)
      throw closed_channel("send on closed channel");
  }

  // As send(), but false instead of blocking; then `value` is untouched.
  [[nodiscard]] bool try_send(T& value) {
    const detail::transfer how = detail::channel_send(*core_, &value, false);
    if (how == detail::transfer::closed) throw closed_channel("send on closed channel");
    return how == detail::transfer::done;
  }

  // By a goroutine. Blocks it until there is a value; nothing when the channel is closed and
  // drained.
  [[nodiscard]] std::optional<T> receive() { return take(true); }
  // As receive(), but nothing instead of blocking.
  [[nodiscard]] std::optional<T> try_receive() { return take(false); }

  // No more sends; receivers get what is buffered, then nothing. Throws closed_channel when it is
  // closed already.
  void close() {
    if (!detail::channel_close(*core_)) throw closed_channel("close of closed channel");
  }

  // Values in the buffer; a snapshot.
  [[nodiscard]] std::size_t size() const { return detail::channel_size(*core_); }
  [[nodiscard]] std::size_t capacity() const noexcept { return detail::channel_capacity(*core_); }

  // `for (T& value : c)`: receives until the channel is closed and drained. By a goroutine; each
  // step blocks like receive().
  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    iterator() = default;
    explicit iterator(channel& from) : from_(&from), value_(from.receive()) {}
    [[nodiscard]] T& operator*() const noexcept { return *value_; }
    iterator& operator++() {
      value_ = from_->receive();
      return *this;
    }
    void operator++(int) { ++*this; }
    [[nodiscard]] friend bool operator==(iterator const& at, std::default_sentinel_t) noexcept {
      return !at.value_.has_value();
    }

   private:
    channel* from_ = nullptr;
    mutable std::optional<T> value_;
  };
  [[nodiscard]] iterator begin() { return iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  friend struct detail::channel_access;

  std::optional<T> take(bool block) {
    alignas(T) std::byte room[sizeof(T)];
    if (detail::channel_receive(*core_, room, block) != detail::transfer::done) return std::nullopt;
    T* const value = std::launder(reinterpret_cast<T*>(room));
    std::optional<T> result(std::move(*value));
    std::destroy_at(value);
    return result;
  }

  static constexpr detail::element_operations operations{sizeof(T),
                                                         [](void* to, void* from) noexcept {
                                                           new (to) T(std::move(*static_cast<T*>(from)));
                                                         },
                                                         [](void* at) noexcept {
                                                           std::destroy_at(static_cast<T*>(at));
                                                         }};

  detail::channel_core* core_;
};

namespace detail {

struct channel_access {
  template <class T>
  [[nodiscard]] static channel_core* core(channel<T>* c) noexcept {
    return c != nullptr ? c->core_ : nullptr;
  }
};

}  // namespace detail

}  // namespace retake
