// catalog.hpp: the scenarios, by family. A new one: declare it here, name it in catalog.cpp.
#pragma once

#include "sim/scenario.hpp"

namespace retake::scenarios {

extern sim::scenario const core_handoff;
extern sim::scenario const core_handoff_store;
extern sim::scenario const core_store_buffering;
extern sim::scenario const core_store_buffering_no_fence;
extern sim::scenario const core_store_buffering_one_fence;
extern sim::scenario const core_message_passing;
extern sim::scenario const core_message_passing_relaxed;
extern sim::scenario const core_iriw;
extern sim::scenario const core_iriw_acquire;
extern sim::scenario const core_futex_park;
extern sim::scenario const core_futex_park_no_wake;
extern sim::scenario const core_spin;
extern sim::scenario const core_spin_forever;

extern sim::scenario const syscall_against_retake;
extern sim::scenario const three_calls_two_processors;
extern sim::scenario const two_processors_six_goroutines;
extern sim::scenario const syscall_wakes_sysmon;
extern sim::scenario const safe_point_against_enter;
extern sim::scenario const foreign_calls;
extern sim::scenario const handoff_queue;
extern sim::scenario const handoff_trace_reader;
extern sim::scenario const handoff_background;
extern sim::scenario const offer_against_idle;
extern sim::scenario const trace_against_idle;
extern sim::scenario const handoff_last_spinner;
extern sim::scenario const handoff_stop;
extern sim::scenario const handoff_safe_point;
extern sim::scenario const handoff_global_queue;
extern sim::scenario const handoff_only_processor;
extern sim::scenario const handoff_last_poller;
extern sim::scenario const handoff_timer;
extern sim::scenario const locked_call_fast;
extern sim::scenario const locked_call_slow;
extern sim::scenario const lock_nest_exit_locked;
extern sim::scenario const locked_threads_talk;
extern sim::scenario const locked_ends_everywhere;
extern sim::scenario const poller_wake_against_park;
extern sim::scenario const break_against_block;
extern sim::scenario const ready_against_plain_wait;
extern sim::scenario const close_against_wait;
extern sim::scenario const close_against_writer;
extern sim::scenario const end_against_wait;
extern sim::scenario const second_reader_is_refused;
extern sim::scenario const sysmon_polls_for_busy;
extern sim::scenario const many_ready_together;
extern sim::scenario const tcp_echo_loopback;
extern sim::scenario const sleepers_wake;
extern sim::scenario const many_sleepers_wake;
extern sim::scenario const sleeper_wakes_beside_hog;
extern sim::scenario const sleeper_breaks_poll;
extern sim::scenario const submit_against_last_spinner;
extern sim::scenario const submit_and_compute_on;
extern sim::scenario const submit_against_handoff;
extern sim::scenario const submit_against_handoffs;
extern sim::scenario const yield_against_handoff;
extern sim::scenario const yield_beside_last_spinner;
extern sim::scenario const park_and_start_m;
extern sim::scenario const overflow_and_stealing;
extern sim::scenario const stop_against_returns;
extern sim::scenario const stop_against_long_call;
extern sim::scenario const two_stoppers_queue;
extern sim::scenario const sleeper_is_no_deadlock;
extern sim::scenario const mutex_is_exclusive;
extern sim::scenario const channel_close_drains;
extern sim::scenario const channel_close_tells_senders;
extern sim::scenario const many_waiters_wake;
extern sim::scenario const main_ends_before_others;
extern sim::scenario const main_ends_beside_poller;
extern sim::scenario const slice_ends_at_points;
extern sim::scenario const slice_ends_at_returns;
extern sim::scenario const slice_after_long_call;
extern sim::scenario const slice_after_stop;
extern sim::scenario const stop_asks_at_once;
extern sim::scenario const deadlock_is_reported;
extern sim::scenario const deadlock_of_locked;
extern sim::scenario const deadlock_after_end;
extern sim::scenario const deadlock_after_call;

}  // namespace retake::scenarios
