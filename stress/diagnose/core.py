"""core.py: what a core file says of the process that wrote it: its program, its threads, its memory, the signal that ended it.

Method.    The notes of the kernel (and of gdb's generate-core-file): NT_PRSTATUS for each thread, NT_PRPSINFO, NT_AUXV, NT_FILE. The program is the mapped file that has the
           process's entry point; its first page, which a core file contains, tells the same program from another build of it.
"""
import os, stat, struct

from process import Unavailable

NOTES_BYTES_MAX, HEADERS_MAX, PAGE_BYTES = 256 << 20, 1 << 20, 4096
ET_CORE, PT_LOAD, PT_NOTE, PN_XNUM = 4, 1, 4, 0xFFFF
NT_PRSTATUS, NT_PRPSINFO, NT_AUXV, NT_FILE, AT_ENTRY = 1, 3, 6, 0x46494C45, 9
SIGNAL_AT, PID_AT = 12, 24  # in NT_PRSTATUS, in NT_PRPSINFO, of 64-bit processes


class NoCore(Exception):
    """The file is none: bad usage."""


def strings(raw):
    return [one.decode(errors="replace") for one in raw.split(b"\0")]


class Core:
    """Throws NoCore, and Unavailable for a core file that is cut short."""

    def __init__(self, path):
        self.path = path
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise NoCore(f"\"{path}\" is no core file")
            with open(path, "rb") as file:
                self.read_all(file, os.fstat(file.fileno()).st_size)
        except FileNotFoundError:
            raise NoCore(f"\"{path}\": no such file") from None
        except OSError as e:
            raise NoCore(f"\"{path}\" cannot be read: {e.strerror}") from None
        except struct.error:
            raise Unavailable(f"the core file \"{path}\" is cut short, or garbled") from None

    def read_all(self, file, size):
        head = file.read(64)
        if len(head) < 64 or head[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<H", head, 16)[0] != ET_CORE:
            raise NoCore(f"\"{self.path}\" is no core file of a 64-bit process")
        headers_at, sections_at = struct.unpack_from("<QQ", head, 32)
        each, count = struct.unpack_from("<HH", head, 54)
        if count == PN_XNUM:  # more than that: section 0 counts them
            file.seek(sections_at + 44)
            count = struct.unpack("<I", file.read(4))[0]
        file.seek(headers_at)
        raw = file.read(min(count, HEADERS_MAX) * each)
        headers = [struct.unpack_from("<IIQQQQ", raw, i * each) for i in range(count)]  # type, flags, offset, address, -, bytes
        self.loaded = [(at, address, length) for kind, _, at, address, _, length in headers if kind == PT_LOAD]
        ends = max((at + length for kind, _, at, _, _, length in headers), default=0)
        if ends > size:
            raise Unavailable(f"the core file \"{self.path}\" is cut short: {size} of {ends} bytes (ulimit -c, a full disk?)")
        self.threads, self.signal, self.pid, self.command, entry, files = 0, 0, 0, "", 0, []
        for kind, content in self.notes(file, headers):
            if kind == NT_PRSTATUS:
                self.threads += 1
                self.signal = self.signal or struct.unpack_from("<H", content, SIGNAL_AT)[0]  # the first is the thread that it ended
            elif kind == NT_PRPSINFO:
                self.pid = struct.unpack_from("<I", content, PID_AT)[0]
            elif kind == NT_AUXV:
                entry = dict(struct.iter_unpack("<QQ", content[:len(content) // 16 * 16])).get(AT_ENTRY, 0)
            elif kind == NT_FILE:
                files = self.mapped(content)
        self.memory_kb = sum(length for _, _, length in self.loaded) // 1024
        self.program = next((name for begin, end, _, name in files if begin <= entry < end), "")
        begin = next((begin for begin, _, offset, name in files if name == self.program and offset == 0), 0)
        self.first_page = self.memory(file, begin, PAGE_BYTES)
        self.command = os.path.basename(self.program) or str(self.pid)

    @staticmethod
    def notes(file, headers):
        for kind, _, at, _, _, length in headers:
            if kind != PT_NOTE or length > NOTES_BYTES_MAX:
                continue
            file.seek(at)
            raw, place = file.read(length), 0
            while place + 12 <= len(raw):
                name_bytes, bytes_, note = struct.unpack_from("<III", raw, place)
                content = place + 12 + (name_bytes + 3) // 4 * 4
                if raw[place + 12:content].rstrip(b"\0") == b"CORE":
                    yield note, raw[content:content + bytes_]
                place = content + (bytes_ + 3) // 4 * 4

    @staticmethod
    def mapped(content):
        """(begin, end, offset, name) of each mapped file."""
        count, page = struct.unpack_from("<QQ", content)
        names = strings(content[16 + 24 * min(count, HEADERS_MAX):])
        return [(*struct.unpack_from("<QQQ", content, 16 + 24 * i), names[i]) for i in range(min(count, len(names)))]

    def memory(self, file, address, length):
        """b"" where the core file leaves it out."""
        for at, begin, there in self.loaded:
            if begin <= address and address + length <= begin + there:
                file.seek(at + address - begin)
                return file.read(length)
        return b""

    def program_at(self, chosen):
        """Where the program is: the file `chosen`, or, where that is "", the one that ran."""
        path = chosen or self.program
        if not path:
            raise Unavailable(f"the core file \"{self.path}\" does not name its program: --program FILE does")
        try:
            with open(path, "rb") as file:
                page = file.read(PAGE_BYTES)
        except OSError as e:
            raise (NoCore if chosen else Unavailable)(f"the program of the core file, \"{path}\": {e.strerror}" + ("" if chosen else "; --program FILE says where else it is")) from None
        if self.first_page and page != self.first_page:
            raise (NoCore if chosen else Unavailable)(f"\"{path}\" is not the program that wrote \"{self.path}\"" + ("" if chosen else ", but a later build of it") + f"; that ran as \"{self.program}\"")
        return path
