"""endpoint.py: the process's own loopback endpoint: where it listens, and what it answers.

Rules.     The address is a text of the process: it is asked only where that is an address of the loopback, by a socket of our own: no name is looked up, no proxy of the
           environment is used, no redirect is followed. An answer has a bound in bytes and one in seconds, however slowly it comes.
"""
import contextlib, ctypes, http.client, io, ipaddress, os, random, re, socket, time

from process import Unavailable, read

ANSWER_SECONDS = 12
MEBIBYTE = 1 << 20
ANSWER_BYTES_MAX = {"/metrics": MEBIBYTE, "/debug/pprof/threadcreate": 8 * MEBIBYTE, "/debug/pprof/goroutine": 128 * MEBIBYTE}


def free_port():
    """Below those that outgoing connections are given, so that none has it by the time that the process listens."""
    given_from = int((read("/proc/sys/net/ipv4/ip_local_port_range").split() or ["32768"])[0])
    tries = [random.randrange(given_from // 2, given_from) for _ in range(100)] if given_from >= 4096 else []
    for port in [*tries, 0]:
        with contextlib.suppress(OSError), socket.socket() as s:
            s.bind(("127.0.0.1", port))
            return s.getsockname()[1]


def named_endpoint(pid):
    """What RETAKE_DEBUG of the process names; "" where it names none."""
    found = re.search(r"(?:^|\0)RETAKE_DEBUG=(?:[^\0]*,)?pprof=([^,\0]*)", read(f"/proc/{pid}/environ"))
    return found[1] if found else ""


def on_loopback(named):
    """(host, port) of "127.0.0.1:6060" or "[::1]:6060"; None for any other place, and for what is no address."""
    found = re.fullmatch(r"\[([0-9a-fA-F:.]+)\]:(\d{1,5})|([0-9.]+):(\d{1,5})", named)
    if found:
        with contextlib.suppress(ValueError):
            host, port = ipaddress.ip_address(found[1] or found[3]), int(found[2] or found[4])
            return (str(host), port) if host.is_loopback and 0 < port < 65536 else None
    return None


def endpoint_of(pid):
    """(host, port) on the loopback that RETAKE_DEBUG names, when somebody listens there in the process's network."""
    endpoint = on_loopback(named_endpoint(pid))
    if not endpoint:
        return None
    listens = rf"^ *\d+: [0-9A-F]+:{endpoint[1]:04X} [0-9A-F]+:0000 0A "
    return endpoint if re.search(listens, read(f"/proc/{pid}/net/tcp") + read(f"/proc/{pid}/net/tcp6"), re.M) else None


def enter_network(pid):
    """The network of a container is not ours, nor is its loopback: from now on it is. False: it may not be entered."""
    def is_ours(kind):
        return os.readlink(f"/proc/{pid}/ns/{kind}") == os.readlink(f"/proc/self/ns/{kind}")

    with contextlib.suppress(OSError):
        for kind in ("user", "net") if os.geteuid() != 0 and not is_ours("net") else ("net",):  # to who is not root it belongs by way of the user namespace
            if not is_ours(kind):
                with open(f"/proc/{pid}/ns/{kind}") as space:
                    if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), 0) != 0:
                        return False
        return True
    return False


class Received:
    """What http.client reads in place of a socket: an answer that is here already."""

    def __init__(self, raw):
        self.raw = raw

    def makefile(self, _):
        return io.BytesIO(self.raw)


def receive(endpoint, path):
    """All bytes until the other side closes; None when it cannot be asked or the time is over."""
    until, limit, raw = time.monotonic() + ANSWER_SECONDS, ANSWER_BYTES_MAX[path.partition("?")[0]], bytearray()
    try:
        with socket.create_connection(endpoint, ANSWER_SECONDS) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            while len(raw) <= limit:
                connection.settimeout(max(0.001, until - time.monotonic()))
                piece = connection.recv(65536)
                if not piece:
                    return bytes(raw)
                raw += piece
    except OSError:
        return None
    raise Unavailable(f"its endpoint sends more than {limit} bytes for {path}")


def fetch(endpoint, path):
    """What the endpoint answers, or None when it does not within its time, or gives no such report."""
    raw = receive(endpoint, path)
    if not raw:
        return None
    answer = http.client.HTTPResponse(Received(raw))
    try:
        answer.begin()
        body = answer.read()
    except (http.client.HTTPException, ValueError):
        raise Unavailable(f"its endpoint's answer for {path} is no HTTP, or is cut short") from None
    return body.decode(errors="replace") if answer.status == 200 else None
