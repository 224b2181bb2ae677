"""retake-gdb.py: goroutines for gdb, in a live process and in a core file.

    (gdb) source retake-gdb.py
    (gdb) info goroutines
    (gdb) goroutine 7 bt          any gdb command, in that goroutine's frame
    (gdb) goroutine all bt

A goroutine that runs on a thread is shown there by gdb itself (`thread apply all bt`); one that is parked has its registers where the switch left them
(switch/saved_frame.hpp). In a live process `goroutine N COMMAND` puts those registers in, runs the command and puts the thread's own back. A core file's registers
cannot be set: there an unwinder makes the goroutine's frames follow on the selected thread's frame 0.
"""
import gdb
import gdb.unwinder
from gdb.unwinder import Unwinder

STATES = ["dead", "runnable", "running", "syscall", "waiting"]


def value_of(field):
    """What a world::plain, atomic or report_only holds."""
    while field.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
        inner = [one for one in field.type.strip_typedefs().fields() if not one.is_base_class and hasattr(one, "bitpos")]  # no static ones
        bases = [one for one in field.type.strip_typedefs().fields() if one.is_base_class]
        field = field[inner[0]] if inner else field[bases[0]]
    return field


def find_scheduler():
    """The scheduler that any thread of the runtime names in its slot."""
    slot_name = "'retake::world::(anonymous namespace)::slot'"
    chosen = gdb.selected_thread()
    try:
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            try:
                slot = gdb.parse_and_eval(slot_name)
            except gdb.error:
                continue
            if int(slot) != 0:
                machine = slot.cast(gdb.lookup_type("retake::machine").pointer())
                return machine["home"]
    finally:
        if chosen is not None:
            chosen.switch()
    raise gdb.GdbError("no thread of a retake runtime is here")


def goroutines():
    scheduler = find_scheduler()
    at = value_of(scheduler["goroutines"])
    while int(at) != 0:
        g = at.dereference()
        if STATES[int(value_of(g["state"]))] != "dead":
            yield g
        at = value_of(g["all_link"])


def id_of(g):
    return int(g["id"])


def saved_registers(g):
    """Registers of a goroutine that stands still, by name; None for one that runs on a thread."""
    state = STATES[int(value_of(g["state"]))]
    if state in ("waiting", "runnable"):
        frame_type = gdb.lookup_type("retake::floor::saved_frame")
        sp = g["context"]["stack_pointer"]
        if int(sp) == 0:
            return None
        frame = sp.cast(frame_type.pointer()).dereference()
        if any(one.name == "rbx" for one in frame_type.fields()):
            registers = {name: int(frame[name]) for name in ("r12", "r13", "r14", "r15", "rbx", "rbp")}
            registers["rip"] = int(frame["return_address"])
            registers["rsp"] = int(sp) + frame_type.sizeof
        else:
            registers = {f"x{19 + i}": int(frame["x19_to_x28"][i]) for i in range(10)}
            registers.update({"x29": int(frame["x29"]), "x30": int(frame["x30"]), "pc": int(frame["x30"]), "sp": int(sp) + frame_type.sizeof})
        return registers
    if state == "syscall":
        names = ("rip", "rsp", "rbp") if gdb.lookup_type("retake::floor::saved_frame").fields()[0].name == "mxcsr" else ("pc", "sp", "x29")
        return dict(zip(names, (int(value_of(g[one])) for one in ("call_pc", "call_sp", "call_fp"))))
    return None


def where(pc):
    """Function and line of an address."""
    block = gdb.block_for_pc(pc)
    while block is not None and block.function is None:
        block = block.superblock
    line = gdb.find_pc_line(pc - 1)
    name = block.function.print_name if block is not None else "??"
    return f"{name} at {line.symtab.filename if line.symtab else '??'}:{line.line}"


class InfoGoroutines(gdb.Command):
    """Every goroutine: id, state, why it waits, the thread it is locked to, where it stands."""

    def __init__(self):
        super().__init__("info goroutines", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        for g in sorted(goroutines(), key=id_of):
            state = STATES[int(value_of(g["state"]))]
            reason = str(value_of(g["reason"])).rsplit("::", maxsplit=1)[-1].replace("_", " ") if state == "waiting" else ""
            locked = value_of(g["locked_m"])
            m = value_of(g["m"])
            registers = saved_registers(g)
            text = f"goroutine {id_of(g)} [{state}{', ' + reason if reason else ''}]"
            if int(locked) != 0:
                text += f" locked to M{int(locked['id'])}"
            if int(m) != 0:
                text += f" on M{int(m['id'])}"
            if registers is not None:
                text += f" {where(registers.get('rip', registers.get('pc')))}"
            print(text)


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


class Goroutine(gdb.Command):
    """goroutine N COMMAND, goroutine all COMMAND: runs a gdb command where the goroutine stands."""

    def __init__(self):
        super().__init__("goroutine", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = argument.split(maxsplit=1)
        if len(words) != 2:
            raise gdb.GdbError("usage: goroutine N COMMAND")
        found = [g for g in goroutines() if words[0] == "all" or str(id_of(g)) == words[0]]
        if not found:
            raise gdb.GdbError(f"there is no goroutine {words[0]}")
        for g in found:
            if words[0] == "all":
                print(f"\ngoroutine {id_of(g)}:")
            self.run(g, words[1])

    def run(self, g, command):
        registers = saved_registers(g)
        if registers is None:
            self.run_on_its_thread(g, command)
            return
        try:
            run_in_registers(registers, command)
        except gdb.error:
            run_by_detour(registers, command)

    def run_on_its_thread(self, g, command):
        chosen = gdb.selected_thread()
        try:
            for thread in gdb.selected_inferior().threads():
                thread.switch()
                slot = gdb.parse_and_eval("'retake::world::(anonymous namespace)::slot'")
                if int(slot) == int(value_of(g["m"])):
                    gdb.execute(command)
                    return
            print("its thread is not here")
        finally:
            if chosen is not None:
                chosen.switch()


InfoGoroutines()
Goroutine()
