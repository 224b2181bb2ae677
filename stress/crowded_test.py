#!/usr/bin/env python3
"""crowded_test.py BIN [--runs N] [--only NAME]: each bug and exercise, N times, while two copies of it run beside: its verdict is right, or there is none on so busy a machine, and it is never wrong.

Method: two other processes of the same program play without an end; the one that is judged runs among them. Exit codes: 0 is right; 3 names what the machine lacks, and ends the runs of that
program; 4 of one that was too noisy, or too slow for its limit, is no verdict. Everything else is wrong. All programs play one run before the next one, so that a test that is ended has looked at each.
"""
import argparse, collections, glob, os, re, signal, subprocess, sys, time

SECONDS_MAX, COPIES = 400, 2


def names_in(binaries, only):
    all_of = sorted(glob.glob(f"{binaries}/bug[0-9]*") + glob.glob(f"{binaries}/task[0-9]*"))
    return [one for one in all_of if os.access(one, os.X_OK) and only in os.path.basename(one)]


class Copies:
    """Of the program, beside the one that is judged: each is started again when it has ended."""

    def __init__(self, program):
        loop = ["sh", "-c", 'while :; do "$0" --json; done', program]
        self.loops = [subprocess.Popen(loop, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) for _ in range(COPIES)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.loops:
            os.killpg(one.pid, signal.SIGTERM)
            one.wait()


def verdict(program):
    """("right" or "lacks" or "noisy", "") or ("wrong", what it said)"""
    with Copies(program):
        try:
            seen = subprocess.run([program, "--json"], capture_output=True, text=True, errors="replace", timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return "wrong", f"no end within {SECONDS_MAX} s"
    if seen.returncode in (0, 3):
        return ("right" if seen.returncode == 0 else "lacks"), ""
    if seen.returncode == 4 and re.search("too noisy|did not end within", seen.stderr):
        return "noisy", ""
    return "wrong", f"code {seen.returncode}: {seen.stderr.strip()[-600:]} {seen.stdout.strip()[-1500:]}"


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))  # the copies end with us
    options = argparse.ArgumentParser()
    options.add_argument("bin")
    options.add_argument("--runs", type=int, default=100)
    options.add_argument("--only", default="")
    asked = options.parse_args()
    programs, counts, wrong = names_in(asked.bin, asked.only), collections.defaultdict(collections.Counter), []
    if not programs:
        wrong.append(f"no bug and no exercise in {asked.bin}")
    for run in range(asked.runs):
        for program in programs:
            name, began = os.path.basename(program), time.monotonic()
            if counts[name]["lacks"]:
                continue
            outcome, why = verdict(program)
            counts[name][outcome] += 1
            print(f"{run + 1}: {name}: {outcome}, {time.monotonic() - began:.0f} s {why}", flush=True)
            if outcome == "wrong":
                wrong.append(f"{name}, run {run + 1}: {why}")
    for name, of in sorted(counts.items()):
        print(f"{name}: " + ", ".join(f"{count} {outcome}" for outcome, count in of.items()))
    print("\n".join(wrong) or "no verdict was wrong")
    return 1 if wrong else 0


sys.exit(main())
