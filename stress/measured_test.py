#!/usr/bin/env python3
"""measured_test.py [FILE...]: no figure that is called measured is a constant of the program, and no answer of an exercise says more than its run.

Looks at each figure() of a bug program, and each row() of an exercise, whose value is made of literals and constexpr names alone, also by way of one assignment to a member. What the
program chose is told by given(). Of an answer() it looks at each sentence: one without a figure of the run is an explanation, and stands in the argument that is shown as one.
Without FILE: the programs of this folder. Then each of their measured values is replaced by a constant of its program, one at a time, which must be found; and so must some planted lines.
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


LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
CALLS = ((r"\.figure\(", 1), (r"\.row\(", 3), (r"\btell\(", 1))  # the last: a program's own way to figure()
QUANTITIES_LEAST = 150


def values(text):
    """(where it begins, where it ends, the call's first argument) of each measured value."""
    for call, index in CALLS:
        for found in re.finditer(call, text):
            words = arguments(text, found.end() - 1)
            if words is None or len(words) <= index or not (words[0].startswith(('"', "fmt::format("))):
                continue
            at = found.end()
            for word in words[:index]:
                at = text.index(word, at) + len(word)
            at = text.index(words[index], at)
            yield at, at + len(words[index]), words[0]


def unmeasured_sentences(text):
    """(where, the sentence) of the answers' sentences that have no figure of the run."""
    for found in re.finditer(r"\.answer\(", text):
        words = arguments(text, found.end() - 1)
        pieces = arguments(words[1], words[1].index("(")) if len(words) > 1 and words[1].startswith("fmt::format(") else words[1:2]
        for sentence in re.split(r"(?<=[.?!]) ", "".join(LITERAL.findall(pieces[0])) if pieces else ""):
            if "{" not in sentence or len(pieces) < 2:
                yield found.start(), sentence


def objections(path, text):
    known = constants(text)
    for member, value in re.findall(r"\.(\w+) = ([^;=]+);", text):
        if is_constant(value, known) and NAME.search(CAST.sub("", value)):
            known.add("." + member)
    for begin, end, name in values(text):
        written = text[begin:end]
        value = re.sub(r"\b\w+\.(\w+)\b", lambda m: "." + m[1], written)
        through = set(re.findall(r"\.\w+", value)) & known
        if is_constant(written, known) or (through and is_constant(re.sub(r"\.\w+", "", value), known)):
            yield f"{path}:{text[:begin].count(chr(10)) + 1}: {name} is called measured, and {written} is what the program chose"
    for at, sentence in unmeasured_sentences(text):
        yield f"{path}:{text[:at].count(chr(10)) + 1}: an answer says without a figure of its run: {sentence}"


def frozen_and_not_found(path, text):
    """Of the measured values those whose replacement by a constant is not noticed; and how many there are."""
    numbers = sorted(name for name in constants(text) if re.search(rf"\b{name} = [\d']+[,;]", text))
    quantities, silent, clean = list(values(text)), [], len(list(objections(path, text)))
    for begin, end, name in quantities:
        for constant in ["42", f"static_cast<double>({numbers[0]})"] if numbers else ["42"]:
            if len(list(objections(path, text[:begin] + constant + text[end:]))) == clean:
                silent.append(f"{path}: {name} may be {constant}, and nothing says so")
    return silent, len(quantities)


def main(files):
    here = os.path.dirname(os.path.abspath(__file__))
    failed, quantities = 0, 0
    for path in files or sorted(glob.glob(here + "/bug[0-9]*.cpp") + glob.glob(here + "/task[0-9]*.cpp")):
        with open(path) as file:
            text = file.read()
        silent, found = frozen_and_not_found(os.path.basename(path), text)
        quantities += found
        for line in [*objections(os.path.basename(path), text), *silent]:
            print(line)
            failed = 1
    print(f"{quantities} measured values, each frozen twice")
    if not files and quantities < QUANTITIES_LEAST:
        print(f"fewer than {QUANTITIES_LEAST}: the search is broken")
        failed = 1
    planted = 'constexpr std::uint32_t waiters = 200, few = 4;\n'
    for line in ('s.figure("a", waiters, "calls");', 'out.row("b", "b", "", static_cast<double>(waiters), "calls");', 'seen.calls = waiters;\nout.row("c", "c", "", static_cast<double>(own.calls), "calls");',
                 'out.answer("Why?", "Because.");', 'out.answer("Why?", fmt::format("It took {} ms. It is so in Go.", seen.ms));', 'out.answer("Why?", fmt::format("It is {}."));'):
        if not list(objections("planted", planted + line)):
            print(f"not found: {line}")
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
