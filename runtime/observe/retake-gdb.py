"""retake-gdb.py: goroutines for gdb, in a live process and in a core file.

    (gdb) source retake-gdb.py
    (gdb) info goroutines
    (gdb) goroutine 7 bt          any gdb command, in that goroutine's frame
    (gdb) goroutine all bt

A goroutine that runs on a thread is shown there by gdb itself (`thread apply all bt`); one that is parked has its registers where the switch left them
(switch/saved_frame.hpp). In a live process `goroutine N COMMAND` puts those registers in, runs the command and puts the thread's own back. A core file's registers
cannot be set: there an unwinder makes the goroutine's frames follow on the selected thread's frame 0.

Records are read by the table `retake_layout` of the process (observe/layout.hpp), never by types: a released program has none.
"""
import functools
import struct

import gdb
import gdb.unwinder
from gdb.unwinder import Unwinder

LAYOUT_VERSION = 1
HEAD, TEXT_BYTES, FIELD = "=16sIIIIQ", 32, "=40sII"  # as observe/layout.hpp has them
GOROUTINES_MAX = 10_000_000  # more is a list that was torn
FRAMES_MAX = 24
INTERNAL = ("retake::detail::", "retake::sched::", "retake::floor::", "retake::world::", "retake_floor_", "retake::park_in", "retake::(anonymous namespace)::", "retake::poller", "void retake::",
            "auto retake::", "retake::syscall", "retake::foreign_call", "decltype(auto) retake::", "std::")


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def text_of(raw):
    return raw.split(b"\0", 1)[0].decode(errors="replace")


class Layout:
    """The table of the process: offsets and sizes by name, names by number."""

    def __init__(self):
        try:
            at = int(gdb.parse_and_eval("(unsigned long)&retake_layout"))
            magic, version, states, reasons, fields, self.scheduler = struct.unpack(HEAD, read(at, struct.calcsize(HEAD)))
        except gdb.error:
            raise gdb.GdbError("no retake runtime is here: the program has no symbol retake_layout (was it stripped of its symbols?)") from None
        if text_of(magic) != "retake layout" or version != LAYOUT_VERSION:
            raise gdb.GdbError(f"retake_layout is of version {version}; this script reads version {LAYOUT_VERSION}")
        at += struct.calcsize(HEAD)
        texts = [text_of(read(at + i * TEXT_BYTES, TEXT_BYTES)) for i in range(states + reasons)]
        self.states, self.reasons = texts[:states], texts[states:]
        at += (states + reasons) * TEXT_BYTES
        entries = struct.iter_unpack(FIELD, read(at, fields * struct.calcsize(FIELD)))
        self.fields = {text_of(name): (offset, size) for name, offset, size in entries}

    def value(self, record, name):
        offset, size = self.fields[name]
        return int.from_bytes(read(record + offset, size), "little")

    def values(self, at, record):
        """All fields of a record of that name, by one read: there may be a million."""
        fields = {name: place for name, place in self.fields.items() if name.startswith(f"{record}.")}
        raw = read(at, max(offset + size for offset, size in fields.values()))
        return {name.partition(".")[2]: int.from_bytes(raw[offset:offset + size], "little") for name, (offset, size) in fields.items()}


class Goroutine:
    """One record, as it was when it was read."""

    def __init__(self, layout, at, now_ns):
        self.layout, self.values = layout, layout.values(at, "goroutine")
        self.id, self.state, self.next = self.values["id"], layout.states[self.values["state"]], self.values["all_link"]
        self.reason = layout.reasons[self.values["reason"]] if self.state == "waiting" else ""
        self.m, self.locked_m = self.values["m"], self.values["locked_m"]
        self.waited_seconds = max(0, now_ns - self.values["since_ns"]) / 1e9 if self.state in ("waiting", "syscall") else 0

    def registers(self):
        """Of one that stands still, by name; None for one that runs on a thread."""
        pc_name, sp_name, fp_name = ("rip", "rsp", "rbp") if "frame.rip" in self.layout.fields else ("pc", "sp", "x29")
        frame = self.values["stack_pointer"]
        if self.state in ("waiting", "runnable") and frame != 0:
            return {**self.layout.values(frame, "frame"), sp_name: frame + self.layout.fields["frame"][1]}
        if self.state == "syscall":
            return {pc_name: self.values["call_pc"], sp_name: self.values["call_sp"], fp_name: self.values["call_fp"]}
        return None

    def in_words(self):
        state = self.state
        if state == "syscall" and self.m != 0 and self.layout.value(self.m, "machine.inside_foreign") != 0:
            state = "foreign call"
        text = f"goroutine {self.id} [{state}{', ' + self.reason if self.reason else ''}{f', {self.waited_seconds:.1f}s' if self.waited_seconds >= 1 else ''}]"
        if self.locked_m != 0:
            text += f" locked to M{self.layout.value(self.locked_m, 'machine.id')}"
        if self.m != 0:
            text += f" on M{self.layout.value(self.m, 'machine.id')}"
        registers = self.registers()
        return f"{text} {where(registers)}" if registers else text


def goroutines():
    """All that live, by id."""
    layout = Layout()
    scheduler = int.from_bytes(read(layout.scheduler, 8), "little")
    if scheduler == 0:
        raise gdb.GdbError("no retake runtime runs in it")
    now_ns, at, found = layout.value(scheduler, "scheduler.clock_ns"), layout.value(scheduler, "scheduler.goroutines"), []
    while at != 0 and len(found) < GOROUTINES_MAX:
        one = Goroutine(layout, at, now_ns)
        at = one.next
        if one.state != "dead":
            found.append(one)
    return sorted(found, key=lambda g: g.id)


@functools.lru_cache(maxsize=None)
def functions_at(pc):
    """The functions of an address, inlined ones first; of a program without debug information the symbol alone."""
    block, names = gdb.block_for_pc(pc - 1), []
    while block is not None:
        if block.function is not None:
            names.append(block.function.print_name)
        block = block.superblock
    if not names:
        symbol = gdb.execute(f"info symbol {pc - 1:#x}", to_string=True)
        names = [symbol.split(" + ")[0].split(" in section ")[0].strip() if " in section " in symbol else "??"]
    return names


def where(registers):
    """The innermost function that is not the runtime's own. Its functions keep their frame pointers, so that the way out of them is two words a frame."""
    pc, fp = (registers[next(name for name in names if name in registers)] for names in (("rip", "pc"), ("rbp", "x29")))
    innermost = functions_at(pc)[0]
    try:
        for _ in range(FRAMES_MAX):
            for depth, name in enumerate(functions_at(pc)):
                if not name.startswith(INTERNAL):
                    line = gdb.find_pc_line(pc - 1) if depth == 0 else None  # of an inlined function's callers gdb gives no line
                    return f"{name} at {line.symtab.filename}:{line.line}" if line and line.symtab else name
            fp, pc = struct.unpack("=QQ", read(fp, 16))
    except gdb.error:  # the end of the stack, or no frame pointer
        pass
    return innermost


class InfoGoroutines(gdb.Command):
    """Every goroutine: id, state, why it waits and since when, the thread it is locked to, where it stands outside of the runtime."""

    def __init__(self):
        super().__init__("info goroutines", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        for g in goroutines():
            print(g.in_words())


def run_in_registers(registers, command):
    """A live process: the selected thread's registers are the goroutine's while the command runs."""
    frame = gdb.newest_frame()
    frame.select()
    before = {name: int(frame.read_register(name).cast(gdb.lookup_type("unsigned long"))) for name in registers}
    try:
        for name, value in registers.items():
            gdb.execute(f"set var ${name} = {value}", to_string=True)
        gdb.execute(command)
    finally:
        for name, value in before.items():
            gdb.execute(f"set var ${name} = {value}", to_string=True)


class frame_id:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class Detour(Unwinder):
    """While it has registers, the caller of the thread's innermost frame is the goroutine."""

    def __init__(self):
        super().__init__("retake goroutine")
        self.registers = None
        self.innermost = None

    def __call__(self, pending):
        sp_name = "rsp" if "rsp" in (self.registers or {}) else "sp"
        if self.registers is None or int(pending.read_register(sp_name)) != self.innermost:
            return None
        sp, pc = self.registers[sp_name], self.registers.get("rip", self.registers.get("pc"))
        info = pending.create_unwind_info(frame_id(gdb.Value(sp - 16), gdb.Value(pc)))
        for name, value in self.registers.items():
            info.add_saved_register(name, gdb.Value(value).cast(pending.read_register(name).type))
        return info


detour = Detour()
gdb.unwinder.register_unwinder(None, detour, replace=True)


def run_by_detour(registers, command):
    """A core file: the goroutine's frames follow on frame 0, which is the thread's."""
    gdb.newest_frame().select()
    detour.innermost = int(gdb.newest_frame().read_register("rsp" if "rsp" in registers else "sp"))
    detour.registers = registers
    gdb.invalidate_cached_frames()
    try:
        gdb.execute(command)
    finally:
        detour.registers = None
        gdb.invalidate_cached_frames()


def id_in_process(thread):
    """gettid() of the thread itself, which may be in a pid namespace of its own."""
    pid, lwp, _ = thread.ptid
    try:
        with open(f"/proc/{pid}/task/{lwp}/status") as file:
            return next((int(line.split()[-1]) for line in file if line.startswith("NSpid:")), lwp)
    except OSError:  # a core file
        return lwp


class GoroutineCommand(gdb.Command):
    """goroutine N COMMAND, goroutine all COMMAND: runs a gdb command where the goroutine stands."""

    def __init__(self):
        super().__init__("goroutine", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = argument.split(maxsplit=1)
        if len(words) != 2:
            raise gdb.GdbError("usage: goroutine N COMMAND")
        found = [g for g in goroutines() if words[0] == "all" or str(g.id) == words[0]]
        if not found:
            raise gdb.GdbError(f"there is no goroutine {words[0]}")
        for g in found:
            if words[0] == "all":
                print(f"\ngoroutine {g.id}:")
            self.run(g, words[1])

    def run(self, g, command):
        registers = g.registers()
        if registers is None:
            self.run_on_its_thread(g, command)
            return
        try:
            run_in_registers(registers, command)
        except gdb.error:
            run_by_detour(registers, command)

    def run_on_its_thread(self, g, command):
        wanted, chosen = g.layout.value(g.m, "machine.thread") if g.m != 0 else 0, gdb.selected_thread()
        try:
            for thread in gdb.selected_inferior().threads():
                if wanted != 0 and id_in_process(thread) == wanted:
                    thread.switch()
                    gdb.execute(command)
                    return
            print("its thread is not here")
        finally:
            if chosen is not None:
                chosen.switch()


InfoGoroutines()
GoroutineCommand()
