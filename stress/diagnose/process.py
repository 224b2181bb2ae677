"""process.py: what the kernel knows of a process: threads, memory, limits, quota, and whether it is still there."""
import contextlib, os, re
from dataclasses import dataclass, field


READ_CHARACTERS_MAX = 64 << 20


class Unavailable(Exception):
    """Something of the process, or of the machine, without which there is no answer: code 3, and the text is its line."""


def read(path):
    try:
        with open(path, errors="replace") as file:
            return file.read(READ_CHARACTERS_MAX)
    except OSError:
        return ""


@dataclass
class Snapshot:
    threads: int = 0
    memory_kb: int = 0
    descriptors: int = 0
    lookups: int = 0         # UDP sockets that are connected to port 53
    unprobed: int = 0        # TCP connections that are established, and whose peer is neither probed nor owed anything
    pids_used: int = 0       # of the limit that is nearest
    pids_limit: int = 0      # 0: none
    pids_where: str = ""
    quota: float = 0         # CPUs; 0: none
    periods: int = 0         # of the quota
    throttled: int = 0       # of them


class Process:
    def __init__(self, pid):
        self.pid = pid
        self.began = self.when_it_began()

    def file(self, name):
        return read(f"/proc/{self.pid}/{name}")

    def when_it_began(self):
        """Tells it from a later process of the same number; None when there is none, or nothing is left of it but its exit status."""
        state = self.file("status")
        if not state or re.search(r"^State:\s+[ZX](.*\n)*Threads:\s+1$", state, re.M):
            return None
        fields = self.file("stat").rpartition(")")[2].split()
        return fields[19] if len(fields) > 19 else None

    def has_ended(self):
        return self.began is None or self.when_it_began() != self.began

    def command(self):
        return os.path.basename(self.file("cmdline").split("\0")[0]) or str(self.pid)

    def status(self, name):
        found = re.search(rf"^{name}:\s+(\d+)", self.file("status"), re.M)
        return int(found[1]) if found else 0

    def snapshot(self):
        s = Snapshot(threads=self.status("Threads"), memory_kb=self.status("VmRSS"))
        files = self.files()
        s.descriptors, open_files = len(files), set(files)
        asked = re.findall(r"^ *\d+: \S+ \S+:0035 (?:\S+ +){6}(\d+)", self.file("net/udp") + self.file("net/udp6"), re.M)
        s.lookups = sum(f"socket:[{inode}]" in open_files for inode in asked)
        idle = re.findall(r"^ *\d+: \S+ \S+ 01 \S+ 00:\S+ \S+ +\S+ +\S+ (\d+)", self.file("net/tcp") + self.file("net/tcp6"), re.M)
        s.unprobed = sum(f"socket:[{inode}]" in open_files for inode in idle)
        self.read_cgroups(s)
        self.read_user_limit(s)
        return s

    def files(self):
        """What its descriptors lead to."""
        found = []
        try:
            for name in os.listdir(f"/proc/{self.pid}/fd"):
                with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                    found.append(os.readlink(f"/proc/{self.pid}/fd/{name}"))
        except OSError:
            pass
        return found

    def cgroups(self):
        """Its own and those above, of each hierarchy."""
        for line in self.file("cgroup").splitlines():
            _, controllers, path = line.split(":", 2)
            for mount in ([f"/sys/fs/cgroup/{c}" for c in controllers.split(",")] if controllers else ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]):
                at = path
                while at not in ("", "/"):
                    yield mount + at
                    at = os.path.dirname(at)

    def read_cgroups(self, s):
        for folder in self.cgroups():
            limit, used = read(f"{folder}/pids.max").strip(), read(f"{folder}/pids.current").strip()
            if limit.isdigit() and used.isdigit():
                self.nearest(s, int(used), int(limit), f"{folder}/pids.max")
            quota, period = (read(f"{folder}/cpu.max").split() + ["", ""])[:2]
            if not quota:
                quota, period = read(f"{folder}/cpu.cfs_quota_us").strip(), read(f"{folder}/cpu.cfs_period_us").strip()
            if quota.isdigit() and period.isdigit() and int(period) > 0 and (s.quota == 0 or int(quota) / int(period) < s.quota):
                s.quota = int(quota) / int(period)
                counts = dict(re.findall(r"^(nr_\w+) (\d+)", read(f"{folder}/cpu.stat"), re.M))
                s.periods, s.throttled = int(counts.get("nr_periods", 0)), int(counts.get("nr_throttled", 0))

    def read_user_limit(self, s):
        """RLIMIT_NPROC counts the threads of a user, and does not bind root."""
        found = re.search(r"^Max processes\s+(\d+)", self.file("limits"), re.M)
        user = self.status("Uid")
        if not found or user == 0:
            return
        used = 0
        for name in os.listdir("/proc"):
            if name.isdigit() and Process(name).status("Uid") == user:
                used += Process(name).status("Threads")
        self.nearest(s, used, int(found[1]), "RLIMIT_NPROC")

    @staticmethod
    def nearest(s, used, limit, where):
        if limit > 0 and (s.pids_limit == 0 or used / limit > s.pids_used / s.pids_limit):
            s.pids_used, s.pids_limit, s.pids_where = used, limit, where
