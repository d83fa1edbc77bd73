"""Loads our own tables: by the nft program, or by netlink where no rule changes."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from vcnd.linux import nft_batch, nft_changes, nft_scripts
from vcnd.linux.nft_scripts import Objects
from vcnd.linux.nft_table import Element, Table
from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.errors import TryAgainError
from vcnd.netlink import nftables
from vcnd.netlink.messages import NetlinkSocket
from vcnd.netlink.templates import Step, Template


class KernelRefusedError(TryAgainError):
    """The kernel, or nft, refused a step of the data plane."""

    cause = Cause.KERNEL_REFUSED


@contextmanager
def in_words(what: str) -> Iterator[None]:
    """Turn the kernel's refusals in the body into errors that say what was refused."""
    try:
        yield
    except OSError as error:
        raise KernelRefusedError(
            f"the kernel refused a step of {what}", details=str(error)
        ) from error


def put(table: str, text: str) -> list[int]:
    """Give a table its contents, whole or not at all; return the ports of the changes.

    Args:
        table: its name.
        text: the contents (``ruleset.render``).

    Raises:
        KernelRefusedError: nft refused them.
        OSError: the kernel does not tell what is in the table now.
    """
    with NetlinkSocket(nftables.NETLINK_NETFILTER) as sock:
        there = Objects(
            chains=nftables.chains(sock, table),
            maps=nftables.maps(sock, table),
            sets=nftables.sets(sock, table),
            counters=frozenset(nftables.counters(sock, table)),
            limits=nftables.limits(sock, table),
        )
    if not there.are_plain:
        log.warning("rule_set_replaced", reason="others put objects with odd names in")
        return [_load(nft_scripts.anew(table, text))]
    try:
        return [_load(nft_scripts.in_place(table, text, there))]
    except KernelRefusedError as error:
        # Another version's objects, of the same names, are of another kind.
        refusal = error.details
    try:
        port = _load(nft_scripts.in_place(table, text, there, renews=True))
        log.info("rule_chains_renewed", reason=refusal)
    except KernelRefusedError as error:
        port = _load(nft_scripts.anew(table, text))
        log.warning("rule_set_replaced", reason=error.details)
    return [port]


def change(sock: NetlinkSocket, table: str, before: Table, after: Table) -> list[int]:
    """Give a table other contents, by what differs; whole if that is refused.

    No packet is lost, not even one that is led to a chain that is new.  Return the
    ports of the changes: events of netlink name them.

    Args:
        sock: takes what needs no nft; it stays open, for the kernel lets who closes one
            wait until what was deleted last is gone, some 10 ms.
        table: its name.
        before: its contents, as they were put or changed without an error.
        after: its contents afterwards.

    Raises:
        KernelRefusedError: nft refused them.
        OSError: the kernel does not tell what is in the table now.
    """
    ports: list[int] = []
    found = nft_changes.changes(before, after)
    try:
        if script := nft_changes.additions(table, found):
            ports.append(_load(script))
        steps = nft_batch.steps(table, found)
        if steps:
            ports.append(_send(sock, steps))
        elif steps is None and (script := nft_changes.remainder(table, found)):
            ports.append(_load(script))
    except (KernelRefusedError, OSError) as error:
        reason = getattr(error, "details", str(error))
        log.warning("rule_set_differs", reason=reason)
        ports += put(table, after.text(table))
    return ports


def touch(sock: NetlinkSocket, table: str, name: str, element: Element) -> list[int]:
    """Add an element and delete it, in one step; return the ports of the changes.

    Who hears of changes of rules looks again, and nothing has changed.

    Args:
        sock: takes the change.
        table: its name.
        name: of a set.
        element: one that is not in it.

    Raises:
        OSError: the kernel refused it.
    """
    return [_send(sock, nft_batch.touching(table, name, element))]


def remove(table: str) -> list[int]:
    """Delete a table, or none that is there; return the ports of the changes.

    Raises:
        KernelRefusedError: nft refused it.
    """
    return [_load(nft_scripts.removal(table))]


def listing(table: str) -> str:
    """Return a table as ``nft -j`` lists it (``nft_listed`` reads it).

    Raises:
        KernelRefusedError: nft refused, or the table is not there.
    """
    arguments = ["-j", "list", "table", "inet", table]
    return _run(arguments, "", f"nft does not list table inet {table}")[0]


def source(table: str) -> str:
    """Return a table as a script that makes it; empty if it is not there."""
    try:
        return _run(["--stateless", "list", "table", "inet", table], "", "")[0]
    except KernelRefusedError:
        return ""


def put_source(table: str, script: str) -> list[int]:
    """Put a table as ``source`` returned it; return the ports of the changes.

    Raises:
        KernelRefusedError: nft refused it.
    """
    return [_load(nft_scripts.removal(table) + script)]


def _send(sock: NetlinkSocket, steps: Sequence[Step]) -> int:
    """Carry steps out in a transaction; return their netlink port."""
    Template(nftables.transaction(steps)).send(sock)
    return sock.port


def _load(script: str) -> int:
    """Load a script; return its netlink port.

    That is nft's process ID, unless another socket has that port.
    """
    return _run(["-f", "-"], script, "nft refused the rule set")[1]


def _run(arguments: list[str], script: str, failure: str) -> tuple[str, int]:
    """Run nft; return its output and its process ID."""
    with subprocess.Popen(
        ["/usr/sbin/nft", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as running:
        output, refusal = running.communicate(script)
    if running.returncode:
        raise KernelRefusedError(failure, details=refusal.strip())
    return output, running.pid
