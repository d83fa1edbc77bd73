"""The witnesses of a node's state: daemon, journal, kernel, cloud, sandboxes."""

import socket
from pathlib import Path

import msgspec

from fakeoci.fabric import netns
from integration.cloudview import View, addresses_of, named
from vcnd.journal import reading
from vcnd.linux import kernel as reading_kernel
from vcnd.linux.layout import Layout
from vcnd.model.family import Family
from vcnd.model.status import NodeStatus
from vcnd.netlink import nft_listing, nftables
from vcnd.netlink.messages import NetlinkSocket
from vcnd.oci.tags import OWNER

LAYOUT = Layout()
FOREIGN_LINK = "oci0123456789a"
"""A link of another program's whose name looks like a pod's."""
POD_MAP = "pods4"
LOOPBACK = "127.0.0.1"


class Kernel(msgspec.Struct, frozen=True, kw_only=True):
    """What the node's namespace holds of pods."""

    links: frozenset[str]
    """Names of pods' links, without those that wait for their deletion."""
    routes: frozenset[str]
    """Addresses with a route in the pods' table."""
    elements: frozenset[str]
    """Addresses in the map by which packets of pods pass."""


class Sandbox(msgspec.Struct, frozen=True, kw_only=True):
    """A sandbox as the runtime knows it."""

    container_id: str
    addresses: tuple[str, ...]
    """Those of its result."""
    has: tuple[str, ...]
    """Those that its namespace has."""


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """A node's state at one moment."""

    status: NodeStatus
    journal: dict[str, tuple[str, ...]]
    """The leases of the journal: container id → addresses."""
    kernel: Kernel
    listed: dict[str, frozenset[str]]
    """Of the cloud: each VNIC of ours on the node → its secondary addresses."""
    sandboxes: tuple[Sandbox, ...]
    """Those that must have a network."""


def journal(path: Path) -> dict[str, tuple[str, ...]]:
    """Return the leases that a journal's file has."""
    if not path.exists():
        return {}
    replay = reading.read(path.read_bytes(), str(path)).replay
    leases = replay.recovered(0.0).leases
    return {x.key.container_id: x.addresses for x in leases}


def kernel(node: str) -> Kernel:
    """Return what a node's namespace holds of pods."""
    return netns.inside(node, _kernel_here)


def _kernel_here() -> Kernel:
    with NetlinkSocket(socket.NETLINK_ROUTE) as route:
        links = reading_kernel.links(route)
        routes = reading_kernel.routes(route, Family.IPV4)
    with NetlinkSocket(nftables.NETLINK_NETFILTER) as netfilter:
        is_there = POD_MAP in nftables.maps(netfilter, LAYOUT.nft_table)
        # A map that is not there is an error.
        elements = (
            nft_listing.elements(netfilter, LAYOUT.nft_table, POD_MAP)
            if is_there
            else {}
        )
    return Kernel(
        links=frozenset(
            x.name
            for x in links
            if x.name.startswith(LAYOUT.link_prefix)
            and x.name != FOREIGN_LINK
            and x.group != LAYOUT.link_group
        ),
        routes=frozenset(r.destination for r in routes if r.table == LAYOUT.pods_table),
        elements=frozenset(
            nftables.split_interface_and_address(key)[1] for key in elements
        ),
    )


def listed(world: View, instance: str) -> dict[str, frozenset[str]]:
    """Return the secondary addresses of each VNIC of ours on an instance."""
    mine = vnics_of(world, instance)
    found: dict[str, set[str]] = {vnic: set() for vnic in mine}
    for kind in ("PrivateIp", "Ipv6"):
        for private_ip in world[kind]:
            if private_ip["vnicId"] in mine and not private_ip.get("isPrimary"):
                found[private_ip["vnicId"]].update(addresses_of(private_ip))
    return {vnic: frozenset(addresses) for vnic, addresses in found.items()}


def vnics_of(world: View, instance: str) -> set[str]:
    """Return the VNICs that carry our tags and are, or will be, on an instance."""
    owner = named(world, "Instance", instance)["id"]
    there = {
        a.get("vnicId")
        for a in world["VnicAttachment"]
        if a["instanceId"] == owner and a["lifecycleState"] != "DETACHED"
    }
    return {
        v["id"]
        for v in world["Vnic"]
        if v["id"] in there and OWNER in v["freeformTags"]
    }


def addresses_in(namespace: str) -> tuple[str, ...]:
    """Return the IPv4 addresses that a pod's namespace has on its interface."""
    found = netns.inside(namespace, reading_kernel.all_addresses)
    return tuple(sorted(a for a in found if ":" not in a and a != LOOPBACK))
