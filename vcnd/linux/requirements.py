"""What the node must have for vcnd to work; checked at the start."""

import errno
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from vcnd.linux.layout import Layout
from vcnd.linux.nft_scripts import anew
from vcnd.linux.ruleset import render
from vcnd.model.errors import VcndError
from vcnd.model.family import Family
from vcnd.netlink.netns import cookie_here

LEAST_KERNEL = "5.14"
"""The first with SO_NETNS_COOKIE."""
NFT = Path("/usr/sbin/nft")
IPV6 = Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")


class UnfitNodeError(VcndError):
    """The node lacks what vcnd needs; says what, and what to do."""


def check(
    layout: Layout,
    families: Sequence[Family],
    *,
    nft: Path = NFT,
    ipv6: Path = IPV6,
    cookie: Callable[[], int] = cookie_here,
) -> None:
    """Check kernel and programs.

    Args:
        layout: of the rule set that nft is asked to check.
        families: of pods' addresses, as configured.
        nft: the program.
        ipv6: the kernel's switch for IPv6.
        cookie: returns the cookie of a network namespace.

    Raises:
        UnfitNodeError: something is missing.
    """
    _kernel(cookie)
    if Family.IPV6 in families:
        _ipv6(ipv6)
    _nftables(layout, nft)


def _kernel(cookie: Callable[[], int]) -> None:
    try:
        cookie()
    except OSError as error:
        if error.errno != errno.ENOPROTOOPT:
            raise
        raise UnfitNodeError(
            f"kernel {os.uname().release} is too old; vcnd needs {LEAST_KERNEL}",
            details="it cannot tell network namespaces apart (SO_NETNS_COOKIE); take an"
            " image with a newer kernel: Ubuntu 22.04, Oracle Linux 9, or 8 with UEK 7",
        ) from error


def _ipv6(switch: Path) -> None:
    remedy = "or leave IPv6 out of [oci] ip_families"
    try:
        disabled = switch.read_text().strip()
    except FileNotFoundError as error:
        raise UnfitNodeError(
            "pods are to have IPv6 addresses, and this kernel has no IPv6",
            details=f"start it without ipv6.disable=1, {remedy}",
        ) from error
    if disabled != "0":
        raise UnfitNodeError(
            "pods are to have IPv6 addresses, and IPv6 is switched off on this node",
            details=f"set net.ipv6.conf.all.disable_ipv6 to 0, {remedy}",
        )


def _nftables(layout: Layout, nft: Path) -> None:
    """Let the kernel check a rule set without VNICs; nothing is changed."""
    try:
        done = subprocess.run(
            [str(nft), "--check", "-f", "-"],
            input=anew(layout.nft_table, render(layout, [], [], marker="check")),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise UnfitNodeError(
            f"{nft} cannot be run", details=f"{error.strerror}; install nftables"
        ) from error
    if done.returncode:
        words = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise UnfitNodeError(
            "nft does not take vcnd's rule set on this kernel",
            details=f"{words[0]}; vcnd needs nftables 1.0 or newer, CAP_NET_ADMIN, and"
            " the kernel's nf_tables with inet, ct, fib, nat, masq and reject",
        )
