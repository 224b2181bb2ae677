#!/usr/bin/env python3
"""snippets_test.py ROOT COMPILER [FILE...]: each C++ fence of each *.md compiles against the public headers.

Method: all of them in one file, each in a namespace of its own, in a function unless it defines one; what a reader has around them is in surroundings.cpp. A complaint names the document's line.
FILE: these documents alone; the test of this test puts a broken one here.
"""
import os, re, subprocess, sys, tempfile

from documents import documents

ROOT, COMPILER = os.path.realpath(sys.argv[1]), sys.argv[2]
HERE = os.path.dirname(os.path.realpath(__file__))
DEFINES_A_FUNCTION = re.compile(r"^(?!for\b|if\b|while\b|go\()[\w:<>,\s&*]+\s[\w:]+\([^;]*\) \{", re.M)


def snippets(document):
    text = open(document).read()
    for found in re.finditer(r"^```(?:cpp|c\+\+)\n(.*?)^```", text, re.M | re.S):
        yield text.count("\n", 0, found.start(1)) + 1, found[1]


def main():
    parts = [open(f"{HERE}/surroundings.cpp").read()]
    for document in documents(ROOT, sys.argv[3:]):
        for line, code in snippets(document):
            if "int main(" in code:  # programs_test.py runs it
                continue
            open_function, close_function = ("", "") if DEFINES_A_FUNCTION.search(code) else ("void in_a_function() {", "}")
            parts.append(f'namespace snippet_{len(parts)} {{\nusing namespace surroundings;\nusing retake::syscall;\n{open_function}\n#line {line} "{os.path.relpath(document, ROOT)}"\n{code}{close_function}\n}}')
    if len(parts) == 1:
        print("no snippet was found")
        return 1
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as file:
        file.write("\n".join(parts) + "\n")
        file.flush()
        said = subprocess.run([COMPILER, "-std=c++20", "-fsyntax-only", "-Wall", "-Werror", "-Wno-unused-variable", "-Wno-unused-but-set-variable", f"-I{ROOT}/runtime/include", f"-I{ROOT}/runtime", f"-I{ROOT}/runtime/world/os", file.name], capture_output=True, text=True)
    print(said.stderr.strip()[:4000] or f"{len(parts) - 1} snippets compile")
    return 1 if said.returncode != 0 else 0


sys.exit(main())
