#!/usr/bin/env python3
"""every_fail_fires.py SOURCE PROGRAM...: each objection of the harness is made to fire by some test.

The programs are run with RETAKE_FIRED: both worlds write file and line of each objection that fires
into that file (models/fired.hpp). What is compared with it are the calls of fail() that stand in the
simulator, its checkers and kernel, and in the worlds of the simulator and of Relacy, world::require
among them: a comment or a name of a test satisfies nothing. Exits with 1 and lists the calls that no
test has fired.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

# Where they stand, and how many there are at least: fewer, and the search for them is broken.
FOLDERS = {"models/sim": 60, "models/relacy": 4}
# Calls whose line is not the objection's own: they pass on what another line says.
PASSED_ON = ("models/sim/calls.cpp", "models/sim/calls.hpp", "models/sim/engine.hpp", "models/sim/findings.cpp",
             "models/relacy/world/engine.hpp")
CALL = re.compile(r"\bfail(?:_test)?\((?!\))")
OWN = re.compile(r"e\.fail\(|the_engine->fail\(|fail(?:_test)?\(\"")


def calls(root, folder):
    """(file, first line, last line) of each call of fail()."""
    for path in sorted((root / folder).rglob("*.[ch]pp")):
        name = str(path.relative_to(root))
        lines = path.read_text().splitlines()
        for at, line in enumerate(lines):
            code = line.split("//")[0]
            if not CALL.search(code) or (name in PASSED_ON and not OWN.search(code)):
                continue
            last = at
            while not lines[last].split("//")[0].rstrip().endswith((";", "{", "}")):
                last += 1
            yield name, at + 1, last + 1


def fired(programs):
    seen = set()
    with tempfile.NamedTemporaryFile("r", suffix=".fired") as out:
        for program in programs:
            path, *arguments = program.split()
            done = subprocess.run([path, *arguments, "--gtest_brief=1"], env={"RETAKE_FIRED": out.name}, capture_output=True, text=True)
            if done.returncode != 0:
                print(f"{path} ended with {done.returncode}:\n{done.stdout[-2000:]}")
                sys.exit(1)
        for line in out:
            name, _, number = line.rstrip().rpartition(":")
            seen.add((name.removeprefix("./"), int(number)))
    return seen


def main():
    root, programs = pathlib.Path(sys.argv[1]), sys.argv[2:]
    seen = fired(programs)
    every = []
    for folder, least in FOLDERS.items():
        found = list(calls(root, folder))
        if len(found) < least:
            print(f"only {len(found)} calls of fail() found in {folder}: the search is broken")
            return 1
        every += found
    missing = [(name, first) for name, first, last in every if not any((name, line) in seen for line in range(first, last + 1))]
    for name, line in missing:
        print(f"{name}:{line}: no test makes this fire: {(root / name).read_text().splitlines()[line - 1].strip()}")
    print(f"{len(every)} objections, {len(missing)} that no test makes fire")
    return 1 if missing else 0


sys.exit(main())
