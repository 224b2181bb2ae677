#!/usr/bin/env python3
"""patterns_test.py: the rules of the ten patterns, each on figures that it must name, and on figures of which one is on the other side of its threshold.

Method: the facts are written down here, as diagnose would have gathered them on two Ps. Each row begins with facts that get a pattern; each of its changes must take the pattern
away, and leave none.
"""
import copy, sys

import patterns
from patterns import Facts, Site
from process import Snapshot

PS = 2
STACK = "\nmain::call()\n\tmain.cpp:3\n"
RESOLVER = "\nretake::resolver::ask_system()\n\tresolver.cpp:3\n" + STACK
CALL, READ, QUEUED, RUNNABLE = "syscall", "IO wait, 5s", "semacquire", "runnable"
wrong, looked = [], 0


def samples(**ends):
    """Two looks at the metrics: {name: (first, last)} or {name: value at both}."""
    both = {"processors": (PS, PS), **{name: value if isinstance(value, tuple) else (value, value) for name, value in ends.items()}}
    return [{f"retake_{name}": float(value[i]) for name, value in both.items()} for i in (0, 1)]


def facts(count=10, before=None, goroutines=(), **fields):
    one = Facts(began=Snapshot(threads=count if before is None else before), ended=Snapshot(threads=count), samples=samples())
    one.goroutines = [(state, text) for times, state, text in goroutines for _ in range(times)]
    for name, value in fields.items():
        setattr(one, name, value)
    return one


def snapshot(threads=10, **fields):
    return Snapshot(threads=threads, **fields)


def site(created, live, frame="main::call() main.cpp:3"):
    return Site(created, live, [frame])


# (pattern, facts that get it, {what is changed: the fields that are})
ROWS = [
    (1, facts(150, 10, [(150, CALL, STACK)], sites=[site(150, 140)]),
     {"few calls at a time": {"sites": [site(99, 99)]}, "most threads are of others": {"ended": snapshot(300)}, "made by the runtime": {"sites": [site(150, 140, "the runtime itself")]},
      "through a bound": {"goroutines": [(CALL, "\nretake::bounded::foreign_call()\n" + STACK)] * 150},
      "others wait for their turn": {"goroutines": [(CALL, STACK)] * 150 + [(QUEUED, STACK)] * 10}}),
    (1, facts(150, 10, sites=[site(150, 140)]), {}),
    (1, facts(150, 10, [(150, CALL, STACK), (10, QUEUED, "\nmain::log()\n\tmain.cpp:9\n")], sites=[site(150, 140)]), {}),
    (1, facts(150, 10, [(150, CALL, " on M7 main::call() at main.cpp:3")], samples=[]),
     {"few calls at a time": {"goroutines": [(CALL, STACK)] * 99}, "most threads are of others": {"ended": snapshot(400)},
      "through a bound": {"goroutines": [(CALL, " on M7 retake::bounded::foreign_call() at bounded.hpp:3")] * 150}}),
    (2, facts(10, goroutines=[(1100, RUNNABLE, STACK)], samples=samples(run_queue=(1100, 1300), goroutines_created_total=(5000, 5100))),
     {"it drains": {"samples": samples(run_queue=(900, 1300), goroutines_created_total=(5000, 5100))},
      "no more come": {"samples": samples(run_queue=(1100, 1300), goroutines_created_total=(5000, 5010))}, "it has threads for them": {"ended": snapshot(60)}}),
    (2, facts(10, goroutines=[(1100, QUEUED, STACK)], samples=samples(goroutines_created_total=(5000, 5100))),
     {"fewer wait": {"goroutines": [(QUEUED, STACK)] * 990}, "no more come": {"samples": samples(goroutines_created_total=(5000, 5010))},
      "it has threads for them": {"ended": snapshot(60)},
      "they wait at many places": {"goroutines": [(QUEUED, f"\nmain::call{i}()\n\tmain.cpp:3\n") for i in range(1100)]}}),
    (2, facts(10, goroutines=[(1100, RUNNABLE, STACK)], samples=[], silent=True),
     {"fewer are runnable": {"goroutines": [(RUNNABLE, STACK)] * 990}, "it was not asked": {"silent": False}, "it has threads for them": {"ended": snapshot(60)}}),
    (3, facts(10, samples=samples(signal_told_total=(1, 2), signal_wait_ns_total=(0, 300e6), run_queue=900)),
     {"soon": {"samples": samples(signal_told_total=(1, 2), signal_wait_ns_total=(0, 150e6), run_queue=900)},
      "none came": {"samples": samples(signal_told_total=(0, 0), signal_wait_ns_total=(0, 0), run_queue=900)}}),
    (4, facts(30, goroutines=[(25, CALL, RESOLVER)]), {"a few": {"goroutines": [(CALL, RESOLVER)] * 19}, "over the poller": {"goroutines": [(READ, RESOLVER)] * 25}}),
    (4, facts(30, goroutines=[(25, CALL, STACK)], ended=snapshot(30, lookups=20)), {"fewer sockets": {"ended": snapshot(30, lookups=18)}}),
    (4, facts(45, threads="\nThread 1\n#0 getaddrinfo\nThread 2\n#0 poll", samples=[]),
     {"a few": {"ended": snapshot(39)}, "most do other things": {"threads": "\nThread 1\n#0 getaddrinfo\nThread 2\n#0 poll\nThread 3\n#0 poll"}}),
    (5, facts(10, goroutines=[(50, READ, "\nretake::stream::read()\n" + STACK)], ended=snapshot(10, unprobed=50)),
     {"for a moment": {"goroutines": [("IO wait, 2s", "\nretake::stream::read()\n" + STACK)] * 50}, "with probes": {"ended": snapshot(10, unprobed=39)}, "on threads of their own": {"ended": snapshot(60, unprobed=50)},
      "not in the poller": {"goroutines": [("chan receive, 5s", "\nretake::stream::read()\n" + STACK)] * 50},
      "they write": {"goroutines": [(READ, "\nretake::stream::write()\n" + STACK)] * 50},
      "listeners": {"goroutines": [(READ, "\nretake::tcp_listener::accept()\n\tread\n")] * 50}}),
    (6, facts(10, samples=samples(processors=8), began=snapshot(10, quota=2, periods=10, throttled=0), ended=snapshot(10, quota=2, periods=30, throttled=15)),
     {"rarely": {"ended": snapshot(10, quota=2, periods=30, throttled=7)}, "as many Ps as it can use": {"samples": samples(processors=2)},
      "too short a look": {"ended": snapshot(10, quota=2, periods=14, throttled=4)}, "no quota": {"ended": snapshot(10, periods=30, throttled=15)}}),
    (7, facts(10, samples=samples(thread_create_total=60, **{'ended_locked_total{place="main.cpp:3"}': 40})),
     {"a few": {"samples": samples(thread_create_total=12, **{'ended_locked_total{place="main.cpp:3"}': 9})},
      "most threads are of others": {"samples": samples(thread_create_total=90, **{'ended_locked_total{place="main.cpp:3"}': 40})}}),
    (7, facts(60, 50, samples=samples(threads_waiting_locked=45)),
     {"a pool that has all its threads": {"began": snapshot(60)}, "a few": {"samples": samples(threads_waiting_locked=39)}, "most threads are of others": {"ended": snapshot(100)}}),
    (7, facts(60, 50, [(45, QUEUED, " locked to M3 main::draw() at main.cpp:3")], samples=[]),
     {"a pool that has all its threads": {"began": snapshot(60)}, "they are in calls": {"goroutines": [(CALL, " locked to M3 main::draw() at main.cpp:3")] * 45}}),
    (8, facts(10, sites=[site(60, 5)], samples=samples(thread_create_total=70)),
     {"they live": {"sites": [site(60, 20)]}, "a few": {"sites": [site(19, 1)]}, "made by the runtime": {"sites": [site(60, 5, "the runtime itself")]},
      "their goroutines ended locked": {"samples": samples(thread_create_total=70, ended_locked_total=30)}, "as many threads as were made": {"samples": samples(thread_create_total=40)}}),
    (9, facts(10, samples=samples(wall_clock_ahead_ns=(0, 1e9), wall_clock_read_total=(0, 50))),
     {"slewed": {"samples": samples(wall_clock_ahead_ns=(0, 90e6), wall_clock_read_total=(0, 50))},
      "no interval is of it": {"samples": samples(wall_clock_ahead_ns=(0, 1e9), wall_clock_read_total=(0, 19))}}),
    (10, facts(60, ended=snapshot(60, pids_used=90, pids_limit=100, pids_where="pids.max")),
     {"room is left": {"ended": snapshot(60, pids_used=79, pids_limit=100)}, "it is others": {"ended": snapshot(9, pids_used=90, pids_limit=100)}, "no limit": {"ended": snapshot(60)}}),
]


def expect(what, pattern, seen):
    global looked
    looked += 1
    found = [number for number, evidence in patterns.match(seen)]
    if found != ([pattern] if pattern else []):
        wrong.append(f"{what}: {found or 'none'}, not {pattern or 'none'}")


def main():
    for pattern, seen, changes in ROWS:
        expect(f"pattern {pattern}", pattern, seen)
        for what, fields in changes.items():
            changed = copy.copy(seen)
            for name, value in fields.items():
                setattr(changed, name, value)
            expect(f"pattern {pattern}, but {what}", 0, changed)
    if {row[0] for row in ROWS} != set(range(1, 11)):
        wrong.append("a pattern has no row")
    print("\n".join(wrong) or f"{looked} processes are named as they should be")
    return 1 if wrong else 0


sys.exit(main())
