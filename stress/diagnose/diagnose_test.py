#!/usr/bin/env python3
"""diagnose_test.py BIN [--swap] [BUG...]: each buggy twin gets the pattern that stress/README.md assigns to it, no fixed twin gets any.

Method: a bug program of BIN is held in its symptomatic state, with an endpoint, and looked at from outside; bug 1 once more without one, by gdb.
--swap expects of each twin what holds for the other: must fail. A bug that the machine forbids (code 3) is named and left out; one that is not built is an error.
"""
import glob, json, os, re, signal, subprocess, sys, tempfile, time

from process import endpoint_of, free_port

HERE = os.path.dirname(os.path.realpath(__file__))
HOLD_SECONDS, ATTEMPTS = 90, 4
NOT_TOLD_YET = {  # the README says so too
    4: "its threads look like any unbounded call: the rule does not see getaddrinfo in them",
    7: "--hold stays outside a control group: nothing is throttled",
    8: "libfaketime is seen in both twins, not what they read the clock for",
    9: "threads that fork are gone before they are counted",
    10: "its readers look like any unbounded call, and the signal comes once",
}


def table():
    """{bug: pattern} by the README; 0: none."""
    rows = {}
    for line in open(f"{HERE}/../README.md").read().partition("### Patterns")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 7 and cells[0].isdigit():
            rows[int(cells[0])] = int(cells[5]) if cells[5].isdigit() else 0
    return rows


def diagnose(pid):
    said = subprocess.run([f"{HERE}/diagnose.py", "--json", "--no-strace", str(pid)], capture_output=True, text=True, timeout=120)
    line = json.loads(said.stdout) if said.stdout else {}
    if said.returncode != (1 if line.get("pattern") else 0):
        return {"pattern": f"code {said.returncode}: {said.stderr.strip()}"}
    return line


def held(program, variant, expected, endpoint=True):
    """Empty, or what is wrong. A symptom may need a few seconds to come; none may come while a fixed twin is looked at as long."""
    environment = dict(os.environ)
    environment.pop("RETAKE_DEBUG", None)
    if endpoint:
        environment["RETAKE_DEBUG"] = f"pprof=127.0.0.1:{free_port()}"
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen([program, "--variant", variant, "--hold", str(HOLD_SECONDS)], env=environment, stdout=said, stderr=said, start_new_session=True)
        try:
            for _ in range(50):
                time.sleep(0.2)
                if child.poll() is not None or not endpoint or endpoint_of(child.pid):
                    break
            time.sleep(3)
            for attempt in range(ATTEMPTS if expected else 2):
                if child.poll() is not None:
                    said.seek(0)
                    text = said.read().strip()
                    if child.returncode == 3:
                        print(f"left out: {os.path.basename(program)} {variant}: {text}")
                        return ""
                    return f"{os.path.basename(program)} {variant} ended with {child.returncode}: {text[-300:]}"
                line = diagnose(child.pid)
                found = line.get("pattern")
                print(f"{os.path.basename(program)} {variant}{'' if endpoint else ', by gdb'}: {found or 'none'} {'; '.join(line.get('evidence', []))}", flush=True)
                if (found or 0) == expected and expected:
                    return ""
                if found and not expected:
                    break
                time.sleep(2)
            return "" if (found or 0) == expected else f"{os.path.basename(program)} {variant}: pattern {found or 'none'}, not {expected or 'none'}"
        finally:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()


def by_command(words, expected_code, expected_text):
    """Of a command that diagnose starts itself."""
    said = subprocess.run([f"{HERE}/diagnose.py", "--no-strace", "--seconds", "4", "--", *words], capture_output=True, text=True, timeout=120)
    fits = said.returncode == expected_code and expected_text in said.stdout + said.stderr
    left = subprocess.run(["pgrep", "-f", " ".join(words)], capture_output=True, text=True).stdout
    return "" if fits and not left else f"-- {' '.join(words)}: code {said.returncode}, left behind: {left!r}, said {(said.stdout + said.stderr)[-300:]}"


def main():
    place, swap, only = sys.argv[1], "--swap" in sys.argv, {int(word) for word in sys.argv[2:] if word.isdigit()}
    wrong = []
    for bug, pattern in sorted(table().items()):
        if only and bug not in only:
            continue
        if bug in NOT_TOLD_YET and bug not in only:
            print(f"left out: bug {bug}: {NOT_TOLD_YET[bug]}")
            continue
        programs = [p for p in glob.glob(f"{place}/bug{bug:02}_*") if os.access(p, os.X_OK)]
        if len(programs) != 1:
            wrong.append(f"bug {bug} is not built in {place}")
            continue
        for variant, expected in (("buggy", 0 if swap else pattern), ("fixed", pattern if swap else 0)):
            wrong.append(held(programs[0], variant, expected))
        if bug == 1 and not swap:
            wrong += [held(programs[0], "buggy", pattern, endpoint=False), held(programs[0], "fixed", 0, endpoint=False),
                      by_command([programs[0], "--variant", "buggy", "--hold", "61"], 1, f"pattern {pattern}: "),
                      by_command(["sleep", "61.25"], 3, "cannot be looked at"), by_command(["false"], 4, "ended with 1")]
    wrong = [one for one in wrong if one]
    print("\n".join(wrong) or "as the table says")
    return 1 if wrong else 0


sys.exit(main())
