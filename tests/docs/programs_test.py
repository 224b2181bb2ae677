#!/usr/bin/env python3
"""programs_test.py ROOT CMAKE BUILD COMPILER GENERATOR: each program of a document does what the document says.

A program is a C++ fence with a main(); its first line is a comment with its name. The first fence of
plain text after it is what it prints. All are built against an installed retake, with the build file
of README.md (its CMake fence), in which each program takes the place of the one that stands there.
"""
import os, re, subprocess, sys, tempfile

from documents import documents

ROOT, (CMAKE, BUILD, COMPILER, GENERATOR) = os.path.realpath(sys.argv[1]), sys.argv[2:6]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
LINES_OF_THE_FIRST_PROGRAM = 20


def programs():
    for document in documents(ROOT, sys.argv[6:]):
        fences = [(found[1], found[2]) for found in FENCE.finditer(open(document).read())]
        for at, (kind, code) in enumerate(fences):
            if kind != "cpp" or "int main(" not in code:
                continue
            said = next((text for other, text in fences[at + 1:] if other == "text"), None)
            yield os.path.relpath(document, ROOT), code.split("\n")[0].removeprefix("// ").removesuffix(".cpp"), code, said


def run(*command, **how):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)
    return done.returncode, done.stdout


def main():
    readme = FENCE.findall(open(f"{ROOT}/README.md").read())
    build_file = next(text for kind, text in readme if kind == "cmake")
    first = next(code for kind, code in readme if kind == "cpp" and "int main(" in code)
    lines = len((first + build_file).strip().split("\n"))
    if lines > LINES_OF_THE_FIRST_PROGRAM + 1:  # and its name
        sys.exit(f"README.md: the first program and its build file have {lines} lines")
    all_of_them = list(programs())
    names = [name for _, name, _, _ in all_of_them]
    if not names or len(set(names)) != len(names):
        sys.exit(f"each program has a name of its own: {names}")
    faults = []
    with tempfile.TemporaryDirectory() as place:
        code, said = run(CMAKE, "--install", BUILD, "--prefix", f"{place}/prefix")
        if code != 0:
            sys.exit(said)
        head, per_program = build_file.split("add_executable", 1)
        with open(f"{place}/CMakeLists.txt", "w") as file:
            file.write(head + "".join(f"add_executable{per_program}".replace("hello", name) for name in names))
        for _, name, code, _ in all_of_them:
            open(f"{place}/{name}.cpp", "w").write(code)
        code, said = run(CMAKE, "-S", place, "-B", f"{place}/build", "-G", GENERATOR, f"-DCMAKE_PREFIX_PATH={place}/prefix",
                         f"-DCMAKE_CXX_COMPILER={COMPILER}", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
        if code == 0:
            code, said = run(CMAKE, "--build", f"{place}/build")
        if code != 0:
            sys.exit(said[-4000:])
        for document, name, _, expected in all_of_them:
            code, said = run(f"{place}/build/{name}", cwd=place, timeout=60)
            if code != 0 or said != expected:
                faults.append(f"{document}: {name} ends with {code} and prints\n{said}instead of\n{expected}")
    print("\n".join(faults) or f"{len(names)} programs do what their documents say: {' '.join(names)}")
    sys.exit(1 if faults else 0)


main()
