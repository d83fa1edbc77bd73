"""The nft program, as far as it loads our own table."""

import subprocess

from vcnd.linux import nft_changes, nft_scripts
from vcnd.linux.nft_scripts import Objects
from vcnd.linux.nft_table import Table
from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.errors import VcndError
from vcnd.netlink import nftables
from vcnd.netlink.messages import NetlinkSocket


class KernelRefusedError(VcndError):
    """The kernel, or nft, refused a step of the data plane."""

    cause = Cause.KERNEL_REFUSED


def put(table: str, text: str) -> None:
    """Give a table its contents, whole or not at all.

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
    try:
        _load(nft_scripts.in_place(table, text, there))
    except KernelRefusedError as error:
        # Another version's objects, of the same names, are of another kind.
        _load(nft_scripts.anew(table, text))
        log.warning("rule_set_replaced", reason=error.details)


def change(table: str, before: Table, after: Table) -> None:
    """Give a table other contents, by what differs; whole if that is refused.

    No packet is lost, not even one that is led to a chain that is new.

    Args:
        table: its name.
        before: its contents, as they were put or changed without an error.
        after: its contents afterwards.

    Raises:
        KernelRefusedError: nft refused them.
        OSError: the kernel does not tell what is in the table now.
    """
    try:
        for script in nft_changes.changes(table, before, after):
            _load(script)
    except KernelRefusedError as error:
        log.warning("rule_set_differs", reason=error.details)
        put(table, after.text(table))


def remove(table: str) -> None:
    """Delete a table; one that is gone is no error.

    Raises:
        KernelRefusedError: nft refused it.
    """
    _load(nft_scripts.removal(table))


def listing(table: str) -> str:
    """Return a table as ``nft -j`` lists it (``nft_listed`` reads it).

    Raises:
        KernelRefusedError: nft refused, or the table is not there.
    """
    arguments = ["-j", "list", "table", "inet", table]
    return _run(arguments, "", f"nft does not list table inet {table}")


def _load(script: str) -> None:
    _run(["-f", "-"], script, "nft refused the rule set")


def _run(arguments: list[str], script: str, failure: str) -> str:
    done = subprocess.run(
        ["/usr/sbin/nft", *arguments],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise KernelRefusedError(failure, details=done.stderr.strip())
    return done.stdout
