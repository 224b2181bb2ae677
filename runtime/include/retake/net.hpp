// net.hpp: TCP connections and pipes whose goroutines wait in the poller and hold no thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>
#include <variant>

namespace retake {

// A value, or why there is none.
template <class T>
class result {
 public:
  result(T value) : content_(std::move(value)) {}
  result(std::error_code why) : content_(why) {}

  [[nodiscard]] explicit operator bool() const noexcept { return content_.index() == 0; }
  [[nodiscard]] T& operator*() noexcept { return *std::get_if<T>(&content_); }
  [[nodiscard]] T const& operator*() const noexcept { return *std::get_if<T>(&content_); }
  [[nodiscard]] T* operator->() noexcept { return std::get_if<T>(&content_); }
  [[nodiscard]] std::error_code error() const noexcept {
    std::error_code const* const why = std::get_if<std::error_code>(&content_);
    return why != nullptr ? *why : std::error_code();
  }

 private:
  std::variant<T, std::error_code> content_;
};

namespace detail {
class polled_file;
}

// A descriptor in the poller. One goroutine may read and one may write at a time; a second one gets std::errc::operation_in_progress. Any may close.
class stream {
 public:
  stream() = default;
  explicit stream(detail::polled_file* file) noexcept : file_(file) {}
  ~stream() { reset(); }
  stream(stream&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
  stream& operator=(stream&& other) noexcept {
    if (this != &other) {
      reset();
      file_ = std::exchange(other.file_, nullptr);
    }
    return *this;
  }

  // By a goroutine. Blocks it until at least one byte is there; 0 at the end of the stream. Errors: what read(2) says; std::errc::operation_canceled when closed.
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> into);
  // By a goroutine. Blocks it until all is written. Errors as write(2), EPIPE without a signal; some bytes may have gone out.
  [[nodiscard]] result<std::size_t> write(std::span<std::byte const> from);
  // By a goroutine. Ends waits with std::errc::operation_canceled; the descriptor is closed when the last of them has left.
  void close();

  [[nodiscard]] bool valid() const noexcept { return file_ != nullptr; }

 private:
  void reset() noexcept;
  detail::polled_file* file_ = nullptr;
};

struct pipe_ends {
  stream reader;
  stream writer;
};
// By a goroutine. Errors: EMFILE, ENFILE, ENOMEM.
[[nodiscard]] result<pipe_ends> make_pipe();

// A listening socket on the loopback interface or any IPv4 address (host order).
class tcp_listener {
 public:
  tcp_listener() = default;
  explicit tcp_listener(detail::polled_file* file) noexcept : socket_(file), file_(file) {}

  // By a goroutine. Blocks it until a connection comes. Keep-alive is on (15 s), as in Go.
  [[nodiscard]] result<stream> accept();
  [[nodiscard]] std::uint16_t port() const;
  void close() { socket_.close(); }

 private:
  stream socket_;
  detail::polled_file* file_ = nullptr;
};

inline constexpr std::uint32_t loopback_address = 0x7f000001;

// By a goroutine. Port 0: any free one. Errors: what bind(2) and listen(2) say.
[[nodiscard]] result<tcp_listener> tcp_listen(std::uint32_t address, std::uint16_t port);
// By a goroutine. Blocks it until the connection stands or fails. Keep-alive is on (15 s).
[[nodiscard]] result<stream> tcp_connect(std::uint32_t address, std::uint16_t port);

}  // namespace retake
