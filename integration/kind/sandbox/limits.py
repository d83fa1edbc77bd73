"""What a unit's process may do: rules about what a node tells of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from integration.checking import CheckError


class Capability(IntEnum):
    """Numbers of Linux' capabilities (capability.h)."""

    NET_ADMIN = 12
    SYS_ADMIN = 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one unit's process may do."""

    capabilities: frozenset[Capability]
    exposure: float
    """The most that ``systemd-analyze security`` may count."""
    may: Mapping[str, str]
    """The attempts of the probe that must get through, with their outcomes; all others
    must not."""


LIMITS = {
    "vcnd": Limits(
        capabilities=frozenset({Capability.NET_ADMIN, Capability.SYS_ADMIN}),
        exposure=2.2,
        may={
            "enter_network": "done",
            "bpf": "EINVAL",  # of the kernel, which knows no such command
            "netlink_socket": "done",
            "nftables": "done",
            "daemons_token": "done",
            "write_temporary": "done",
            "write_state": "done",
        },
    ),
    "vcnd-policy": Limits(
        capabilities=frozenset({Capability.NET_ADMIN}),
        exposure=1.6,
        may={
            "netlink_socket": "done",
            "nftables": "done",
            "policys_token": "done",
            "write_temporary": "done",
        },
    ),
}
"""By unit."""
REFUSALS = {"SIGSYS", "EPERM", "EACCES", "EROFS", "EAFNOSUPPORT", "ENOENT"}
"""What a sandbox answers.  Another error comes from beyond it: the call got through."""
SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
FILTERED = "2"
"""Of ``Seccomp`` in a process' status: a filter is in force."""
EXPOSURE = re.compile(r"Overall exposure level for \S+: (\d+\.\d)")


def faults_of_status(text: str, limits: Limits) -> list[str]:
    """Return what is wrong with a process' rights.

    Args:
        text: its ``/proc/PID/status``.
        limits: those of its unit.
    """
    fields = dict(re.findall(r"^(\w+):\s*(.*)$", text, re.MULTILINE))
    wanted = sum(1 << capability for capability in limits.capabilities)
    faults = [
        f"{name} is {fields.get(name)}, not {wanted:x}"
        for name in SETS
        if int(fields.get(name, "-1"), 16) != wanted
    ]
    if fields.get("NoNewPrivs") != "1":
        faults.append("it can gain rights (NoNewPrivs)")
    if fields.get("Seccomp") != FILTERED:
        faults.append("no filter of system calls is in force (Seccomp)")
    faults += [
        f"{name} is root's: {fields.get(name)}"
        for name in ("Uid", "Gid")
        if "0" in fields.get(name, "0").split()
    ]
    return faults


def exposure(text: str) -> float:
    """Return what ``systemd-analyze security`` counts, from its output.

    Raises:
        CheckError: there is no figure.
    """
    found = EXPOSURE.search(text)
    if found is None:
        raise CheckError(f"systemd-analyze security tells no figure: {text[-200:]}")
    return float(found[1])


def faults_of_attempts(outcomes: Mapping[str, str], limits: Limits) -> list[str]:
    """Return which attempts got through and must not, or failed and must not.

    Args:
        outcomes: what the probe prints, by attempt.
        limits: those of the unit.
    """
    faults = [
        f"{name} is refused ({outcomes.get(name, 'not tried')})"
        for name, wanted in limits.may.items()
        if outcomes.get(name) != wanted
    ]
    return faults + [
        f"{name} gets through ({told})"
        for name, told in outcomes.items()
        if name not in limits.may and told not in REFUSALS
    ]
