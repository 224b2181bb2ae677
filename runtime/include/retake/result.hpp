// result.hpp: a value, or the error that stands for it: what calls return that may fail for reasons
// outside of the program.
#pragma once

#include <cstddef>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

#include "retake/needs_exceptions.hpp"

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
  [[nodiscard]] T const* operator->() const noexcept { return std::get_if<T>(&content_); }
  [[nodiscard]] std::error_code error() const noexcept {
    std::error_code const* const why = std::get_if<std::error_code>(&content_);
    return why != nullptr ? *why : std::error_code();
  }

 private:
  std::variant<T, std::error_code> content_;
};

// How many bytes a call moved. Where an error ended it before all were moved there is no value, as
// with every result, but bytes() still says how many had gone by then. Source: the pair of a count
// and an error that Go's Read, Write and Copy return.
class transfer_result : public result<std::size_t> {
 public:
  transfer_result(std::size_t bytes) : result(bytes), bytes_(bytes) {}
  transfer_result(std::error_code why, std::size_t bytes = 0) : result(why), bytes_(bytes) {}

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::size_t bytes_;
};

namespace detail {
// What a call returns that may not be made: with nothing to return, none as the error says that it
// was.
template <class T>
using value_or_error =
    std::conditional_t<std::is_void_v<T>, std::error_code, result<std::conditional_t<std::is_void_v<T>, char, T>>>;
}  // namespace detail

}  // namespace retake
