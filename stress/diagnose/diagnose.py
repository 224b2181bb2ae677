#!/usr/bin/env python3
"""diagnose.py: the four steps of the toolkit on a running process, then the name of the pattern that its figures match

usage: diagnose.py [--json] [--seconds N] [--no-strace] [--program FILE] PID | CORE | -- COMMAND...

Steps.     1 threads and memory, and the scheduler's state; 2 goroutines; 3 whose calls made threads necessary; 4 system calls, by strace -c for a second, where it
           is installed. The runtime's metrics, ten times a second for N seconds (2). All by the process's own loopback endpoint (RETAKE_DEBUG=pprof=127.0.0.1:PORT); where it has
           none, or does not answer, goroutines and threads are read by gdb with retake-gdb.py. Never by SIGQUIT, which ends who does not expect it.
CORE       is a core file: goroutines and threads by gdb, as they were, with its program (core.py) or the one that --program names.
COMMAND    is started with an endpoint and a schedtrace, looked at after N seconds, and ended.
Rules.     patterns.py: one function for each pattern that stress/README.md names. The first that matches is the name; others are told beside it.
Safety.    What the process says of itself is printed without control characters. Tracers and COMMAND end with us (guarded.py); answers have bounds (endpoint.py).
Exit       0 none matches, 1 a pattern matches, 2 bad usage, 3 the process or core file cannot be looked at: something is missing (it is named), its answer is garbled, or it ended meanwhile,
           4 the command could not be run, or this program itself is at fault, 130 interrupted (SIGINT, SIGTERM, SIGHUP).
"""
import json, os, re, shutil, signal, sys, tempfile, time, traceback

import patterns
from core import Core, NoCore
from endpoint import endpoint_of, enter_network, fetch, free_port, named_endpoint, on_loopback
from guarded import ENDING, Guarded
from process import Process, Snapshot, Unavailable, read

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
GDB_SCRIPT = f"{ROOT}/runtime/observe/retake-gdb.py"
GDB_SECONDS, STRACE_SECONDS = 60, 1
SAMPLE_SECONDS = 0.1
THREADS_LOOKED_AT = 20  # gdb needs a tenth of a second for each, in which the process stands still
STEP_LINES, LINE_CHARACTERS = 6, 150


class Interrupted(BaseException):
    """By a signal that ends us."""


def printable(text):
    """On one line, and without a character that a terminal would obey: control, escape, direction."""
    return text if text.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def complain(text):
    print(f"retake: diagnose: {printable(text)}", file=sys.stderr, flush=True)


def usage(text):
    complain(text)
    sys.exit(2)


def arguments(words):
    chosen = {"json": False, "seconds": 2, "strace": True, "pid": None, "core": None, "program": "", "command": None}
    looked_at = 0
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
        elif word == "--program":
            if not words or words[0].startswith("-"):
                usage(f"--program \"{words[0] if words else ''}\" is not accepted; accepted: the file of the program that wrote CORE")
            chosen["program"] = words.pop(0)
        elif word.startswith("-") or not word:
            usage(f"\"{word}\" is not accepted; accepted: PID, CORE, or -- COMMAND")
        else:
            number = re.fullmatch(r"[1-9][0-9]*", word)
            chosen["pid" if number else "core"] = int(word) if number else word
            looked_at += 1
    if looked_at + bool(chosen["command"]) != 1:
        usage("one PID, one CORE, or -- COMMAND")
    if chosen["program"] and not chosen["core"]:
        usage("--program is of a core file; accepted with CORE")
    if chosen["pid"] is not None and not os.path.isdir(f"/proc/{chosen['pid']}"):
        usage(f"\"{chosen['pid']}\": no such process")
    return chosen


def pause(process, until):
    while (left := until - time.monotonic()) > 0 and not process.has_ended():
        time.sleep(min(left, SAMPLE_SECONDS))


def sample_metrics(process, endpoint, seconds):
    """What they are from now on, for so long; nothing where they are not answered for. Waits in any case."""
    samples, until = [], time.monotonic() + seconds
    while endpoint and (text := fetch(endpoint, "/metrics")) is not None:
        samples.append(patterns.read_metrics(text))
        if time.monotonic() >= until and len(samples) > 1:
            return samples
        time.sleep(SAMPLE_SECONDS)
    pause(process, until)
    return samples if len(samples) > 1 else []


def by_gdb(target, pid=0):
    """(goroutines, backtraces of threads, what is missing). `target`: gdb's words for a process or a core file; `pid`: of the process."""
    if not shutil.which("gdb"):
        return "", "", "gdb is not installed"
    words = ["gdb", "-batch", "-nx", "-ex", "set pagination off", "-ex", f"source {GDB_SCRIPT}", "-ex", "info goroutines", "-ex", "echo \\n---threads\\n", "-ex",
             f"thread apply 1-{THREADS_LOOKED_AT} bt 12", *target]
    environment = {name: value for name, value in os.environ.items() if name != "DEBUGINFOD_URLS"}  # of which a build id of the process would be asked
    with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as errors:
        with Guarded(words, traced=pid, environment=environment, out=out, log=errors) as gdb:
            if gdb.wait(GDB_SECONDS) is None:
                return "", "", f"gdb did not answer within {GDB_SECONDS} s"
        said, complaints = read(out.name), read(errors.name)
    if "ptrace:" in complaints or "Could not attach" in complaints:
        return "", "", "gdb may not attach: " + next((line for line in complaints.splitlines() if "ptrace" in line), "not permitted")
    goroutines, _, threads = said.partition("\n---threads\n")
    goroutines = "\n".join(line for line in goroutines.splitlines() if line.startswith("goroutine "))
    refused = next((line for line in complaints.splitlines() if "retake" in line and line.startswith(("no ", "retake_layout"))), "no retake runtime is here")
    return goroutines, threads, "" if goroutines else f"gdb: {refused}"


def by_strace(process):
    if not shutil.which("strace"):
        return "strace is not installed"
    with tempfile.NamedTemporaryFile() as out:
        with Guarded(["strace", "-f", "-c", "-o", out.name, "-p", str(process.pid)], traced=process.pid):
            pause(process, time.monotonic() + STRACE_SECONDS)
        return read(out.name).strip() or "strace may not attach"


def look(chosen, process, schedtrace):
    """All steps, in order. Each is text for people; the facts are for the rules."""
    steps, facts, pid = [], patterns.Facts(), process.pid
    endpoint, named = endpoint_of(pid), named_endpoint(pid)
    if endpoint and not enter_network(pid):
        endpoint = None
    facts.command, facts.began = process.command(), process.snapshot()
    facts.samples = sample_metrics(process, endpoint, chosen["seconds"])
    facts.ended, facts.silent = process.snapshot(), bool(endpoint) and not facts.samples
    s = facts.ended
    steps.append(("threads and memory", f"Threads: {facts.began.threads}, then {s.threads}   VmRSS: {s.memory_kb} kB   descriptors: {s.descriptors}\n" + schedtrace()))
    threadcreate = fetch(endpoint, "/debug/pprof/threadcreate?debug=1") if facts.samples else None
    facts.sites = patterns.read_sites(threadcreate) if threadcreate is not None else []
    dump = fetch(endpoint, "/debug/pprof/goroutine?debug=2") if facts.samples else None
    lacking = ""
    if not facts.samples:
        elsewhere = named and not on_loopback(named)
        lacking = f"its RETAKE_DEBUG names \"{named}\", no address of the loopback, which is not asked" if elsewhere else "its endpoint did not answer in time" if facts.silent else "no endpoint answers: RETAKE_DEBUG=pprof=127.0.0.1:PORT gives it one"
    if dump is None:
        dump, facts.threads, why = by_gdb(["-p", str(pid)], pid)
        lacking = f"{lacking or 'the endpoint did not send the goroutines in time'}; {why}" if why else lacking
    facts.read_goroutines(dump)
    steps.append(("goroutines", facts.goroutines_in_words() if dump else lacking))
    steps.append(("threadcreate", threadcreate if threadcreate else "needs the endpoint"))
    if facts.samples:
        steps.append(("metrics", "\n".join(f"{name} {value:g}" for name, value in facts.figures().items())))
    steps.append(("strace -c", by_strace(process) if chosen["strace"] else "left out"))
    if not facts.samples and not dump:
        raise Unavailable(lacking)
    return steps, facts


def look_at_core(core, program):
    """As look(), of what a core file has: no metrics, no profile, no calls; and nothing grows in it."""
    facts, lacks = patterns.Facts(), "a core file has none"
    facts.command, facts.began = core.command, Snapshot(threads=core.threads, memory_kb=core.memory_kb)
    facts.ended = facts.began
    dump, facts.threads, why = by_gdb([program, core.path])
    if not dump:
        raise Unavailable(f"the core file \"{core.path}\" cannot be looked at: {why}")
    facts.read_goroutines(dump)
    ended = f"ended by signal {core.signal}" if core.signal else "by no signal: of a process that went on"
    return [("threads and memory", f"Threads: {core.threads}   memory in the file: {core.memory_kb} kB   {ended}"), ("goroutines", facts.goroutines_in_words()), ("threadcreate", lacks),
            ("strace -c", lacks)], facts


def look_while_it_lives(chosen, process, schedtrace):
    """What was seen of a process that ends meanwhile is no answer, and its end is why something is missing."""
    seen, why = None, ""
    try:
        seen = look(chosen, process, schedtrace)
    except Unavailable as e:
        why = str(e)
    if process.has_ended():
        why = "it ended meanwhile"
    if why:
        raise Unavailable(f"{process.pid} cannot be looked at: {why}")
    return seen


def json_line(pid, facts, found):
    table, first = patterns.names(f"{ROOT}/stress/README.md"), found[0] if found else None
    line = {"kind": "diagnose", "name": facts.command, "pid": pid, "pattern": first[0] if first else None, "pattern_name": table[first[0]]["name"] if first else None,
            "evidence": first[1] if first else [], "remedy": table[first[0]]["remedy"] if first else None,
            "also": [{"pattern": number, "evidence": evidence} for number, evidence in found[1:]], "threads": facts.ended.threads,
            "processors": facts.processors(), "goroutines": facts.goroutine_count(), "figures": facts.figures()}

    def sanitised(value):
        if isinstance(value, dict):
            return {printable(name): sanitised(one) for name, one in value.items()}
        if isinstance(value, list):
            return [sanitised(one) for one in value]
        return printable(value) if isinstance(value, str) else value

    return [json.dumps(sanitised(line))]


def lines_for_people(steps, found):
    table, all_lines = patterns.names(f"{ROOT}/stress/README.md"), []
    for i, (title, text) in enumerate(steps, 1):
        lines = text.strip().splitlines() or ["nothing"]
        all_lines += [f"{i}. {title}", *(f"   {printable(line.expandtabs(2)[:LINE_CHARACTERS])}" for line in lines[:STEP_LINES])]
        if len(lines) > STEP_LINES:
            all_lines.append(f"   [{len(lines) - STEP_LINES} lines more]")
    all_lines.append("")
    if not found:
        all_lines.append("none matches: stress/diagnose/README.md says what to do next")
    for number, evidence in found:
        all_lines += [f"{'pattern' if number == found[0][0] else 'also'} {number}: {table[number]['name']}", *(f"   {printable(line)}" for line in evidence),
                      f"   remedy: {table[number]['remedy']}"]
    return all_lines


def write_out(lines):
    try:
        print("\n".join(lines), flush=True)
    except OSError as e:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what Python still holds goes there when it ends
        raise Unavailable(f"the answer cannot be written to standard output: {e.strerror}") from None


def diagnose(chosen, pid, schedtrace):
    return answer(chosen, pid, *look_while_it_lives(chosen, Process(pid), schedtrace))


def diagnose_core(chosen):
    core = Core(chosen["core"])
    return answer(chosen, core.pid, *look_at_core(core, core.program_at(chosen["program"])))


def answer(chosen, pid, steps, facts):
    found = patterns.match(facts)
    write_out(json_line(pid, facts, found) if chosen["json"] else lines_for_people(steps, found))
    return 1 if found else 0


def diagnose_command(chosen):
    environment = {**os.environ, "RETAKE_DEBUG": f"pprof=127.0.0.1:{free_port()},schedtrace=1000"}
    with tempfile.NamedTemporaryFile() as log, Guarded(chosen["command"], environment=environment, log=log, keep="SCHED") as command:
        pid = command.pid()
        if not pid:
            complain(f"{chosen['command'][0]} cannot be run: {command.refused}")
            return 4
        if (code := command.wait(chosen["seconds"])) is not None:
            complain(f"the command ended with {code} before it was looked at (--seconds)")
            return 4
        return diagnose(chosen, pid, lambda: read(log.name).rstrip() or "no schedtrace yet")


def end_by(number, _):
    for one in ENDING:
        signal.signal(one, signal.SIG_IGN)  # cleaning up has bounds of its own
    raise Interrupted(signal.Signals(number).name)


def main():
    for one in ENDING:
        if one != signal.SIGHUP or signal.getsignal(one) != signal.SIG_IGN:  # nohup stays what it is
            signal.signal(one, end_by)
    try:
        chosen = arguments(sys.argv[1:])
        if chosen["command"]:
            return diagnose_command(chosen)
        if chosen["core"]:
            return diagnose_core(chosen)
        return diagnose(chosen, chosen["pid"], lambda: "schedtrace: RETAKE_DEBUG=schedtrace=1000, if it can be started again")
    except NoCore as e:
        usage(str(e))
    except Unavailable as e:
        complain(str(e))
        return 3
    except Interrupted as e:
        complain(f"interrupted by {e}")
        return 130
    except Exception as e:
        where = traceback.extract_tb(e.__traceback__)[-1]
        complain(f"this program is at fault, which says nothing of the process: {type(e).__name__}: {e} ({os.path.basename(where.filename)}:{where.lineno})")
        return 4


if __name__ == "__main__":
    sys.exit(main())
