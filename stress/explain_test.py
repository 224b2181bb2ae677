#!/usr/bin/env python3
"""explain_test.py ROOT PROGRAM...: each place that --explain names exists: the file, and the function in it. Each program names one at least; the first of them without its last letter is found out."""
import os, re, subprocess, sys

root, programs = sys.argv[1], sys.argv[2:]
failed = 0


def exists(file, function):
    try:
        with open(os.path.join(root, file)) as text:
            return re.search(r"\b%s\(" % re.escape(function), text.read()) is not None
    except OSError:
        return False


for program in programs:
    said = subprocess.run([program, "--explain"], capture_output=True, text=True, timeout=20, check=True).stdout
    places = re.findall(r"^  (runtime/\S+): (\S+)$", said, re.M)
    missing = [place for place in places if not exists(*place)]
    if not places or missing or len(places) != len(re.findall(r"^  \S", said, re.M)) or exists(places[0][0], places[0][1][:-1]):
        print(f"{os.path.basename(program)}: {missing or 'no place is named'}")
        failed = 1
sys.exit(failed)
