// bytes.hpp: a byte string decides: libFuzzer's mutations become schedules.
//
// One byte a choice (two where there are more than 256 alternatives). After the last byte
// alternative 0 is taken: no preemption, newest values, no fault, so a short input is a simple
// execution and a cut input is a valid one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/choices/chooser.hpp"

namespace retake::sim {

class bytes final : public chooser {
 public:
  bytes(std::uint8_t const* data, std::size_t size) : data_(data), size_(size) {}
  char const* name() const override { return "bytes"; }
  void begin(std::uint64_t) override { place_ = 0; }
  std::uint32_t choose(choice_point const& p) override {
    if (place_ >= size_) return 0;
    std::uint32_t value = data_[place_++];
    if (p.n > 256 && place_ < size_) value |= static_cast<std::uint32_t>(data_[place_++]) << 8;
    return value % p.n;
  }
  bool end(execution_summary const&) override { return false; }
  std::size_t used() const { return place_; }

 private:
  std::uint8_t const* data_;
  std::size_t size_;
  std::size_t place_ = 0;
};

}  // namespace retake::sim
