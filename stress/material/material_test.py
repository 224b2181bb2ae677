#!/usr/bin/env python3
"""material_test.py ROOT BIN ways|fast|measuring [--shard i/n] [--page FILE]: what the tables of the material say of a command stands in what the command prints.

Method: the rows are grouped by their command, each of which runs once, in an empty folder, with BIN's programs for what the launcher would build. `ways` runs nothing and looks at the
rows alone: each has a command and words, or says why not; no item twice; each bug and exercise is shown by a row. `fast` runs what does not measure,
`measuring` what does, or the part i of n of it. A command that measures may have a bad minute on a busy machine: it has three tries, and what must be seen is one run that says all that the table says.
What a command lacks on this machine (exit code 3) is named, and only the words that it printed are asked for then; so is one that found the machine too noisy each time (4).
"""
import argparse, collections, glob, os, re, subprocess, sys, tempfile

MEASURES = re.compile(r"\./retake (bug|task|costs|diagnose)\b")
TRIES, SECONDS_MAX, REASON_MIN = 3, 170, 10
HERE = os.path.dirname(os.path.realpath(__file__))
Row = collections.namedtuple("Row", "line item command words reason")


def rows_of(page, wrong):
    """The rows of the tables that have the three columns; what is wrong with one goes into `wrong`."""
    rows, inside = [], False
    for number, line in enumerate(open(page), 1):
        cells = [one.replace("\\|", "|").strip() for one in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
        if len(cells) != 3 or set("".join(cells)) <= set("-"):
            inside = inside and bool(cells)
            continue
        if cells[0] == "item":
            inside = True
            continue
        if not inside:
            continue
        item, command, third = cells
        where = f"{os.path.basename(page)}:{number}"
        if command in ("none", "open"):
            rows.append(Row(where, item, None, (), third))
            if len(third) < REASON_MIN:
                wrong.append(f"{where}: {item}: {command}, and no reason")
            continue
        said, words = re.fullmatch(r"`([^`]+)`", command), re.findall(r"`([^`]+)`", third)
        if said is None or not words:
            wrong.append(f"{where}: {item}: neither a command with words, nor `none` or `open` with a reason")
            continue
        rows.append(Row(where, item, said[1], tuple(words), None))
    return rows


def program(word, rest, binaries):
    """What the launcher would run for this word."""
    if word in ("bug", "task"):
        number, *flags = rest.split(maxsplit=1)
        found = glob.glob(f"{binaries}/{word}{int(number):02}_*") if number.isdigit() else []
        return " ".join([found[0] if found else f"{word}-{number}-is-not-there", *flags])
    return {"costs": f"{binaries}/retake-costs {rest}", "sim": f"{binaries}/retake-sim sim {rest}", "diagnose": f"{ROOT}/stress/diagnose/diagnose.py {rest}",
            "list": f"{binaries}/retake-campaign list {rest}"}.get(word, f"retake-{word}-is-no-word-of-this-test")


def run(command, binaries):
    """The exit code, and all that was printed, with single spaces."""
    line = re.sub(r"\./retake (\w+) ?([^;]*)", lambda m: program(m[1], m[2], binaries), command.replace("build/dev/bin", binaries))
    with tempfile.TemporaryDirectory() as place:
        os.symlink(f"{ROOT}/runtime", f"{place}/runtime")
        for room in ("models", "stress", "tests", "properties", "fuzz", "README.md"):
            os.symlink(f"{ROOT}/{room}", f"{place}/{room}")
        try:
            ended = subprocess.run(["bash", "-c", line], cwd=place, capture_output=True, text=True, errors="replace", timeout=SECONDS_MAX, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return 124, f"no end within {SECONDS_MAX} s"
    return ended.returncode, " ".join((ended.stdout + "\n" + ended.stderr).split())


def stands_in(words, said):
    pattern = ".*?".join(re.escape(" ".join(piece.split())) for piece in words.split("..."))
    return re.search(pattern, said) is not None


def missing_words(rows, said):
    return [(row, one) for row in rows for one in row.words if not stands_in(one, said)]


def look(command, rows, binaries):
    """What is wrong with the rows of this command, as lines; and what the machine lacks."""
    tries = TRIES if MEASURES.search(command) else 1
    for left in reversed(range(tries)):
        code, said = run(command, binaries)
        missing = missing_words(rows, said)
        if code == 3:
            return [], [f"{command}: not shown whole here: " + "; ".join(sorted({row.item for row, _ in missing}) or ["nothing of the rows"])]
        if code == 0 and not missing:
            return [], []
        if code == 4 and "too noisy" in said.lower() and left == 0:
            return [], [f"{command}: too noisy a machine for its verdict, {tries} times"]
    lines = [f"{row.line}: {row.item}: `{command}` does not print `{one}`" for row, one in missing]
    return lines + ([] if code == 0 else [f"{rows[0].line}: `{command}` ended with {code}: ... {said[-400:]}"]), []


def look_at_rows(rows, wrong):
    seen = {}
    for row in rows:
        if row.item in seen:
            wrong.append(f"{row.line}: {row.item}: also in {seen[row.item]}")
        seen[row.item] = row.line
    commands = " ".join(row.command or "" for row in rows)
    for source in sorted(glob.glob(f"{ROOT}/stress/bug[0-9]*.cpp") + glob.glob(f"{ROOT}/stress/task[0-9]*.cpp")):
        kind, number = re.match(r"(bug|task)(\d+)", os.path.basename(source)).groups()
        if not re.search(rf"\./retake {kind} {int(number)}\b", commands):
            wrong.append(f"no row shows {os.path.basename(source)}")


def main():
    global ROOT
    options = argparse.ArgumentParser()
    options.add_argument("root")
    options.add_argument("bin")
    options.add_argument("how", choices=["ways", "fast", "measuring"])
    options.add_argument("--shard", default="0/1")
    options.add_argument("--page", default=f"{HERE}/README.md")
    options.add_argument("--only", default="", help="commands that have this in them")
    asked = options.parse_args()
    ROOT, binaries = os.path.realpath(asked.root), os.path.realpath(asked.bin)
    wrong, lacking = [], []
    rows = rows_of(asked.page, wrong)
    if not rows:
        wrong.append(f"{asked.page}: no row")
    if asked.how == "ways":
        look_at_rows(rows, wrong)
    by_command = collections.defaultdict(list)
    for row in rows:
        if row.command is not None and asked.only in row.command:
            by_command[row.command].append(row)
    part, parts = map(int, asked.shard.split("/"))
    slow = [one for one in by_command if MEASURES.search(one)]
    chosen = {"ways": [], "fast": [one for one in by_command if one not in slow], "measuring": slow[part::parts]}[asked.how]
    for command in chosen:
        bad, lacks = look(command, by_command[command], binaries)
        wrong += bad
        lacking += lacks
    print("\n".join(lacking + wrong))
    open_rows = sum(1 for row in rows if row.command is None)
    print(f"{len(rows)} rows, {open_rows} of them without a command; {len(by_command)} commands, {len(chosen)} of them run; {len(wrong)} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
