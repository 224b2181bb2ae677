#!/usr/bin/env python3
"""diagnose_test.py BIN [--swap] [--by-gdb] [BUG...]: each buggy twin gets the pattern that stress/README.md assigns to it and none beside it, no fixed twin gets any.

Method: both twins of a bug are held in their symptomatic state, each with an endpoint, and looked at from outside, again and again until the buggy one has
been told. The fixed one is looked at as often, at the same age, and may never match: a slow machine gives the buggy one more time, and the fixed one more chances to fail.
Bug 1 once more without endpoints, by gdb; bug 2 in a network of its own.
--by-gdb looks at all of them without endpoints. --swap expects of each twin what holds for the other: must fail. A bug that the machine forbids (code 3) is named and left out; one that is not built is an error.
"""
import glob, json, os, re, signal, subprocess, sys, tempfile, time
from contextlib import ExitStack

from endpoint import endpoint_of, free_port

HERE = os.path.dirname(os.path.realpath(__file__))
HOLD_SECONDS, PATIENCE_SECONDS, LOOK_SECONDS = 90, 45, 1
ALONE = {4, 7, 11}  # both twins want port 53; two that want all processors are throttled less; the threads of a user count together
BY_GDB, APART = "by gdb", "in a network of its own"  # as a container is
APART_WORDS = ["unshare", "-rn", "sh", "-c"]
LOOPBACK = "ip link set lo up"


def table():
    """{bug: pattern} by the README; 0: none."""
    rows = {}
    for line in open(f"{HERE}/../README.md").read().partition("### Patterns")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 7 and cells[0].isdigit():
            rows[int(cells[0])] = int(cells[5]) if cells[5].isdigit() else 0
    return rows


class Twin:
    """A variant that is held while this is open."""

    def __init__(self, program, variant, expected, how):
        self.name = f"{os.path.basename(program)} {variant}{how and ', ' + how}"
        self.program, self.variant, self.expected, self.how = program, variant, expected, how
        self.looks, self.also, self.line, self.began = [], [], {}, time.monotonic()

    def __enter__(self):
        environment = {name: value for name, value in os.environ.items() if name != "RETAKE_DEBUG"}
        if self.how != BY_GDB:
            environment["RETAKE_DEBUG"] = f"pprof=127.0.0.1:{free_port()}"
        self.said = tempfile.TemporaryFile("w+")
        words = [self.program, "--variant", self.variant, "--hold", str(HOLD_SECONDS)]
        if self.how == APART:
            words = [*APART_WORDS, f'{LOOPBACK} && exec "$@"', "sh", *words]
        self.child = subprocess.Popen(words, env=environment, stdout=self.said, stderr=self.said, start_new_session=True)
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()
        self.said.close()

    def answers(self):
        return self.how == BY_GDB or endpoint_of(self.child.pid) is not None or self.child.poll() is not None

    def end(self):
        """Of one that was to be held: what it said; None while it is."""
        if self.child.poll() is None:
            return None
        self.said.seek(0)
        return self.said.read().strip()[-300:]

    def begin_look(self):
        words = [f"{HERE}/diagnose.py", "--json", "--no-strace", "--seconds", str(LOOK_SECONDS), str(self.child.pid)]
        self.looking = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end_look(self):
        out, error = self.looking.communicate(timeout=120)
        self.line = json.loads(out) if out else {}
        found = self.line.get("pattern")
        self.also += self.line.get("also", [])
        self.looks.append((found or 0) if self.looking.returncode == (1 if found else 0) else f"code {self.looking.returncode}: {error.strip()}")

    def as_expected(self):
        return bool(self.looks) and (self.looks[-1] == self.expected if self.expected else all(one == 0 for one in self.looks))

    def tell(self):
        print(f"{self.name}: pattern {self.looks[-1] or 'none'} after {len(self.looks)} looks, {time.monotonic() - self.began:.1f} s; {'; '.join(self.line.get('evidence', []))}", flush=True)
        if not self.as_expected():
            print(f"  it saw: {' '.join(f'{name} {value:g}' for name, value in self.line.get('figures', {}).items())}", flush=True)


def hold_and_look(twins, looks_least=2):
    """What is wrong. Those who are to match are waited for; who is not to must not at any look."""
    with ExitStack() as held:
        for twin in twins:
            held.enter_context(twin)
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until and not all(twin.answers() for twin in twins):
            time.sleep(0.05)
        while True:
            for twin in twins:
                if (text := twin.end()) is not None and twin.child.returncode == 3:
                    print(f"left out: {twin.name}: {text}")
                    return []
                if text is not None:
                    return [f"{twin.name} ended with {twin.child.returncode}: {text}"]
            for twin in twins:
                twin.begin_look()
            for twin in twins:
                twin.end_look()
            as_expected = all(twin.as_expected() for twin in twins)
            if (as_expected and len(twins[0].looks) >= looks_least) or time.monotonic() > until or any(twin.looks[-1] for twin in twins if not twin.expected):
                break
        for twin in twins:
            twin.tell()
        beside = [f"{twin.name}: also {one}" for twin in twins for one in twin.also]
        return beside + [f"{twin.name}: pattern {twin.looks[-1] or 'none'}, not {twin.expected or 'none'}" for twin in twins if not twin.as_expected()]


def by_command(words, expected_code, expected_text):
    """Of a command that diagnose starts itself. One that is to match has more time if it needs it."""
    for seconds in (LOOK_SECONDS, 4, 10):
        said = subprocess.run([f"{HERE}/diagnose.py", "--no-strace", "--seconds", str(seconds), "--", *words], capture_output=True, text=True, timeout=120)
        fits = said.returncode == expected_code and expected_text in said.stdout + said.stderr
        left = subprocess.run(["pgrep", "-f", " ".join(words)], capture_output=True, text=True).stdout
        if fits or left or expected_code != 1:
            break
    return [] if fits and not left else [f"-- {' '.join(words)}: code {said.returncode}, left behind: {left!r}, said {(said.stdout + said.stderr)[-300:]}"]


def main():
    place, swap, by_gdb, only = sys.argv[1], "--swap" in sys.argv, "--by-gdb" in sys.argv, {int(word) for word in sys.argv[2:] if word.isdigit()}
    wrong = []
    for bug, pattern in sorted(table().items()):
        if only and bug not in only:
            continue
        programs = [p for p in glob.glob(f"{place}/bug{bug:02}_*") if os.access(p, os.X_OK)]
        if len(programs) != 1:
            wrong.append(f"bug {bug} is not built in {place}")
            continue

        def twins(how=""):
            return [Twin(programs[0], "buggy", 0 if swap else pattern, how), Twin(programs[0], "fixed", pattern if swap else 0, how)]

        how = BY_GDB if by_gdb else ""
        wrong += sum((hold_and_look([one]) for one in twins(how)), []) if bug in ALONE else hold_and_look(twins(how))
        if bug == 1 and not swap and not by_gdb:
            wrong += hold_and_look(twins(BY_GDB), 1)
            wrong += by_command([programs[0], "--variant", "buggy", "--hold", "61"], 1, f"pattern {pattern}: ")
            wrong += by_command(["sleep", "61.25"], 3, "cannot be looked at") + by_command(["sh", "-c", "exit 1 # 61.75"], 4, "ended with 1")
        if bug == 2 and not swap and not by_gdb:
            allowed = subprocess.run([*APART_WORDS, LOOPBACK], capture_output=True).returncode == 0
            if allowed:
                wrong += hold_and_look(twins(APART))
            else:
                print(f"left out: bug 2 {APART}: none can be made here")
    print("\n".join(wrong) or "as the table says")
    return 1 if wrong else 0


sys.exit(main())
