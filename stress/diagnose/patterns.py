"""patterns.py: the ten patterns, each a rule over what was seen, with its evidence.

A rule says yes only when the figures leave little room: a process that is merely busy has none. "Many" threads is 40, or eight for each P where that is more. Many calls at a time are
100, or twelve for each P: a bound that somebody chose is mostly below, a storm far above; and where a bound is seen, by its frames or by the goroutines that wait before the call, it
is no storm. A process that forgets is told from one that has its fill by what grows while it is looked at. Names and remedies stand in stress/README.md, which is read; which bug must match which stands there too.
"""
import math, re
from collections import Counter
from dataclasses import dataclass, field

from process import Snapshot, Unavailable

IN_CALL_STATES = ("syscall", "foreign call")
QUEUE_STATES = ("semacquire", "sync.Mutex.Lock", "sync.RWMutex.Lock", "sync.Cond.Wait", "chan send")
BOUND_FRAMES = re.compile(r"retake::(bounded|foreign_pool)\b")
QUEUED_LEAST, GROWTH_LEAST = 10, 3
FRAME_CHARACTERS_MAX, LINE_CHARACTERS_MAX = 500, 4000  # what is longer is not looked through


def names(readme):
    """{number: {name, remedy}} of the table under "### Patterns"."""
    table = {}
    with open(readme) as file:
        text = file.read()
    for line in text.partition("### Patterns")[2].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0].isdigit():
            table[int(cells[0])] = {"name": cells[1], "remedy": cells[3]}
    return table


def read_metrics(text):
    """{name: value}. A line that is none is not passed over: such an answer is another program's, or was garbled on its way."""
    metrics = {}
    for line in filter(None, text.split("\n")):
        if line.startswith("#"):
            continue
        found = re.fullmatch(r"(retake_[a-z_]+(?:\{.*\})?) (-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)", line)
        if not found or not math.isfinite(value := float(found[2])):
            raise Unavailable(f"its endpoint sends metrics that are garbled: \"{line[:60]}\"")
        metrics[found[1]] = value
    if not metrics:
        raise Unavailable("its endpoint sends no metrics")
    return metrics


@dataclass
class Site:
    created: int
    live: int
    frames: list  # "function file:line"

    def place(self):
        return next((f for f in self.frames if "/runtime/" not in f), self.frames[0] if self.frames else "?")

    def where(self):
        return re.sub(r"\s+\S*/(?=[^/]*:\d)", " at ", self.place())

    def function(self):
        return re.sub(r":\d+$", "", self.place())


def read_sites(text):
    if not text.startswith("threadcreate profile: total "):
        raise Unavailable("its endpoint sends a garbled threadcreate")
    sites = []
    for block in text.split("\n\n"):
        head = re.search(r"^(\d{1,15}) created, (\d{1,15}) live", block, re.M)
        if head:
            sites.append(Site(int(head[1]), int(head[2]), [line.lstrip("#\t")[:FRAME_CHARACTERS_MAX] for line in block.splitlines() if line.startswith("#")]))
    return sites


@dataclass
class Facts:
    command: str = ""
    began: Snapshot = field(default_factory=Snapshot)
    ended: Snapshot = field(default_factory=Snapshot)
    samples: list = field(default_factory=list)  # metrics, one after the other
    sites: list = field(default_factory=list)
    threads: str = ""  # backtraces, when gdb was asked
    silent: bool = False  # its endpoint takes connections, and does not answer in time
    goroutines: list = field(default_factory=list)  # (state, stack)

    def read_goroutines(self, dump):
        heads = [*re.finditer(r"^goroutine \d+ \[([^\]\n]*)\]:?", dump, re.M)]
        ends = [*(head.start() for head in heads[1:]), len(dump)]
        self.goroutines = [(head[1].removeprefix("waiting, "), dump[head.end():end]) for head, end in zip(heads, ends)]  # gdb says both
        if dump and not heads:
            raise Unavailable("its endpoint sends garbled goroutines")

    def metrics_later(self):
        return self.samples[-1] if self.samples else {}

    def value(self, name):
        return self.metrics_later().get(name, 0)

    def all_of(self, prefix):
        return sum(v for k, v in self.metrics_later().items() if k.startswith(prefix))

    def over_time(self, prefix):
        return [sum(v for k, v in sample.items() if k.startswith(prefix)) for sample in self.samples]

    def processors(self):
        import os
        return int(self.value("retake_processors")) or os.cpu_count() or 1

    def goroutine_count(self):
        return int(self.value("retake_goroutines")) or len(self.goroutines)

    def many(self):
        return max(40, 8 * self.processors())

    def many_calls(self):
        return max(100, 12 * self.processors())

    def growth(self, name):
        """Of a counter, while the process was looked at."""
        values = self.over_time(name)
        return values[-1] - values[0] if values else 0

    def bound_of_calls(self, function):
        """What bounds the calls of the function, in words; "" where nothing is seen to."""
        calls = [text for state, text in self.goroutines if state.startswith(IN_CALL_STATES)]
        if calls and 2 * sum(bool(BOUND_FRAMES.search(text)) for text in calls) >= len(calls):
            return "they go through a bound"
        name = re.sub(r"\s+\S+$", "", function)
        queued = sum(state.startswith(QUEUE_STATES) and name in text for state, text in self.goroutines) if name else 0
        return f"{queued} goroutines wait for their turn" if queued >= QUEUED_LEAST else ""

    def goroutines_in_words(self):
        counts = Counter(state.split(",")[0] for state, _ in self.goroutines)
        return f"{len(self.goroutines)} goroutines: " + ", ".join(f"{n} {state}" for state, n in counts.most_common(5))

    def most_common_caller(self):
        """By gdb: where most of the goroutines in calls stand."""
        places = Counter(re.sub(r"^(?:.*? )?on M\d+ |/\S*/", "", text.strip()) for state, text in self.goroutines if state.startswith(IN_CALL_STATES))
        return [f"{n} of them in {where}" for where, n in places.most_common(1)]

    def busiest(self):
        """(function, threads alive that its calls made necessary, the lines), of the function with the most of them."""
        functions = {}
        for site in self.sites:
            functions.setdefault(site.function(), []).append(site)
        if not functions:
            return "", 0, ""
        name, sites = max(functions.items(), key=lambda one: sum(site.live for site in one[1]))
        return name, sum(site.live for site in sites), ", ".join(dict.fromkeys(site.where() for site in sorted(sites, key=lambda x: -x.live)))

    def charged(self):
        _, live, where = self.busiest()
        return [f"threadcreate charges {live} threads that live to {where}"] if live else []

    def figures(self):
        """What the rules go by, for who wants to know why none matches."""
        words = ("thread", "goroutines", "queue", "processors", "locked", "signal", "wall_clock")
        shown = {k: v for k, v in self.metrics_later().items() if v != 0 and any(word in k for word in words)}
        kernels = {"threads": self.ended.threads, "sockets_to_port_53": self.ended.lookups, "quota": self.ended.quota, "periods": self.ended.periods - self.began.periods,
                   "throttled": self.ended.throttled - self.began.throttled}
        return {**shown, **{k: v for k, v in kernels.items() if v != 0}}


def limit_of_threads(f):  # 10
    s = f.ended
    if s.pids_limit and s.threads >= 10 and s.pids_used >= 0.8 * s.pids_limit:
        evidence = [f"{s.pids_used} of {s.pids_limit} allowed by {s.pids_where}; {s.threads} threads are this process's"]
        return evidence + f.charged()
    return None


def locks_without_unlock(f):  # 7
    ended, made = f.all_of("retake_ended_locked_total"), f.value("retake_thread_create_total")
    if ended >= 10 and ended >= made / 2:
        place = max((k for k in f.metrics_later() if k.startswith("retake_ended_locked_total")), key=lambda k: f.metrics_later()[k])
        return [f"{ended:.0f} goroutines ended while locked to their thread, {made:.0f} threads were made", place]
    waiting = int(f.value("retake_threads_waiting_locked"))
    if not f.samples:
        waiting = sum("locked to M" in text and not state.startswith(("running", *IN_CALL_STATES)) for state, text in f.goroutines)
    more = f.ended.threads - f.began.threads  # a pool has all of its threads
    if waiting >= f.many() and waiting >= f.ended.threads / 2 and more >= GROWTH_LEAST:
        return [f"{waiting} of {f.ended.threads} threads sleep until the goroutine that is locked to them can run; {more} more than before"] + f.charged()
    return None


def faults_in_workers(f):  # 8
    lost = [s for s in f.sites if s.created >= 20 and s.live <= s.created / 5 and "the runtime itself" not in s.where()]
    created, ended_locked = sum(s.created for s in lost), f.all_of("retake_ended_locked_total")
    if lost and created > 2 * ended_locked and f.value("retake_thread_create_total") >= 5 * f.ended.threads:
        return [f"{created} threads were made for {lost[0].where()}, {sum(s.live for s in lost)} are left", f"{ended_locked:.0f} goroutines ended locked: it is not that"]
    return None


def resolver(f):  # 4
    in_calls = [text for state, text in f.goroutines if state.startswith(IN_CALL_STATES)]  # c-ares over the poller is in "IO wait" at the same place
    held = [text for text in in_calls if re.search(r"retake::resolver::|getaddrinfo|gethostby|getnameinfo", text)]
    sockets = [f"{f.ended.lookups} UDP sockets are connected to port 53"] if f.ended.lookups else []
    if len(held) >= f.many() / 2:
        return [f"{len(held)} goroutines are in calls of the system's resolver, each on a thread of its own"] + sockets + f.charged()
    if len(in_calls) >= f.many() / 2 and f.ended.lookups >= 0.75 * len(in_calls):
        return sockets + [f"{len(in_calls)} goroutines are in calls, each on a thread of its own"] + f.charged()
    sample = [text for text in re.split(r"\n(?=Thread \d)", f.threads) if text.strip()]
    held = sum("getaddrinfo" in text for text in sample)
    if f.ended.threads >= f.many() and held >= len(sample) / 2 > 0:
        return [f"{f.ended.threads} threads; of the {len(sample)} that gdb looked at, {held} are in getaddrinfo"]
    return None


def threads_climb(f):  # 1
    function, live, _ = f.busiest()
    if live >= f.many_calls() and live >= f.ended.threads / 2 and function != "the runtime itself" and not f.bound_of_calls(function):
        return [f"{f.ended.threads} threads on {f.processors()} Ps (before: {f.began.threads})"] + f.charged()
    held = sum(state.startswith(IN_CALL_STATES) for state, _ in f.goroutines)
    if not f.samples and held >= f.many_calls() and held >= f.ended.threads / 2 and not f.bound_of_calls(""):
        return [f"{f.ended.threads} threads (before: {f.began.threads}), {held} of them in goroutines' calls"] + f.most_common_caller()
    return None


def beyond_quota(f):  # 6
    s, ps = f.ended, int(f.value("retake_processors"))
    periods, throttled = s.periods - f.began.periods, s.throttled - f.began.throttled
    rule = max(2, math.ceil(s.quota))  # the runtime's own choice: what rounding up leaves over is throttled, and nothing is to be repaired
    if s.quota and ps > rule and periods >= 5 and throttled >= 0.4 * periods:
        return [f"{ps} Ps, a quota of {s.quota:g} CPUs, which {rule} can use", f"{throttled} of {periods} periods were throttled while it was looked at"]
    return None


def wall_clock(f):  # 9
    ahead, looks = f.over_time("retake_wall_clock_ahead_ns"), f.over_time("retake_wall_clock_read_total")
    moved_ms, looked = (max(ahead, default=0) - min(ahead, default=0)) / 1e6, looks[-1] - looks[0] if looks else 0
    if moved_ms >= 100 and looked >= 20:  # what is less ntpd slews
        return [f"the date was set while it was looked at: {moved_ms:.0f} ms against the monotonic clock",
                f"goroutines asked wall_now() for it {looked:.0f} times meanwhile: intervals and timeouts that are made of it are as wrong"]
    return None


def signal_waits(f):  # 3
    times, waited = [0, *f.over_time("retake_signal_told_total")], [0, *f.over_time("retake_signal_wait_ns_total")]
    late_ms = max(((waited[i] - waited[i - 1]) / (times[i] - times[i - 1]) / 1e6 for i in range(1, len(times)) if times[i] > times[i - 1]), default=0)
    if late_ms >= 200:
        queued = max(f.over_time("retake_run_queue"))
        return [f"signals were told to their receivers {late_ms:.0f} ms after they had come, by {f.processors()} Ps",
                f"{f.ended.threads} threads, and up to {queued:.0f} runnable goroutines when it answered, which it does between the crowds"]
    return None


def connections_hang(f):  # 5
    def seconds(state):
        found = re.search(r"(\d{1,9}(?:\.\d{1,9})?) ?(ms|s|minutes?|m|h)\b", state)
        return float(found[1]) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}["ms" if found[2] == "ms" else found[2][0]] if found else 0

    waits = [text for state, text in f.goroutines if state.startswith("IO wait") and seconds(state) >= 3 and re.search(r"\bread", text) and "accept" not in text]
    if min(len(waits), f.ended.unprobed) >= f.many() and f.ended.threads < f.many():
        return [f"{len(waits)} goroutines have waited for bytes for 3 s and longer, on {f.ended.threads} threads",
                f"{f.ended.unprobed} connections are established and no probe of their peers is under way"]
    return None


def place_of_stack(text):
    """The innermost function that is not the library's."""
    functions = [line for line in text.strip().split("\n") if line and not line.startswith("\t")]
    return next((name for name in functions if "retake::" not in name), (functions or [""])[0])[:FRAME_CHARACTERS_MAX]


def no_backpressure(f):  # 2
    queued, arrived = f.over_time("retake_run_queue"), f.growth("retake_goroutines_created_total")
    standing, crowd = min(queued, default=0), 25 * f.many()
    runnable = sum(state.startswith("runnable") for state, _ in f.goroutines)
    if f.silent and runnable >= crowd and f.ended.threads < f.many():
        return [f"{runnable} goroutines are runnable, on {f.processors()} Ps; its endpoint, which waits for its turn among them, did not answer in time"]
    # What was there at every look does not drain; that others come meanwhile tells it from a batch,
    # or from goroutines that take turns.
    if standing >= crowd and arrived >= standing / 20 and f.ended.threads < f.many():
        return [f"at each of {len(queued)} looks {standing:.0f} goroutines and more were runnable, on {f.processors()} Ps; {arrived:.0f} have come meanwhile"]
    places = Counter((state.split(",")[0], place_of_stack(text)) for state, text in f.goroutines if state.startswith(QUEUE_STATES))
    for (state, place), waiting in places.most_common(1):
        if waiting >= crowd and arrived >= waiting / 20 and f.ended.threads < f.many():
            return [f"{waiting} goroutines are in {state} at one place; {arrived:.0f} have come while it was looked at", place]
    return None


# The narrower first: a limit that is hit, a lock that is forgotten, a resolver and a crowd that a signal waits behind are all seen as threads that climb.
RULES = [(10, limit_of_threads), (7, locks_without_unlock), (8, faults_in_workers), (4, resolver), (3, signal_waits), (1, threads_climb), (6, beyond_quota), (9, wall_clock),
         (5, connections_hang), (2, no_backpressure)]


SEEN_AS_THREADS_THAT_CLIMB = {10, 7, 4, 3}  # the same threads are not told twice


def match(facts):
    """[(number, evidence)], the name first."""
    found = [(number, evidence) for number, rule in RULES if (evidence := rule(facts))]
    explained = any(number in SEEN_AS_THREADS_THAT_CLIMB for number, _ in found)
    return [(number, evidence) for number, evidence in found if not (number == 1 and explained)]
