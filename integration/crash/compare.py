"""Compares the witnesses of a node's state; each difference names its invariant."""

from collections import Counter
from collections.abc import Iterator

from integration.crash.observed import Observed


def differences(seen: Observed) -> list[str]:
    """Return what must not be, in words; nothing if all witnesses agree."""
    return [
        *_addresses_once(seen),
        *_leases_and_sandboxes(seen),
        *_leases_and_journal(seen),
        *_leases_and_kernel(seen),
        *_leases_and_cloud(seen),
        *_cloud_and_daemon(seen),
    ]


def _leases(seen: Observed) -> dict[str, tuple[str, ...]]:
    return {x.container_id: x.addresses for x in seen.status.leases}


def _addresses_once(seen: Observed) -> Iterator[str]:
    leased = Counter(a for x in seen.status.leases for a in x.addresses)
    had = Counter(a for s in seen.sandboxes for a in s.has)
    for what, counts in (("leases", leased), ("namespaces", had)):
        for address, number in counts.items():
            if number > 1:
                yield f"I1: {number} {what} have {address}"


def _leases_and_sandboxes(seen: Observed) -> Iterator[str]:
    leases = _leases(seen)
    known = {s.container_id for s in seen.sandboxes}
    for sandbox in seen.sandboxes:
        held = leases.get(sandbox.container_id, ())
        short = sandbox.container_id[:8]
        if held != sandbox.addresses:
            yield (
                f"I4: sandbox {short} was answered {sandbox.addresses},"
                f" and its lease has {held}"
            )
        if {*sandbox.has} != {*sandbox.addresses}:
            yield (
                f"I9: sandbox {short} was answered {sandbox.addresses},"
                f" and has {sandbox.has}"
            )
    for container_id, addresses in leases.items():
        if container_id not in known:
            yield f"leak: a lease of {addresses} without a sandbox ({container_id[:8]})"


def _leases_and_journal(seen: Observed) -> Iterator[str]:
    leases = _leases(seen)
    if leases != seen.journal:
        yield f"I4: the daemon has the leases {leases}, its journal {seen.journal}"


def _leases_and_kernel(seen: Observed) -> Iterator[str]:
    addresses = {a for x in seen.status.leases for a in x.addresses}
    links = {x.host_ifname for x in seen.status.leases}
    kernel = seen.kernel
    for what, there, right in (
        ("links of pods", kernel.links, links),
        ("routes to pods", kernel.routes, addresses),
        ("elements of the map of pods", kernel.elements, addresses),
    ):
        if there - right:
            yield f"leak: {what} without a lease: {sorted(there - right)}"
        if right - there:
            yield f"I9: leases without {what}: {sorted(right - there)}"


def _leases_and_cloud(seen: Observed) -> Iterator[str]:
    ours = {a for addresses in seen.listed.values() for a in addresses}
    for lease in seen.status.leases:
        for address in lease.addresses:
            if address not in ours:
                yield f"I2: {address} is leased, and the cloud has it on no VNIC here"


def _cloud_and_daemon(seen: Observed) -> Iterator[str]:
    known = {v.id: v.addresses for v in seen.status.pod_vnics}
    listed = {vnic: len(addresses) for vnic, addresses in seen.listed.items()}
    for vnic in listed.keys() - known.keys():
        yield f"I7: the cloud has {vnic[-8:]} attached here, and the daemon lacks it"
    for vnic in known.keys() - listed.keys():
        yield f"I2: the daemon has {vnic[-8:]}, and the cloud has it not here"
    for vnic in listed.keys() & known.keys():
        if listed[vnic] != known[vnic]:
            yield (
                f"I7: {vnic[-8:]} has {listed[vnic]} addresses in the cloud,"
                f" and {known[vnic]} for the daemon"
            )
