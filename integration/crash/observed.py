"""The witnesses of a node's state: daemon, journal, kernel, cloud, sandboxes."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from fakeoci.fabric import netns
from integration.cloudview import View, addresses_of, named
from vcnd.journal import reading
from vcnd.linux.layout import Layout
from vcnd.model.status import NodeStatus
from vcnd.oci.tags import OWNER

LAYOUT = Layout()
FOREIGN_LINK = "oci0123456789a"
"""A link of another program's whose name looks like a pod's."""
ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")


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
    shown = json.loads(netns.ip_output(node, "-j", "-d", "link", "show"))
    waiting = str(LAYOUT.link_group)
    links = {
        link["ifname"]
        for link in shown
        if link["ifname"].startswith(LAYOUT.link_prefix)
        and link["ifname"] != FOREIGN_LINK
        and str(link.get("group")) != waiting
    }
    table = str(LAYOUT.pods_table)
    # A table that no route was ever in is an error to ip.
    routes = netns.ip_output(node, "-j", "route", "show", "table", "all")
    found = {
        r["dst"] for r in json.loads(routes or "[]") if str(r.get("table")) == table
    }
    elements: set[str] = set()
    listing = netns.nft_output(node, "list tables")
    if f"table inet {LAYOUT.nft_table}" in listing:
        listed = netns.nft_output(node, f"list map inet {LAYOUT.nft_table} pods4")
        elements = {*ADDRESS.findall(listed)}
    return Kernel(
        links=frozenset(links), routes=frozenset(found), elements=frozenset(elements)
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
    shown: list[dict[str, Any]] = json.loads(
        netns.ip_output(namespace, "-j", "-4", "addr", "show", "scope", "global")
    )
    return tuple(i["local"] for link in shown for i in link.get("addr_info", []))
