#!/usr/bin/env python3
"""diagnose_safety_test.py [--slow]: what diagnose does when the process that it looks at answers nonsense, lies, or ends, and when it is ended itself.

Method: the process is a `sleep` whose RETAKE_DEBUG names an endpoint that this test serves. gdb and strace are on the PATH where a case is about them. What is left of a
run is found by a mark in its environment. --slow: an answer that never ends, a byte at a time: it takes as long as an answer may.
"""
import json, os, shutil, signal, socket, subprocess, sys, tempfile, threading, time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

HERE = os.path.dirname(os.path.realpath(__file__))
METRICS = b"# HELP\nretake_processors 2\nretake_goroutines 1\n"
THREADCREATE, GOROUTINES = b"threadcreate profile: total 0\n", b"goroutine 1 [running]:\nmain.main()\n\tmain.cpp:3\n"
HOSTILE = "\x1b]0;owned\x07\x1b[31m\u202egnp.exe\x9b\u2066"
TERMINAL_TOOLS = {"PATH": os.environ["PATH"]}
PATIENCE_SECONDS = 30
ENDLESS_BYTES = 64 << 20
wrong = []


def http(body, head=b"HTTP/1.1 200 OK\r\n"):
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Server:
    """Answers each request for a path with the bytes, or the pieces, that `answers` has for it."""

    def __init__(self, metrics=http(METRICS), threadcreate=http(THREADCREATE), goroutines=http(GOROUTINES), before=lambda path: None):
        self.answers, self.before, self.asked = {"metrics": metrics, "threadcreate": threadcreate, "goroutine": goroutines}, before, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        with connection:
            path = connection.recv(4096).split(b" ")[1:2]
            self.asked.append(path)
            self.before(b"".join(path).decode())
            answer = next((a for name, a in self.answers.items() if path and name.encode() in path[0]), b"")
            try:
                for piece in [answer] if isinstance(answer, bytes) else answer():
                    connection.sendall(piece)
            except OSError:
                pass


@contextmanager
def target(named, name="sleep"):
    process = subprocess.Popen([name, "300"], executable="/bin/sleep", env={"RETAKE_DEBUG": f"schedtrace=9,pprof={named}"})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def begin(words, environment=None, script=f"{HERE}/diagnose.py", out=subprocess.PIPE):
    environment = {"PATH": "/nonexistent", "PYTHONUTF8": "1", **(environment or {})}
    return subprocess.Popen([sys.executable, script, *words], env=environment, stdout=out, stderr=subprocess.PIPE, text=True)


def look(words, environment=None, **how):
    """(code, standard output, standard error)"""
    run = begin(words, environment, **how)
    out, errors = run.communicate(timeout=120)
    return run.returncode, out or "", errors


def expect(name, holds, seen):
    if not holds:
        wrong.append(f"{name}: {seen}")


def expect_line(name, seen, code, text=""):
    """This code, nothing on standard output, one line on standard error that has the text."""
    expect(name, seen[0] == code and not seen[1] and len(seen[2].splitlines()) == 1 and text in seen[2] and "Traceback" not in seen[2], seen)


def endless(piece, pause=0.0):
    def pieces():
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        for _ in range(ENDLESS_BYTES // len(piece)):  # as good as endless, and no danger to the machine when nothing stops it
            yield piece
            time.sleep(pause)
    return pieces


def garbled(name, **answers):
    server = Server(**answers)
    with target(f"127.0.0.1:{server.port}") as process:
        expect_line(f"garbled: {name}", look(["--no-strace", "--seconds", "1", str(process.pid)]), 3, "cannot be looked at")


def redirected():
    other = Server()
    server = Server(metrics=b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/metrics\r\nContent-Length: 0\r\n\r\n" % other.port)
    with target(f"127.0.0.1:{server.port}") as process:
        expect_line("redirect", look(["--no-strace", "--seconds", "1", str(process.pid)]), 3, "cannot be looked at")
    expect("redirect", server.asked and not other.asked, "it was followed")


def proxied():
    proxy, server = Server(), Server()
    place = f"http://127.0.0.1:{proxy.port}"
    with target(f"127.0.0.1:{server.port}") as process:
        seen = look(["--no-strace", "--seconds", "1", str(process.pid)], {"http_proxy": place, "HTTP_PROXY": place, "ALL_PROXY": place})
    expect("proxy", seen[0] == 0 and server.asked and not proxy.asked, seen)


def elsewhere(host):
    server = Server()
    with target(f"{host}:{server.port}") as process:
        expect_line(f"address {host}", look(["--no-strace", "--seconds", "1", str(process.pid)]), 3, "no address of the loopback")
    expect(f"address {host}", not server.asked, "it was asked")


def says_what_a_terminal_obeys(words):
    text = HOSTILE.encode()
    server = Server(metrics=http(METRICS + b'retake_threads_waiting_locked{place="' + text + b'"} 7\n'), threadcreate=http(THREADCREATE + b"90 created, 90 live @\n#\t" + text + b"\tx.cpp:1\n"),
                    goroutines=http(b"goroutine 1 [" + text + b"]:\n" + text + b"\n"))
    with target(f"127.0.0.1:{server.port}", f"{HOSTILE}\nsleep") as process:
        code, out, errors = look(["--no-strace", "--seconds", "1", *words, str(process.pid)])

    def texts(value):
        if isinstance(value, (dict, list)):
            for one in [*value, *(value.values() if isinstance(value, dict) else [])]:
                yield from texts(one)
        else:
            yield str(value)

    lines = [*texts(json.loads(out))] if words else out.splitlines()
    expect(f"sanitised {words}", code in (0, 1) and any("owned" in line for line in lines), (code, out, errors))
    expect(f"sanitised {words}", all(line.isprintable() for line in [*lines, *out.split("\n"), *errors.split("\n")]), ascii(out + errors))


def ends_meanwhile(at):
    def end(path):
        if at in path:
            process.kill()
            process.wait()

    server = Server(before=end)
    with target(f"127.0.0.1:{server.port}") as process:
        expect_line(f"ended at {at}", look(["--no-strace", "--seconds", "1", str(process.pid)]), 3, "it ended meanwhile")


def ends_while_traced():
    server = Server()
    with target(f"127.0.0.1:{server.port}") as process:
        run = begin(["--json", "--seconds", "1", str(process.pid)], TERMINAL_TOOLS)
        wait_until(lambda: tracer_of(process.pid))
        process.kill()
        process.wait()
        out, errors = run.communicate(timeout=60)
        expect_line("ended while traced", (run.returncode, out, errors), 3, "it ended meanwhile")


def ends_by_itself():
    expect_line("a command that ends", look(["--no-strace", "--seconds", "1", "--", "/bin/sleep", "1.5"]), 3, "it ended meanwhile")


def at_fault(place):
    shutil.copytree(HERE, f"{place}/stress/diagnose")  # without the README that has the names of the patterns
    server = Server()
    with target(f"127.0.0.1:{server.port}") as process:
        expect_line("its own fault", look(["--no-strace", "--seconds", "1", str(process.pid)], script=f"{place}/stress/diagnose/diagnose.py"), 4, "this program is at fault")


def cannot_write():
    server = Server()
    with target(f"127.0.0.1:{server.port}") as process, open("/dev/full", "w") as full:
        expect_line("a full disk", look(["--no-strace", "--seconds", "1", str(process.pid)], out=full), 3, "standard output")


def chatty_command(place):
    run = begin(["--no-strace", "--seconds", "1", "--", "/bin/sh", "-c", "/usr/bin/yes SCHED | /usr/bin/head -c 20000000 >&2; /bin/sleep 9"], {"TMPDIR": place})
    largest = 0
    while run.poll() is None:
        largest = max([largest, *(os.path.getsize(entry) for entry in os.scandir(place) if os.path.exists(entry))])
        time.sleep(0.05)
    expect("a chatty command", 0 < largest < 1 << 20, f"{largest} bytes of it were kept")
    run.communicate()


def status_of(pid, name):
    try:
        return next(line.split()[1] for line in open(f"/proc/{pid}/status") if line.startswith(f"{name}:"))
    except (OSError, StopIteration):
        return ""


def tracer_of(pid):
    return status_of(pid, "TracerPid") not in ("", "0")


def wait_until(holds, seconds=PATIENCE_SECONDS):
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.005)
    return holds()


def marked(mark):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if mark.encode() in file.read():
                    found.append(open(f"/proc/{name}/cmdline").read().replace("\0", " "))
        except OSError:
            pass
    return found


def ended_at(step, number):
    name = f"{number.name} at {step}"
    mark = f"DIAGNOSE_TEST={os.getpid()}-{step}-{number.name}"
    environment = {**TERMINAL_TOOLS, "DIAGNOSE_TEST": mark.partition("=")[2]}
    command = ["--", "/bin/sh", "-c", "sleep 300 & setsid sleep 300 & sleep 300"]
    server = Server()
    with target(f"127.0.0.1:{server.port}" if step == "strace" else "") as process:
        run = begin(["--seconds", "9" if step == "wait" else "1", *(command if step == "wait" else [str(process.pid)])], environment)
        expect(name, wait_until(lambda: len(marked(mark)) >= 5 if step == "wait" else tracer_of(process.pid)), "that step was not seen")
        run.send_signal(number)
        out, errors = run.communicate(timeout=60)
        if number == signal.SIGKILL:
            wait_until(lambda: not marked(mark))
        else:
            expect_line(name, (run.returncode, out, errors), 130, f"interrupted by {number.name}")
        left = marked(mark)
        expect(name, not left, f"left behind: {left}")
        wait_until(lambda: not tracer_of(process.pid), 2)
        expect(name, not tracer_of(process.pid) and status_of(process.pid, "State") == "S", f"the process is {status_of(process.pid, 'State')}, traced: {tracer_of(process.pid)}")


def cases(place):
    if "--slow" in sys.argv:
        return [(garbled, {"name": "a byte at a time", "metrics": endless(b"#", 0.3)})]
    answers = {"two points": http(METRICS + b"retake_threads 1.2.3\n"), "too large a number": http(METRICS + b"retake_threads 1e999\n"), "a page": http(METRICS + b"<html>\n"), "nothing": http(b""),
               "no text": http(bytes(range(128, 256))), "no HTTP": b"220 mail\r\n", "cut short": http(METRICS)[:-9], "endless": endless(b"retake_goroutines 1\n" * 4096),
               "one endless line": endless(b"9" * 65536)}
    all_cases = [(garbled, {"name": name, "metrics": answer}) for name, answer in answers.items()]
    all_cases += [(garbled, {"name": "goroutines", "goroutines": http(b"nothing of the kind")}), (garbled, {"name": "threadcreate", "threadcreate": http(b"9 created")})]
    all_cases += [(elsewhere, {"host": host}) for host in ("0.0.0.0", "localhost", "x@127.0.0.1", "127.0.0.1.example", "[::ffff:127.0.0.1]")]
    all_cases += [(redirected, {}), (proxied, {}), (says_what_a_terminal_obeys, {"words": []}), (says_what_a_terminal_obeys, {"words": ["--json"]})]
    all_cases += [(ends_meanwhile, {"at": at}) for at in ("metrics", "goroutine")] + [(ends_by_itself, {}), (at_fault, {"place": f"{place}/copy"}), (cannot_write, {})]
    os.mkdir(f"{place}/chatty")
    all_cases += [(chatty_command, {"place": f"{place}/chatty"}), (ended_at, {"step": "wait", "number": signal.SIGHUP})]
    tools = [(ended_at, {"step": "wait", "number": number}) for number in (signal.SIGTERM, signal.SIGKILL)]
    if shutil.which("strace"):
        tools += [(ends_while_traced, {})] + [(ended_at, {"step": "strace", "number": number}) for number in (signal.SIGTERM, signal.SIGKILL)]
    if shutil.which("gdb"):
        tools += [(ended_at, {"step": "gdb", "number": number}) for number in (signal.SIGINT, signal.SIGKILL)]
    return tools + all_cases


def main():
    only = [word for word in sys.argv[1:] if not word.startswith("--")]
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(40) as pool:
        began = [(case, how, pool.submit(case, **how)) for case, how in cases(place) if not only or case.__name__ in only]
        for case, how, end in began:
            if e := end.exception():
                wrong.append(f"{case.__name__} {how if case is not garbled else how['name']}: {type(e).__name__}: {e}")
    print("\n".join(wrong) or f"{len(began)} cases are as they should be")
    return 1 if wrong or not began else 0


sys.exit(main())
