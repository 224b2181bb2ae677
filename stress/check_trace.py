#!/usr/bin/env python3
"""check_trace.py FILE: verifies P3, G3 and L2 of the invariants, and the calls, on an execution trace.

Order is that of the numbers which each owner gave out (moves), not of clocks: two owners at once show as a number that was given out twice, or as a
second taking without a giving away in between. Where a ring has overwritten events the numbers begin later, and the first of each is taken as it is.
Exit code 0: they hold. 1: one is broken; each is printed with its events. 2: not a trace."""
import collections
import json
import sys


def broken(tag, text, *events):
    print(f"{tag}: {text}")
    for event in events:
        print(f"    at {event[0]:.3f} us: M{event[1]} {event[2]} {event[3]} (move {event[4]}, {event[5]})")
    return 1


def check_alternation(events, takes, gives, tag, what):
    """Each subject is taken and given away in turn, by the same thread, at numbers that rise by one."""
    found = 0
    by_subject = collections.defaultdict(list)
    for event in events:
        if event[2] in (takes, gives):
            by_subject[event[3]].append(event)
    for subject, its in by_subject.items():
        its.sort(key=lambda event: event[4])
        for before, after in zip(its, its[1:]):
            if before[4] == after[4]:
                found += broken(tag, f"{what} {subject} has two owners at once", before, after)
            elif after[4] != before[4] + 1:
                continue  # overwritten between
            elif before[2] == after[2]:
                found += broken(tag, f"{what} {subject}: two of \"{after[2]}\" in a row", before, after)
            elif before[2] == takes and before[1] != after[1]:
                found += broken(tag, f"{what} {subject} is given away by a thread that does not have it", before, after)
    return found


def check_threads(events):
    """A thread runs one goroutine at a time (G3), and a locked one its own (L2)."""
    found = 0
    by_thread = collections.defaultdict(list)
    for event in events:
        by_thread[event[1]].append(event)  # in the thread's own order
    locked = {}
    for thread, its in by_thread.items():
        runs = lock = None
        for event in its:
            if event[2] == "run":
                if runs is not None:
                    found += broken("G3", f"M{thread} runs two goroutines", runs, event)
                if lock is not None and lock[3] != event[3]:
                    found += broken("L2", f"M{thread} is locked to G{lock[3]} and runs another", lock, event)
                runs = event
            elif event[2] == "leave":
                runs = None
            elif event[2] == "lock":
                lock = event
            elif event[2] == "unlock" and lock is not None:
                locked.setdefault(lock[3], []).append((thread, lock[4], event[4], lock))
                lock = None
        if lock is not None:
            locked.setdefault(lock[3], []).append((thread, lock[4], float("inf"), lock))
    for event in events:
        if event[2] != "run":
            continue
        for thread, first, last, lock in locked.get(event[3], []):
            if first < event[4] <= last and event[1] != thread:
                found += broken("L2", f"G{event[3]} is locked to M{thread} and runs elsewhere", lock, event)
    return found


def check_calls(events):
    """A call has one enter and one exit, and its goroutine leaves its thread at most once in it."""
    found = 0
    by_goroutine = collections.defaultdict(list)
    for event in events:
        if event[2] in ("enter", "exit"):
            by_goroutine[event[3]].append(event)
    for goroutine, its in by_goroutine.items():
        for before, after in zip(its, its[1:]):
            # On one thread their order is its own; across threads it would be that of clocks.
            if before[2] == after[2] and before[1] == after[1]:
                found += broken("G7", f"G{goroutine}: two of \"{after[2]}\" in a row", before, after)
    return found


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            trace = json.load(file)
        events, lost = trace["retakeEvents"], trace["otherData"]["lost"]
    except (OSError, ValueError, KeyError) as why:
        print(f"{sys.argv[1]} is not a trace: {why}")
        return 2
    found = check_alternation(events, "wire", "unwire", "P3", "P")
    found += check_alternation(events, "run", "leave", "G3", "G")
    found += check_threads(events) + check_calls(events)
    kinds = collections.Counter(event[2] for event in events)
    print(f"{len(events)} events ({lost} lost): " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    print("P3, G3, L2 and the calls hold" if found == 0 else f"{found} broken")
    return min(found, 1)


sys.exit(main())
