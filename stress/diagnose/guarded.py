"""guarded.py: a command of ours that ends, with everything that it started, whenever we end: by an error, by any signal, by SIGKILL.

Problem.   What is killed by SIGKILL cleans nothing up; a command's children may have sessions of their own; a tracer that is killed may leave its process stopped.
Rejected.  PR_SET_PDEATHSIG reaches the direct child alone. A process group loses whoever leaves it.
Recipe.    A guard, in a session of its own, starts the command and adopts every orphan of it (PR_SET_CHILD_SUBREAPER). Its standard input is a pipe whose other end
           Guarded has: the end of that file, which our death brings too, is its order. It then ends all that descends from it, by SIGTERM, which strace answers by
           letting go, later by SIGKILL, and continues the traced process if that is left stopped. gdb is killed at once: asked to end while it attaches, it kills
           the process that it attaches to. It has written nothing into it (breakpoints come when a process runs on), so the kernel lets go of it as it was.
"""
import ctypes, json, os, re, select, signal, subprocess, sys, tempfile, time

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PATIENCE_SECONDS, TRACER_PATIENCE_SECONDS, KILL_SECONDS, LATE_STOP_SECONDS = 3, 10, 5, 0.3
LINE_BYTES_MAX = 4096


class Guarded:
    """The command runs while this is open. `traced`: the process that it attaches to. `keep`: of standard error the last line that begins so, and nothing else, reaches `log`."""

    def __init__(self, words, traced=0, environment=None, out=subprocess.DEVNULL, log=subprocess.DEVNULL, keep=""):
        self.said, self.code, self.refused = b"", None, ""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # no guard that close() does not know
        try:
            self.status, theirs = os.pipe()
            chosen = json.dumps({"status": theirs, "traced": traced, "keep": keep})
            self.guard = subprocess.Popen([sys.executable, "-I", os.path.realpath(__file__), chosen, *words], env=environment, stdin=subprocess.PIPE, stdout=out, stderr=log,
                                          pass_fds=[theirs], start_new_session=True)
            os.close(theirs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def read_status(self, seconds):
        """One more line from the guard, if it comes in time: "began PID", "refused WHY", "ended CODE"."""
        until = time.monotonic() + seconds
        while b"\n" not in self.said:
            if not select.select([self.status], [], [], max(0, until - time.monotonic()))[0]:
                return None
            piece = os.read(self.status, 4096)
            if not piece:
                return ["ended", "without a word of its guard"]
            self.said += piece
        line, self.said = self.said.split(b"\n", 1)
        return line.decode().split(" ", 1)

    def pid(self):
        """The command's; 0: it could not be run, and `refused` says why."""
        word, self.refused = self.read_status(PATIENCE_SECONDS + KILL_SECONDS) or ["refused", "its guard does not answer"]
        return int(self.refused) if word == "began" else 0

    def wait(self, seconds):
        """Until the command ends, but no longer than this. What it ended with; None while it runs."""
        until = time.monotonic() + seconds
        while self.code is None and (status := self.read_status(max(0, until - time.monotonic()))):
            if status[0] != "began":
                self.code = status[1]
        return self.code

    def close(self):
        self.guard.stdin.close()
        try:
            self.guard.wait(TRACER_PATIENCE_SECONDS + 2 * KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self.guard.kill()
        os.close(self.status)


def descendants(of):
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", errors="replace") as file:
                children.setdefault(int(file.read().rpartition(")")[2].split()[1]), []).append(int(name))
        except (OSError, IndexError):
            pass
    found = [of]
    for one in found:
        found += children.get(one, [])
    return found[1:]


def is_stopped(pid):
    """By a signal, and traced by nobody."""
    try:
        with open(f"/proc/{pid}/status", errors="replace") as file:
            return bool(re.search(r"^State:\s+T\b(.*\n)*TracerPid:\s+0$", file.read(), re.M))
    except OSError:
        return False


def last_kept(piece, part, log, keep):
    """Reads on after `part`, the beginning of a line. Writes the last whole line that begins with `keep` over what `log` held."""
    *lines, part = (part + piece).split(b"\n")
    kept = [line for line in lines if line.startswith(keep)]
    if kept:
        os.ftruncate(log, 0)
        os.pwrite(log, kept[-1][:LINE_BYTES_MAX], 0)
    return part[:LINE_BYTES_MAX]


def continue_stopped(pid):
    """A tracer that was killed between two of its steps leaves a stop that is still to come."""
    until = time.monotonic() + LATE_STOP_SECONDS
    while time.monotonic() < until:
        if is_stopped(pid):
            return os.kill(pid, signal.SIGCONT)
        time.sleep(0.02)


def guard(status, traced, keep, words):
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in ENDING:
        signal.signal(number, lambda *_: None)  # not ignored: that would be inherited
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    stopped_before = is_stopped(traced)
    try:
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE if keep else None, start_new_session=True)
    except (OSError, ValueError) as e:
        return os.write(status, f"refused {getattr(e, 'strerror', e)}\n".encode(errors="replace"))
    os.write(status, f"began {child.pid}\n".encode())

    def reap():
        """False: there are no children any more."""
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == child.pid:
                    child.returncode = os.waitstatus_to_exitcode(ended[1])
                    os.write(status, f"ended {child.returncode}\n".encode())
            return True
        except ChildProcessError:
            return False
        except BrokenPipeError:  # we are gone, and the pipe of orders says so too
            return True

    part, sources = b"", [sys.stdin.fileno(), *([child.stderr.fileno()] if keep else [])]
    while reap() or len(sources) > 1:
        ready = select.select(sources, [], [], 0.02)[0]
        if sources[0] in ready:
            break
        if ready:
            piece = os.read(ready[0], 65536)
            part = last_kept(piece, part, sys.stderr.fileno(), keep.encode())
            if not piece:
                sources.pop()
    asked = () if words[0] == "gdb" else ((signal.SIGTERM, TRACER_PATIENCE_SECONDS if traced else PATIENCE_SECONDS),)
    ended_by_us = bool(descendants(os.getpid()))
    for how, seconds in (*asked, (signal.SIGKILL, KILL_SECONDS)):
        until, told = time.monotonic() + seconds, set()
        while reap() and time.monotonic() < until:
            for pid in descendants(os.getpid()):
                if pid not in told or how == signal.SIGKILL:
                    told.add(pid)
                    try:
                        os.kill(pid, how)
                    except OSError:
                        pass
            time.sleep(0.02)
    if traced and ended_by_us and not stopped_before:
        continue_stopped(traced)


if __name__ == "__main__":
    guard(**json.loads(sys.argv[1]), words=sys.argv[2:])
