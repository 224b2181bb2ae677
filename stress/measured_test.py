#!/usr/bin/env python3
"""measured_test.py [FILE...]: no figure that is called measured is a constant of the program.

Looks at each figure() of a bug program, and each row() of an exercise, whose value is made of literals and constexpr names alone, also by way of one assignment to a member. What the
program chose is told by given(). Without FILE: the programs of this folder, and then three lines that must be found.
"""
import glob, os, re, sys

NAME = re.compile(r"[A-Za-z_]\w*")
CAST = re.compile(r"static_cast<[^>]*>|\b(?:std::(?:uint|int)\d+_t|double|std::max|std::min)\b")


def arguments(text, at):
    """The arguments of the call whose opening parenthesis is at `at`, and where it ends."""
    depth, quoted, begin, found = 0, False, at + 1, []
    for i in range(at, len(text)):
        c = text[i]
        if c == '"' and text[i - 1] != "\\":
            quoted = not quoted
        if quoted:
            continue
        if c in "([{":
            depth += 1
        if c in ")]}":
            depth -= 1
            if depth == 0:
                return found + [text[begin:i].strip()]
        if c == "," and depth == 1:
            found.append(text[begin:i].strip())
            begin = i + 1
    return found


def constants(text):
    return set(re.findall(r"(?:constexpr|,)\s*(?:[\w:]+\s+)*?(\w+)\s*=", "\n".join(line for line in text.splitlines() if line.lstrip().startswith("constexpr"))))


def is_constant(value, known):
    names = set(NAME.findall(CAST.sub("", re.sub(r"\d[\w']*", "", value))))
    return names <= known and "{" not in value


def objections(path, text):
    known = constants(text)
    for member, value in re.findall(r"\.(\w+) = ([^;=]+);", text):
        if is_constant(value, known) and NAME.search(CAST.sub("", value)):
            known.add("." + member)
    for call, index in (("figure", 1), ("row", 3)):
        for found in re.finditer(r"\.%s\(" % call, text):
            words = arguments(text, found.end() - 1)
            if len(words) <= index:
                continue
            value = re.sub(r"\b\w+\.(\w+)\b", lambda m: "." + m[1], words[index])
            through = set(re.findall(r"\.\w+", value)) & known
            if is_constant(words[index], known) or (through and is_constant(re.sub(r"\.\w+", "", value), known)):
                yield f"{path}:{text[:found.start()].count(chr(10)) + 1}: {words[0]} is called measured, and {words[index]} is what the program chose"


def main(files):
    here = os.path.dirname(os.path.abspath(__file__))
    failed = 0
    for path in files or sorted(glob.glob(here + "/bug[0-9]*.cpp") + glob.glob(here + "/task[0-9]*.cpp")):
        with open(path) as file:
            for line in objections(os.path.basename(path), file.read()):
                print(line)
                failed = 1
    planted = 'constexpr std::uint32_t waiters = 200, few = 4;\n'
    for line in ('s.figure("a", waiters, "calls");', 'out.row("b", "b", "", static_cast<double>(waiters), "calls");', 'seen.calls = waiters;\nout.row("c", "c", "", static_cast<double>(own.calls), "calls");'):
        if not list(objections("planted", planted + line)):
            print(f"not found: {line}")
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
