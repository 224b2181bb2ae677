#!/usr/bin/env python3
"""bug10_lost_signal_test.py PROGRAM: a signal that does not come within its limit is a verdict, not a wait without end.

Method: bug 10 begins with SIGTERM blocked, and every thread of it inherits that: the signal reaches nobody. Each variant alone says so and ends with 1, long before its time is over.
"""
import signal, subprocess, sys, time

PROGRAM_SECONDS_MAX = 120  # bug10_late_sigterm.cpp: from there on its parent ends it, with code 4

for variant in ("fixed", "in_calls"):
    began = time.monotonic()
    run = subprocess.run([sys.argv[1], "--variant", variant], capture_output=True, text=True, preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]))
    took = time.monotonic() - began
    if run.returncode != 1 or "a SIGTERM was not received within" not in run.stdout or "does not behave as documented" not in run.stdout or took >= PROGRAM_SECONDS_MAX:
        sys.exit(f"{variant} ended with {run.returncode} after {took:.0f} s, and said {run.stdout[-1500:]} {run.stderr[-500:]}")
