#!/usr/bin/env python3
"""core_test.py BUG01: diagnose of core files: the buggy variant's gets its pattern and its call site, the fixed one's none; what is no core file, or not with its program, is refused in one line.

Method: each variant is held, and ended by SIGSEGV. Where core files go elsewhere on this machine the test is skipped (77).
"""
import os, re, resource, shutil, signal, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.realpath(__file__))
HELD_SECONDS, PATIENCE_SECONDS = 60, 40
wrong = []


def look(*words):
    seen = subprocess.run([f"{HERE}/diagnose.py", *words], capture_output=True, text=True, timeout=120)
    return seen.returncode, seen.stdout, seen.stderr


def refused(code, text, *words):
    seen = look(*words)
    if seen[0] != code or seen[1] or len(seen[2].splitlines()) != 1 or text not in seen[2]:
        wrong.append(f"{words}: not code {code} and a line with \"{text}\": {seen}")


def kernel_writes_here():
    """A whole one, into the working folder."""
    with open("/proc/sys/kernel/core_pattern") as file:
        return file.read().startswith("core") and resource.getrlimit(resource.RLIMIT_CORE)[1] == resource.RLIM_INFINITY


def threads_of(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def core_of(program, variant, place, ready):
    """The core file of the held variant."""
    os.mkdir(f"{place}/{variant}")
    with open(f"{place}/{variant}/said", "w+") as said:
        child = subprocess.Popen([program, "--variant", variant, "--hold", str(HELD_SECONDS)], cwd=f"{place}/{variant}", stdout=said, stderr=said, start_new_session=True,
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))
        try:
            until, held = time.monotonic() + PATIENCE_SECONDS, None
            while time.monotonic() < until:
                said.seek(0)
                held = held or re.search(r"process (\d+) holds", said.read())
                if held and ready(threads_of(held[1])):
                    break
                time.sleep(0.1)
            os.kill(int(held[1]), signal.SIGSEGV)
            child.wait(PATIENCE_SECONDS)
        finally:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()
    return next(f"{place}/{variant}/{name}" for name in os.listdir(f"{place}/{variant}") if name.startswith("core"))


def main():
    if not shutil.which("gdb") or not kernel_writes_here():
        print("gdb is not installed, or core files go elsewhere on this machine, or nowhere")
        return 77
    with tempfile.TemporaryDirectory() as place:
        program = shutil.copy(sys.argv[1], f"{place}/program")
        buggy, fixed = core_of(program, "buggy", place, lambda threads: threads >= 300), core_of(program, "fixed", place, lambda threads: threads >= 4)
        code, out, errors = look(buggy)
        for text in ("pattern 1: ", "goroutines: ", " of them in (anonymous namespace)::answer_unbounded", "ended by signal 11"):
            if code != 1 or text not in out or errors:
                wrong.append(f"of the buggy variant's core file, \"{text}\" is not said: {code} {out}{errors}")
        code, out, errors = look("--json", fixed)
        if code != 0 or '"pattern": null' not in out or errors:
            wrong.append(f"of the fixed variant's core file: {code} {out}{errors}")
        refused(2, "no such file", f"{place}/nothing")
        refused(2, "is no core file", place)
        refused(2, "is no core file", program)
        refused(2, "is no core file", f"{place}/buggy/said")
        refused(2, "--program is of a core file", "--program", program, str(os.getpid()))
        refused(2, "is not the program that wrote", "--program", sys.executable, buggy)
        refused(2, "No such file", "--program", f"{place}/nothing", buggy)
        refused(2, "one PID, one CORE", buggy, fixed)
        with open(buggy, "rb") as whole, open(f"{place}/short", "wb") as short, open(f"{place}/shorter", "wb") as shorter:
            short.write(whole.read(1 << 20))
            whole.seek(0)
            shorter.write(whole.read(1000))
        refused(3, "is cut short", f"{place}/short")
        refused(3, "is cut short", f"{place}/shorter")
        os.rename(program, f"{place}/elsewhere")
        refused(3, "--program FILE says where else it is", buggy)
        if look("--program", f"{place}/elsewhere", buggy)[0] != 1:
            wrong.append("its program, which is elsewhere now, is not taken")
        shutil.copy(os.path.realpath(sys.executable), program)
        refused(3, "but a later build of it", buggy)
    print("\n".join(wrong) or "as it should be")
    return 1 if wrong else 0


sys.exit(main())
