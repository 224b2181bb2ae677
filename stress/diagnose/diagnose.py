#!/usr/bin/env python3
"""diagnose.py: the four steps of the toolkit on a running process, then the name of the pattern that its figures match

usage: diagnose.py [--json] [--seconds N] [--no-strace] PID | -- COMMAND...

Steps.     1 threads and memory, and the scheduler's state; 2 goroutines; 3 whose calls made threads necessary; 4 system calls, by strace -c for a second, where it
           is installed. The runtime's metrics, ten times a second for N seconds (2). All by the process's own loopback endpoint (RETAKE_DEBUG=pprof=127.0.0.1:PORT); where it has
           none, or does not answer, goroutines and threads are read by gdb with retake-gdb.py. Never by SIGQUIT, which ends who does not expect it.
COMMAND    is started with an endpoint and a schedtrace, looked at after N seconds, and ended.
Rules.     patterns.py: one function for each pattern that stress/README.md names. The first that matches is the name; others are told beside it.
Exit       0 none matches, 1 a pattern matches, 2 bad usage, 3 the process cannot be looked at (what is missing is named), 4 the command could not be run.
"""
import json, os, re, shutil, signal, subprocess, sys, tempfile, time, urllib.error, urllib.request

import patterns
from process import Process, endpoint_of, enter_network, free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
GDB_SCRIPT = f"{ROOT}/runtime/observe/retake-gdb.py"
ANSWER_SECONDS, GDB_SECONDS = 12, 60
SAMPLE_SECONDS = 0.1
THREADS_LOOKED_AT = 20  # gdb needs a tenth of a second for each, in which the process stands still
STEP_LINES = 6


def usage(text):
    print(f"retake: diagnose: {text}", file=sys.stderr)
    sys.exit(2)


def arguments(words):
    chosen = {"json": False, "seconds": 2, "strace": True, "pid": None, "command": None}
    while words:
        word = words.pop(0)
        if word == "--":
            chosen["command"] = words
            break
        if word == "--json":
            chosen["json"] = True
        elif word == "--no-strace":
            chosen["strace"] = False
        elif word == "--seconds":
            if not words or not re.fullmatch(r"[1-9][0-9]{0,3}", words[0]):
                usage(f"--seconds \"{words[0] if words else ''}\" is not accepted; accepted: a whole number from 1 to 9999")
            chosen["seconds"] = int(words.pop(0))
        elif re.fullmatch(r"[1-9][0-9]*", word) and chosen["pid"] is None:
            chosen["pid"] = int(word)
        else:
            usage(f"\"{word}\" is not accepted; accepted: PID, or -- COMMAND")
    if (chosen["pid"] is None) == (not chosen["command"]):
        usage("one PID, or -- COMMAND")
    if chosen["pid"] is not None and not os.path.isdir(f"/proc/{chosen['pid']}"):
        usage(f"\"{chosen['pid']}\": no such process")
    return chosen


def fetch(endpoint, path):
    """What the endpoint answers, or None when it does not within its time."""
    try:
        with urllib.request.urlopen(f"http://{endpoint}{path}", timeout=ANSWER_SECONDS) as answer:
            return answer.read().decode(errors="replace")
    except (OSError, urllib.error.URLError):
        return None


def sample_metrics(endpoint, seconds):
    """What they are from now on, for so long; nothing where they are not answered for. Waits in any case."""
    samples, until = [], time.monotonic() + seconds
    while endpoint and (text := fetch(endpoint, "/metrics")):
        samples.append(patterns.read_metrics(text))
        if time.monotonic() >= until and len(samples) > 1:
            return samples
        time.sleep(SAMPLE_SECONDS)
    time.sleep(max(0, until - time.monotonic()))
    return samples if len(samples) > 1 else []


def by_gdb(pid):
    """(goroutines, backtraces of threads, what is missing)"""
    if not shutil.which("gdb"):
        return "", "", "gdb is not installed"
    words = ["gdb", "-p", str(pid), "-batch", "-nx", "-ex", "set pagination off", "-ex", f"source {GDB_SCRIPT}", "-ex", "info goroutines", "-ex", "echo \\n---threads\\n", "-ex",
             f"thread apply 1-{THREADS_LOOKED_AT} bt 12"]
    try:
        said = subprocess.run(words, capture_output=True, text=True, timeout=GDB_SECONDS, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return "", "", f"gdb did not answer within {GDB_SECONDS} s"
    if "ptrace:" in said.stderr or "Could not attach" in said.stderr:
        return "", "", "gdb may not attach: " + next((line for line in said.stderr.splitlines() if "ptrace" in line), "not permitted")
    goroutines, _, threads = said.stdout.partition("\n---threads\n")
    goroutines = "\n".join(line for line in goroutines.splitlines() if line.startswith("goroutine "))
    return goroutines, threads, "" if goroutines else "gdb finds no retake runtime in it"


def by_strace(pid):
    if not shutil.which("strace"):
        return "strace is not installed"
    with tempfile.NamedTemporaryFile("r") as out:
        tracer = subprocess.Popen(["strace", "-f", "-c", "-o", out.name, "-p", str(pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        tracer.send_signal(signal.SIGINT)
        try:
            tracer.wait(10)
        except subprocess.TimeoutExpired:
            tracer.kill()
        return out.read().strip() or "strace may not attach"


def look(chosen, pid, schedtrace):
    """All four steps, in order. Each is text for people; the facts are for the rules."""
    steps, facts = [], patterns.Facts()
    process, endpoint = Process(pid), endpoint_of(pid)
    if endpoint and not enter_network(pid):
        endpoint = None
    facts.command, facts.began = process.command(), process.snapshot()
    facts.samples = sample_metrics(endpoint, chosen["seconds"])
    facts.ended = process.snapshot()
    s = facts.ended
    steps.append(("threads and memory", f"Threads: {facts.began.threads}, then {s.threads}   VmRSS: {s.memory_kb} kB   descriptors: {s.descriptors}\n" + schedtrace()))
    threadcreate = fetch(endpoint, "/debug/pprof/threadcreate?debug=1") if facts.samples else None
    facts.sites = patterns.read_sites(threadcreate or "")
    dump = fetch(endpoint, "/debug/pprof/goroutine?debug=2") if facts.samples else None
    lacking = "" if facts.samples else "no endpoint answers: RETAKE_DEBUG=pprof=127.0.0.1:PORT gives it one"
    if dump is None:
        dump, facts.threads, why = by_gdb(pid)
        lacking = f"{lacking or 'the endpoint did not send the goroutines in time'}; {why}" if why else ""
    facts.read_goroutines(dump)
    steps.append(("goroutines", facts.goroutines_in_words() if dump else lacking))
    steps.append(("threadcreate", threadcreate if threadcreate else "needs the endpoint"))
    if facts.samples:
        steps.append(("metrics", "\n".join(f"{name} {value:g}" for name, value in facts.figures().items())))
    steps.append(("strace -c", by_strace(pid) if chosen["strace"] else "left out"))
    if not facts.samples and not dump:
        print(f"retake: diagnose: {pid} cannot be looked at: {lacking}", file=sys.stderr)
        sys.exit(3)
    return steps, facts


def tell(chosen, pid, steps, facts, found):
    table = patterns.names(f"{ROOT}/stress/README.md")
    first = found[0] if found else None
    if chosen["json"]:
        line = {"kind": "diagnose", "name": facts.command, "pid": pid, "pattern": first[0] if first else None, "pattern_name": table[first[0]]["name"] if first else None,
                "evidence": first[1] if first else [], "remedy": table[first[0]]["remedy"] if first else None,
                "also": [{"pattern": number, "evidence": evidence} for number, evidence in found[1:]], "threads": facts.ended.threads,
                "processors": facts.processors(), "goroutines": facts.goroutine_count(), "figures": facts.figures()}
        print(json.dumps(line))
        return
    for i, (title, text) in enumerate(steps, 1):
        lines = text.strip().splitlines() or ["nothing"]
        print(f"{i}. {title}")
        for line in lines[:STEP_LINES]:
            print(f"   {line[:150]}")
        if len(lines) > STEP_LINES:
            print(f"   [{len(lines) - STEP_LINES} lines more]")
    print()
    if not first:
        print("none matches: stress/diagnose/README.md says what to do next")
    for number, evidence in found:
        print(f"{'pattern' if number == first[0] else 'also'} {number}: {table[number]['name']}")
        for line in evidence:
            print(f"   {line}")
        print(f"   remedy: {table[number]['remedy']}")


def main():
    chosen = arguments(sys.argv[1:])
    child, log = None, None
    if chosen["command"]:
        log = tempfile.NamedTemporaryFile("r+")
        environment = {**os.environ, "RETAKE_DEBUG": f"pprof=127.0.0.1:{free_port()},schedtrace=1000"}
        try:
            child = subprocess.Popen(chosen["command"], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True)
        except OSError as e:
            print(f"retake: diagnose: {chosen['command'][0]} cannot be run: {e.strerror}", file=sys.stderr)
            return 4
        time.sleep(chosen["seconds"])
        if child.poll() is not None:
            print(f"retake: diagnose: the command ended with {child.returncode} before it was looked at (--seconds)", file=sys.stderr)
            return 4

    def schedtrace():
        if log is None:
            return "schedtrace: RETAKE_DEBUG=schedtrace=1000, if it can be started again"
        lines = [line.rstrip() for line in open(log.name, errors="replace") if line.startswith("SCHED")]
        return lines[-1] if lines else "no schedtrace yet"

    try:
        pid = child.pid if child else chosen["pid"]
        steps, facts = look(chosen, pid, schedtrace)
        found = patterns.match(facts)
        tell(chosen, pid, steps, facts, found)
        return 1 if found else 0
    finally:
        if child:
            for how in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(child.pid, how)
                    child.wait(3)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    pass


if __name__ == "__main__":
    sys.exit(main())
