#!/usr/bin/env python3
"""diagnose_busy_test.py PROGRAM [NAME...]: diagnose of programs that are busy and healthy says "none", and of one that takes in more than it can do names pattern 2.

Method: each program of busy_programs.cpp runs alone, with an endpoint, and is looked at. The healthy ones may get no pattern at any look; the other, each time anew, gets its pattern in 9 of 10.
"""
import json, os, signal, subprocess, sys, time

from endpoint import endpoint_of, free_port

HERE = os.path.dirname(os.path.realpath(__file__))
LOOKS_HEALTHY, LOOKS, NAMED_LEAST, LOOK_SECONDS, AGE_SECONDS, START_SECONDS = 2, 10, 9, 1, 4, 30
HEALTHY_LEAST = 12


def look(pid):
    """(pattern or 0, the line); a text in place of the pattern where there is no answer."""
    said = subprocess.run([f"{HERE}/diagnose.py", "--json", "--no-strace", "--seconds", str(LOOK_SECONDS), str(pid)], capture_output=True, text=True, timeout=120)
    line = json.loads(said.stdout) if said.returncode in (0, 1) else {}
    return (line["pattern"] or 0 if line else f"code {said.returncode}: {said.stderr.strip()}"), line


def looks(program, name, how_many):
    environment = {**os.environ, "RETAKE_DEBUG": f"pprof=127.0.0.1:{free_port()}"}
    child = subprocess.Popen([program, name, "600"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        until = time.monotonic() + START_SECONDS
        while endpoint_of(child.pid) is None and child.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(AGE_SECONDS)
        return [look(child.pid) for _ in range(how_many)]
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def looked_at(program, name, pattern):
    """What is wrong with what diagnose says of it, or nothing."""
    seen = sum((looks(program, name, 1) for _ in range(LOOKS)), []) if pattern else looks(program, name, LOOKS_HEALTHY)
    named = sum(found == pattern for found, _ in seen)
    print(f"{name}: {' '.join(str(found or 'none') for found, _ in seen)}", flush=True)
    if named >= (NAMED_LEAST if pattern else len(seen)):
        return []
    other = next(line for found, line in seen if found != pattern)
    return [f"{name}: pattern {pattern or 'none'} at {named} of {len(seen)} looks; another: {other.get('evidence', '')} {other.get('figures', '')}"]


def main():
    program, only = sys.argv[1], sys.argv[2:]
    rows = [line.split() for line in subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()]
    wrong = [] if sum(row[1] == "0" for row in rows) >= HEALTHY_LEAST else [f"fewer than {HEALTHY_LEAST} healthy programs: {rows}"]
    for name, pattern in rows:
        if not only or name in only:
            wrong += looked_at(program, name, int(pattern))
    print("\n".join(wrong) or "as it should be")
    return 1 if wrong else 0


sys.exit(main())
