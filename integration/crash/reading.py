"""Which system calls of a traced process are steps, and what they are about."""

import re
import socket
import struct
from pathlib import Path

import msgspec

from integration.crash import calls, netlink_words, targets
from integration.crash.calls import What
from integration.crash.ptrace import Entry
from integration.crash.steps import Kind, Step
from integration.crash.targets import Target, Targets

BPF_COMMANDS = {
    0: "MAP_CREATE",
    1: "MAP_LOOKUP_ELEM",
    2: "MAP_UPDATE_ELEM",
    3: "MAP_DELETE_ELEM",
    4: "MAP_GET_NEXT_KEY",
    5: "PROG_LOAD",
    8: "PROG_ATTACH",
    9: "PROG_DETACH",
    13: "PROG_GET_FD_BY_ID",
    14: "MAP_GET_FD_BY_ID",
    15: "OBJ_GET_INFO_BY_FD",
    16: "PROG_QUERY",
    18: "BTF_LOAD",
    21: "MAP_LOOKUP_AND_DELETE_ELEM",
    22: "MAP_FREEZE",
    24: "MAP_LOOKUP_BATCH",
    26: "MAP_UPDATE_BATCH",
    27: "MAP_DELETE_BATCH",
    28: "LINK_CREATE",
    29: "LINK_UPDATE",
}
BPF_LOOKS = {1, 4, 13, 14, 15, 16, 24}
READ_BYTES = 4096
TEXT_BYTES = 60
IOVEC = struct.Struct("=QQ")
MESSAGE = struct.Struct("=QI4xQQ")
SETNS, BPF, FORKS = 308, 321, {57: "fork", 58: "vfork"}
WRITES = 0o3
"""Of the flags of open(2): O_WRONLY, O_RDWR."""
OPENS = {"open": 1, "openat": 2}
"""Name → which argument has the flags."""
RENAMES = {"rename": 1, "renameat": 3, "renameat2": 3}
"""Name → which argument is the new path."""
METHOD = re.compile(r"([A-Z]+) /\S")
"""So a request of HTTP begins."""
FAMILIES = {0: "route", 12: "netfilter"}
PAYLOADS = {"write": 1, "sendto": 1, "pwrite64": 1}
VECTORS = {"writev": 1}
MESSAGES = {"sendmsg": 1, "sendmmsg": 1}


class Place(msgspec.Struct, frozen=True):
    """Where the traced daemon keeps its journal and hears calls."""

    journal: str
    """The directory of the journal."""
    sockets: tuple[str, ...]
    """The paths of the sockets at which it is called, or calls others."""


class Reader:
    """Turns system calls into steps."""

    def __init__(self, place: Place, daemon: int) -> None:
        """Make it.

        Args:
            place: where the daemon's files are.
            daemon: its process; its children are programs that it has started.
        """
        self._place = place
        self._daemon = daemon
        self._targets = Targets()
        self._asks: dict[int, bool] = {}
        """Descriptor of a connection → whether its latest request only reads."""

    def step(self, number: int, pid: int, entry: Entry) -> Step | None:
        """Return a system call as a step, or None if it does no I/O of ours.

        Args:
            number: of the step, if it is one.
            pid: the process.
            entry: the call.
        """
        code, arguments = entry
        if code in calls.DESCRIPTOR_FIRST:
            return self._of_descriptor(number, pid, code, arguments)
        if code in calls.PATH_AT:
            return self._of_path(number, pid, code, arguments)
        if pid != self._daemon:
            return None
        if code == BPF:
            command = arguments[0]
            name = BPF_COMMANDS.get(command, str(command))
            return _step(
                number, Kind.BPF, "bpf", name, changes=command not in BPF_LOOKS
            )
        if code in FORKS:
            return _step(number, Kind.PROGRAM, FORKS[code], "", changes=False)
        if code == SETNS:
            link = self._targets.of(pid, arguments[0]).name
            return _step(number, Kind.NAMESPACE, "setns", link, changes=False)
        return None

    def _of_descriptor(
        self, number: int, pid: int, code: int, arguments: tuple[int, ...]
    ) -> Step | None:
        name, what = calls.DESCRIPTOR_FIRST[code]
        target = self._targets.of(pid, _signed(arguments[0]))
        kind = self._kind(target, pid)
        if kind is None:
            return None
        data = _payload(pid, name, arguments)
        detail = _text(data)
        changes = what is What.CHANGES
        if target.family == socket.AF_NETLINK:
            messages = netlink_words.names(target.protocol, data)
            detail = netlink_words.text(messages)
            changes = changes and not netlink_words.only_ask(messages)
        elif kind is Kind.HTTP:
            changes = self._may_change(_signed(arguments[0]), name, detail)
        return _step(number, kind, name, _words(target), detail, changes=changes)

    def _may_change(self, descriptor: int, call: str, detail: str) -> bool:
        """Return True if a step of HTTP belongs to a request that may change the cloud.

        While an answer to such a request is awaited the cloud carries it out.
        """
        if call == "connect":
            self._asks[descriptor] = True
        elif method := METHOD.match(detail):
            self._asks[descriptor] = method.group(1) == "GET"
        return not self._asks.get(descriptor, False)

    def _kind(self, target: Target, pid: int) -> Kind | None:
        """Return what a descriptor is for; None: nothing that is looked at."""
        if target.family == socket.AF_NETLINK:
            return Kind.NETLINK if pid == self._daemon else Kind.PROGRAM
        if pid != self._daemon:
            return None
        if target.family in {socket.AF_INET, socket.AF_INET6}:
            return Kind.HTTP
        if target.family == socket.AF_UNIX:
            return Kind.SHIM if target.name in self._place.sockets else None
        return self._kind_of_path(target.name)

    def _kind_of_path(self, path: str) -> Kind | None:
        if path.startswith("/proc/sys/"):
            return Kind.SETTING
        if (path + "/").startswith(self._place.journal + "/"):
            return Kind.JOURNAL
        return None

    def _of_path(
        self, number: int, pid: int, code: int, arguments: tuple[int, ...]
    ) -> Step | None:
        name, at = calls.PATH_AT[code]
        path = targets.path_of(pid, arguments[at])
        if name == "execve":
            if pid == self._daemon:
                return None
            return _step(number, Kind.PROGRAM, name, path, changes=False)
        kind = self._kind_of_path(path)
        if kind is None or pid != self._daemon:
            return None
        detail, changes = "", True
        if name in RENAMES:
            to = targets.path_of(pid, arguments[RENAMES[name]])
            detail = f"→ {Path(to).name}"
        elif name in OPENS:
            changes = bool(arguments[OPENS[name]] & WRITES)
        # Name it as the glibc of other versions does.
        known = {"renameat": "rename", "renameat2": "rename", "unlinkat": "unlink"}
        called = known.get(name, "openat" if name == "open" else name)
        return _step(number, kind, called, path, detail, changes=changes)


def _step(
    number: int, kind: Kind, call: str, target: str, detail: str = "", *, changes: bool
) -> Step:
    return Step(
        number=number,
        kind=kind,
        call=call,
        target=target,
        detail=detail,
        changes=changes,
    )


def _signed(value: int) -> int:
    low = value & 0xFFFFFFFF
    return low - (1 << 32) if low >> 31 else low


def _payload(pid: int, name: str, arguments: tuple[int, ...]) -> bytes:
    """Return the first bytes of what a call sends."""
    if name in PAYLOADS:
        return targets.memory(pid, arguments[1], min(arguments[2], READ_BYTES))
    vectors, count = 0, 0
    if name in VECTORS:
        vectors, count = arguments[1], arguments[2]
    elif name in MESSAGES:
        header = targets.memory(pid, arguments[1], MESSAGE.size)
        if len(header) == MESSAGE.size:
            _, _, vectors, count = MESSAGE.unpack(header)
    data = b""
    raw = targets.memory(pid, vectors, IOVEC.size * min(count, 64)) if count else b""
    for base, length in IOVEC.iter_unpack(raw[: len(raw) // IOVEC.size * IOVEC.size]):
        data += targets.memory(pid, base, min(length, READ_BYTES))
    return data[:READ_BYTES]


def _words(target: Target) -> str:
    if target.family == socket.AF_NETLINK:
        return f"netlink {FAMILIES.get(target.protocol, target.protocol)}"
    if target.family in {socket.AF_INET, socket.AF_INET6}:
        return "tcp"
    return target.name


def _text(data: bytes) -> str:
    line = data[:TEXT_BYTES].decode("ascii", "replace")
    return "".join(c if c.isprintable() else " " for c in line).strip()
