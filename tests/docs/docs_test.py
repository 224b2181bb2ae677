#!/usr/bin/env python3
"""docs_test.py ROOT BIN [FILE...]: what the documents tell people to type works, and what they point at is there.

Method: every `./retake ...` in every *.md (indented, fenced or in backquotes) is taken out. Its word must have a --help, and each of its flags must stand there. A command without
placeholders (capitals, files that a reader would have) is run, in an empty folder, by the launcher of ROOT with BIN's programs in place of what it would build: hunt, test, nightly,
mutants, bench, bug and task with --help (they have tests of their own), the others as they stand, for 2 seconds where they take --seconds. Shell fences must parse; links must lead somewhere.
FILE: these documents alone; the test of this test puts a broken one here.
"""
import os, re, shlex, subprocess, sys, tempfile

from documents import documents

ROOT, BIN = (os.path.realpath(one) for one in sys.argv[1:3])
LONG = {"hunt", "test", "nightly", "mutants", "bench", "bug", "task", "costs", "setup", "fuzz"}
IN_SECONDS = {"sim", "model", "props", "stress"}
wrong, ran, seen = [], 0, set()


def commands(text):
    for line in text.splitlines():
        if re.match(r"(\s{4,}|[A-Z_]+=\S+ )?\./retake ", line):
            yield re.split(r"\s{3,}|\s#|\s*&$|\s*\|", line.strip()[line.strip().index("./retake"):])[0]
        else:
            yield from re.findall(r"`(\./retake [^`]*)`", line)


def launcher(place):
    """The launcher, with BIN for what it would install and build."""
    text = open(f"{ROOT}/retake").read()
    stubs = f"install_packages() {{ :; }}\nbuild() {{ :; }}\nprogram() {{ printf '%s/%s' '{BIN}' \"$2\"; }}\n"
    text = text.replace('root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)', f"root='{ROOT}'").replace('"$root/build"', f"'{os.path.dirname(BIN)}'")
    text = text.replace("[ $# -gt 0 ] || { words", stubs + "[ $# -gt 0 ] || { words", 1)
    with open(f"{place}/retake", "w") as file:
        file.write(text)
    os.chmod(f"{place}/retake", 0o755)


def run(words, place):
    return subprocess.run(words, cwd=place, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


def check(command, where, place):
    global ran
    words = shlex.split(command)[1:]
    word, rest = words[0], words[1:]
    if word.startswith("-"):
        return
    help_text = run(["./retake", word, "--help"], place)
    if help_text.returncode != 0 or "not built" in help_text.stdout:
        wrong.append(f"{where}: {command}: the word has no help")
        return
    own = rest[:rest.index("--")] if "--" in rest else rest  # behind it stands another program's command
    for flag in (one.split("=")[0] for one in own if one.startswith("--")):
        if flag != "--help" and flag not in help_text.stdout:
            wrong.append(f"{where}: {command}: {flag} does not stand in ./retake {word} --help")
    if word in LONG or re.search(r"\b[A-Z]{2,}\b|\.\.\.|\[|\bout/|\bN\b", command) or (word in ("replay", "shrink", "report", "diagnose", "model", "sim") and not rest):
        return
    ended = run(["./retake", *words, *(["--seconds", "2"] if word in IN_SECONDS and "--seconds" not in rest else [])], place)
    ran += 1
    if ended.returncode not in (0,):
        wrong.append(f"{where}: {command}: ended with {ended.returncode}: {(ended.stdout + ended.stderr).strip()[-300:]}")


def main():
    with tempfile.TemporaryDirectory() as place:
        launcher(place)
        for document in documents(ROOT, sys.argv[3:]):
            text, name = open(document).read(), os.path.relpath(document, ROOT)
            for command in commands(text):
                if command not in seen:
                    seen.add(command)
                    check(command, name, place)
            for fence in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
                parsed = subprocess.run(["bash", "-n"], input=fence, capture_output=True, text=True)
                if parsed.returncode != 0:
                    wrong.append(f"{name}: a shell fence does not parse: {parsed.stderr.strip()}")
            for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", re.sub(r"`[^`]*`", "", text)):
                if "://" not in link and not os.path.exists(os.path.join(os.path.dirname(document), link)):
                    wrong.append(f"{name}: the link {link} leads nowhere")
    if len(sys.argv) == 3 and (len(seen) < 20 or ran < 2):
        wrong.append(f"only {len(seen)} commands were found, {ran} of them were run")
    print("\n".join(wrong) or f"{len(seen)} commands, {ran} of them run")
    return 1 if wrong else 0


sys.exit(main())
