#include "poll/operation_ring.hpp"

#include "world/clock.hpp"
#include "world/require.hpp"

namespace retake {

namespace {

constexpr std::uint64_t of_a_cancel =
    1;  // no address of an operation; nor is 0, which comes back for what was withdrawn
constexpr std::int64_t drain_pause_ns = 1'000'000;

operation* operation_of(std::uint64_t user_data) noexcept {
  return user_data > of_a_cancel ? reinterpret_cast<operation*>(user_data) : nullptr;
}

void give_back(operation& o, std::int64_t result, poller::harvest& found) noexcept {
  o.result.set(result);
  found.ready.push_back(o.g.get());
  ++found.count;
}

}  // namespace

// Under requests_. Room is made by a submit.
bool operation_ring::prepare(world::ring_request const& request) noexcept {
  if (!ring_.prepare(request) && (!take_all() || !ring_.prepare(request))) return false;
  ++prepared_;
  return true;
}

// Under requests_. True: the kernel has taken everything.
bool operation_ring::take_all() noexcept {
  const int taken = ring_.submit();
  if (taken > 0) prepared_ -= static_cast<std::uint32_t>(taken);
  return prepared_ == 0;
}

bool operation_ring::buffer_is_set(operation const& o) noexcept {
  if (o.request.buffer < 0) return true;
  const operation_rings::buffer wanted = network_.rings.buffer_at(o.request.buffer);
  std::uint32_t& set_here = buffers_[o.request.buffer];
  if (set_here == wanted.use) return true;
  const int failed = ring_.set_buffer(static_cast<std::uint32_t>(o.request.buffer), wanted.address, wanted.bytes);
  if (failed == 0) set_here = wanted.use;
  return failed == 0;
}

bool operation_ring::send(operation& o) noexcept {
  const locked hold(requests_);
  o.ring = this;
  o.request.user_data = reinterpret_cast<std::uint64_t>(&o);
  if (!buffer_is_set(o)) o.request.buffer = -1;  // memory like any other
  if (!prepare(o.request)) return false;
  traffic_.sent();
  return true;
}

void operation_ring::cancel(operation const& o) noexcept {
  const locked hold(requests_);
  world::ring_request request;
  request.what = world::ring_operation::cancel;
  request.target = reinterpret_cast<std::uint64_t>(&o);
  request.user_data = of_a_cancel;
  static_cast<void>(prepare(request));
}

// Under requests_.
void operation_ring::withdraw(poller::harvest& found) noexcept {
  std::uint64_t user_data[reaped_at_once];
  std::uint32_t count = reaped_at_once;
  while (count == reaped_at_once) {
    count = ring_.withdraw(user_data, reaped_at_once);
    for (std::uint32_t i = 0; i < count; ++i) {
      operation* const o = operation_of(user_data[i]);
      if (o == nullptr) continue;
      traffic_.returned(1);
      give_back(*o, not_taken, found);
    }
  }
}

void operation_ring::submit(poller::harvest& found) noexcept {
  {
    const locked hold(requests_);
    for (std::uint32_t tries = 1; !world::recheck(take_all()); ++tries) {
      if (tries == submit_tries) {
        withdraw(found);
        break;
      }
      reap(found);  // the kernel wants room for completions first
    }
  }
  reap(found);
}

void operation_ring::reap(poller::harvest& found) noexcept {
  const locked hold(completions_);
  world::ring_completion reaped[reaped_at_once];
  std::uint32_t count = reaped_at_once;
  while (count == reaped_at_once) {
    count = ring_.reap(reaped, reaped_at_once);
    std::uint32_t operations = 0;
    for (std::uint32_t i = 0; i < count; ++i) operations += operation_of(reaped[i].user_data) != nullptr ? 1 : 0;
    if (operations == 0) continue;
    traffic_.returned(operations);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (operation* const o = operation_of(reaped[i].user_data)) give_back(*o, reaped[i].result, found);
    }
  }
}

void operation_ring::drain() noexcept {
  world::ring_request everything;
  everything.what = world::ring_operation::cancel_all;
  poller::harvest forgotten;
  reap(forgotten);
  while (traffic_.in_flight() != 0) {  // bound: each operation ends, cancelled or when its device has done it
    if (ring_.prepare(everything)) ++prepared_;
    const int taken = ring_.submit(1);
    if (taken > 0) prepared_ -= static_cast<std::uint32_t>(taken);
    reap(forgotten);
    if (traffic_.in_flight() != 0) world::sleep_until(world::nanotime() + drain_pause_ns);
    reap(forgotten);
  }
}

void operation_ring::forget_buffer(std::uint32_t number) noexcept {
  const locked hold(requests_);
  if (buffers_[number] == 0) return;
  buffers_[number] = 0;
  static_cast<void>(ring_.set_buffer(number, nullptr, 0));
}

}  // namespace retake
