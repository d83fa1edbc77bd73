"""Steps: the system calls by which a daemon reads or changes what is outside of it."""

import errno
import re
from collections.abc import Sequence
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What a step is about."""

    NETLINK = "netlink"
    BPF = "bpf"
    JOURNAL = "journal"
    HTTP = "http"
    SHIM = "shim"
    """The socket of the CNI plugin and of vcndctl."""
    SETTING = "setting"
    """A file of /proc/sys."""
    PROGRAM = "program"
    """Another program: that it is started, and what it does."""
    NAMESPACE = "namespace"
    """The thread goes into a network namespace, or comes back."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A system call of a traced process."""

    number: int
    """Counts from 1, in the order in which the calls begin."""
    kind: Kind
    call: str
    """The system call's name."""
    target: str
    """What it is about: a path, an address, netlink's family, a command of bpf."""
    detail: str = ""
    """Netlink's messages, or the first bytes that are written."""
    changes: bool
    """False if it only reads: what is outside is the same before and after it.

    The cloud goes on by itself while the answer to a change is awaited: to receive this
    answer counts as a change.
    """

    def __str__(self) -> str:
        """Return it in one line."""
        detail = f" {self.detail}" if self.detail else ""
        return f"step {self.number}: {self.call}({self.target}{detail})"


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A step that has come to its end."""

    step: Step
    result: int
    """What the call returned; negative: the number of an error."""


IDENTIFIERS = re.compile(r"ocid1[\w.]*|[0-9a-f]*\d[0-9a-f]*")
"""Numbers and names that are new in each run."""


def occasion(steps: Sequence[Step]) -> str:
    """Return on which occasion the last of some steps is made.

    Two steps have the same one if they are the same call behind the same call of their
    kind: the second question of a loop, say, but not the first.
    """
    last = steps[-1]
    before = next((s for s in steps[-2::-1] if s.kind is last.kind), None)
    words = (f"{s.call} {s.target} {s.detail}" for s in (before, last) if s)
    return IDENTIFIERS.sub("#", " > ".join(words))


NO_ROOM = (errno.ENOSPC, errno.EIO)
REFUSALS: dict[tuple[Kind, str], tuple[int, ...]] = {
    (Kind.NETLINK, "sendto"): (errno.ENOBUFS, errno.EPERM),
    (Kind.NETLINK, "sendmsg"): (errno.ENOBUFS, errno.EPERM),
    (Kind.NETLINK, "recvfrom"): (errno.ENOBUFS, errno.ENOMEM),
    (Kind.NETLINK, "recvmsg"): (errno.ENOBUFS, errno.ENOMEM),
    (Kind.BPF, "bpf"): (errno.ENOMEM, errno.EPERM),
    (Kind.JOURNAL, "openat"): (errno.EMFILE, errno.ENOSPC),
    (Kind.JOURNAL, "write"): NO_ROOM,
    (Kind.JOURNAL, "fsync"): (errno.EIO,),
    (Kind.JOURNAL, "fdatasync"): (errno.EIO,),
    (Kind.JOURNAL, "ftruncate"): (errno.EIO,),
    (Kind.JOURNAL, "rename"): NO_ROOM,
    (Kind.JOURNAL, "unlink"): (errno.EIO,),
    (Kind.HTTP, "connect"): (errno.ECONNREFUSED, errno.ENETUNREACH),
    (Kind.HTTP, "sendto"): (errno.ECONNRESET, errno.EPIPE),
    (Kind.HTTP, "recvfrom"): (errno.ECONNRESET,),
    (Kind.SHIM, "accept4"): (errno.EMFILE, errno.ENOMEM),
    (Kind.SHIM, "recvmsg"): (errno.ECONNRESET, errno.ENOMEM),
    (Kind.SHIM, "recvfrom"): (errno.ECONNRESET,),
    (Kind.SHIM, "write"): (errno.EPIPE, errno.ENOBUFS),
    (Kind.SHIM, "sendto"): (errno.EPIPE, errno.ENOBUFS),
    (Kind.SETTING, "write"): (errno.EACCES,),
    (Kind.SETTING, "openat"): (errno.EROFS,),
    (Kind.PROGRAM, "vfork"): (errno.EAGAIN, errno.ENOMEM),
    (Kind.PROGRAM, "fork"): (errno.EAGAIN, errno.ENOMEM),
    (Kind.PROGRAM, "execve"): (errno.ENOMEM, errno.EACCES),
    (Kind.PROGRAM, "sendto"): (errno.ENOBUFS, errno.EPERM),
    (Kind.PROGRAM, "sendmsg"): (errno.ENOBUFS, errno.EPERM),
    (Kind.NAMESPACE, "setns"): (errno.ENOMEM, errno.EPERM),
}
"""What the kernel may answer to a step, by its kind and call.

A call that is missing here cannot be refused, or says so by what it returns: it is left
out.
"""


QUESTIONS = ("sendto", "sendmsg")


def refusals(step: Step) -> tuple[int, ...]:
    """Return the errors with which the kernel may refuse a step.

    A program's questions are left out: whichever fails, it says so and ends.
    """
    if step.kind is Kind.PROGRAM and not step.changes and step.call in QUESTIONS:
        return ()
    if step.kind is Kind.SETTING and not step.changes:
        return (errno.EMFILE,)  # a file system that is read-only can be read
    return REFUSALS.get((step.kind, step.call), ())
