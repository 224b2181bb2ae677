// catalog.cpp: all scenarios, in the order in which `list` shows them.
#include "scenarios/catalog.hpp"

namespace retake::sim {

namespace {

using namespace retake::scenarios;

constexpr scenario const* all[] = {
    &core_handoff, &core_handoff_store,
    &core_store_buffering, &core_store_buffering_no_fence, &core_store_buffering_one_fence,
    &core_message_passing, &core_message_passing_relaxed,
    &core_iriw, &core_iriw_acquire,
    &core_futex_park, &core_futex_park_no_wake,
    &core_spin, &core_spin_forever,
    &syscall_against_retake,
    &three_calls_two_processors,
    &two_processors_six_goroutines,
    &syscall_wakes_sysmon,
    &safe_point_against_enter,
    &foreign_calls,
    &handoff_queue,
    &handoff_trace_reader,
    &handoff_background, &offer_against_idle,
    &trace_against_idle,
    &handoff_last_spinner,
    &handoff_stop,
    &handoff_safe_point,
    &handoff_global_queue,
    &handoff_only_processor,
    &handoff_last_poller,
    &handoff_timer,
    &locked_call_fast,
    &locked_call_slow,
    &lock_nest_exit_locked,
    &locked_threads_talk,
    &locked_ends_everywhere,
    &poller_wake_against_park,
    &break_against_block,
    &ready_against_plain_wait,
    &close_against_wait,
    &close_against_writer,
    &end_against_wait, &second_reader_is_refused,
    &sysmon_polls_for_busy,
    &many_ready_together,
    &tcp_echo_loopback,
    &sleepers_wake,
    &many_sleepers_wake,
    &sleeper_wakes_beside_hog, &sleeper_breaks_poll,
    &submit_against_last_spinner,
    &submit_and_compute_on,
    &submit_against_handoff,
    &submit_against_handoffs,
    &yield_against_handoff,
    &yield_beside_last_spinner,
    &park_and_start_m,
    &overflow_and_stealing,
    &stop_against_returns,
    &stop_against_long_call,
    &two_stoppers_queue,
    &sleeper_is_no_deadlock,
    &mutex_is_exclusive,
    &channel_close_drains,
    &channel_close_tells_senders,
    &many_waiters_wake,
    &main_ends_before_others,
    &main_ends_beside_poller,
    &slice_ends_at_points,
    &slice_ends_at_returns,
    &slice_after_long_call,
    &slice_after_stop,
    &stop_asks_at_once,
    &deadlock_is_reported,
    &deadlock_of_locked,
    &deadlock_after_end,
    &deadlock_after_call,
};

}  // namespace

std::span<scenario const* const> catalog() noexcept { return all; }

}  // namespace retake::sim
