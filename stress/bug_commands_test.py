#!/usr/bin/env python3
"""bug_commands_test.py PROGRAM: every command that a bug program prints is typed as it stands, and shows what it is said to show.

Method: one shell, which types the commands in their order, in a folder whose ./retake begins the program that is tested, as the launcher does after its build. A variant that is held in the
background is waited for, as a reader waits for it. Ports are exchanged for free ones, for another test may have those. A tool that is missing here is named, and its command left out.
"""
import json, os, re, shlex, shutil, signal, subprocess, sys, tempfile, time

sys.path.insert(0, f"{os.path.dirname(os.path.realpath(__file__))}/diagnose")
from endpoint import endpoint_of, free_port

START_SECONDS, AGE_SECONDS, COMMAND_SECONDS = 30, 4, 100
HELD = "holds its state for"
LAUNCHER = '#!/bin/sh\n# ./retake bug N ...\nshift 2\nexec "{program}" "$@"\n'


class Shell:
    def __init__(self, place):
        self.said = open(f"{place}/said", "w+")
        self.child = subprocess.Popen(["bash"], cwd=place, stdin=subprocess.PIPE, stdout=self.said, stderr=self.said, text=True, start_new_session=True)

    def all_said(self):
        with open(self.said.name) as file:
            return file.read()

    def type(self, command):
        """What it said until it was over; None when that lasts too long."""
        begin, mark = len(self.all_said()), f"--- over {time.monotonic_ns()}"
        self.child.stdin.write(f"{command}\necho '{mark}'\n")
        self.child.stdin.flush()
        until = time.monotonic() + COMMAND_SECONDS
        while mark not in (said := self.all_said()[begin:]):
            if time.monotonic() > until or self.child.poll() is not None:
                return None
            time.sleep(0.05)
        return said.partition(mark)[0]

    def held(self):
        """The process that it says it holds, when it is there to be looked at."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            found = re.findall(rf"process (\d+) {HELD}", self.all_said())
            if found and ("pprof=" not in open(f"/proc/{found[-1]}/environ").read() or endpoint_of(int(found[-1]))):
                time.sleep(AGE_SECONDS)
                return int(found[-1])
            time.sleep(0.05)
        return 0

    def end(self):
        os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()


def missing_tool(command):
    """Of the pipeline's commands, one that is not installed here; "" when all are."""
    for part in re.split(r"[|;&]+", re.sub(r"'[^']*'|\$\([^)]*\)", "x", command)):
        words = [word for word in shlex.split(part) if "=" not in word]
        if words and not words[0].startswith("./") and words[0] not in ("wait",) and not shutil.which(words[0]):
            return words[0]
    return ""


def main():
    program = os.path.realpath(sys.argv[1])
    looks = [json.loads(line) for line in subprocess.run([program, "--looks"], capture_output=True, text=True, check=True).stdout.splitlines()]
    ports, wrong = {}, [] if looks else ["no command is printed"]
    with tempfile.TemporaryDirectory() as place:
        with open(f"{place}/retake", "w") as file:
            file.write(LAUNCHER.format(program=program))
        os.chmod(f"{place}/retake", 0o755)
        shell = Shell(place)
        try:
            for look in looks:
                command = re.sub(r"127\.0\.0\.1:(\d+)", lambda found: f"127.0.0.1:{ports.setdefault(found[1], free_port())}", look["command"])
                background = "&" in re.sub(r"'[^']*'|&&", "", command)
                if tool := missing_tool(command):
                    print(f"left out: {look['command']}: {tool} is not installed")
                    continue
                said = shell.type(command)
                seen = look["seen"] or (HELD if background else "")
                if background:
                    said = said if shell.held() else None
                    said = shell.all_said() if said is not None else None
                if said is None:
                    wrong.append(f"{look['command']}: did not come to its end, or holds nothing; so far: {shell.all_said()[-2000:]}")
                elif re.search(r"^bug \d+, \w+: not shown: ", said, re.M):
                    print(f"left out: {look['command']}: {said.strip()[-300:]}")
                elif not seen:
                    wrong.append(f"{look['command']}: nothing says how \"{look['shows']}\" is seen in its output")
                elif not re.search(seen, said, re.M | re.S):
                    wrong.append(f"{look['command']}: no {seen!r}, which is \"{look['shows']}\", in {said[:3000]}")
        finally:
            shell.end()
    print("\n".join(wrong) or f"{len(looks)} commands show what they are said to show")
    return 1 if wrong else 0


sys.exit(main())
