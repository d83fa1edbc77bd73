"""Nodes with the product's own rules, and pods on them."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Interface
from typing import Any

from fakeoci.fabric import netns
from integration.bench.datapath import underlay
from integration.bench.datapath.node import Orders, VnicOrder
from integration.bench.datapath.underlay import Place
from integration.lab.children import Coprocess, coprocess
from integration.lab.profile import Profile


def lane(node: Coprocess) -> dict[str, Any]:
    """Return the state of a node's express lane now."""
    state: dict[str, Any] = json.loads(node.ask(""))
    return state


def _order(place: Place, vnic: int, address: IPv4Interface) -> VnicOrder:
    return VnicOrder(
        mac=place.mac(vnic),
        address=str(address.ip),
        subnet_cidr=str(address.network),
        virtual_router=underlay.router_of(address),
    )


@contextmanager
def running(
    place: Place,
    *,
    pods: int,
    express: bool,
    names: Sequence[str] = (),
    policy_socket: str = "",
) -> Iterator[Coprocess]:
    """Run a node with a number of pods; yield its process.

    Args:
        place: the node.
        pods: how many pods.
        express: whether connections may take the express lane.
        names: of the pods, as ``namespace/name/uid``; without them the pods have none.
        policy_socket: that of the node's vcnd-policy, if it is to run one.
    """
    underlay.add_node(place)
    Profile("plain").set_up_vcnd(place.netns)
    underlay.add_vnic(place, 1, place.pods)
    addresses = {place.pod_netns(n): place.pod(n) for n in range(pods)}
    for namespace in addresses:
        netns.add(namespace)
    underlay.deliver(place, addresses.values())
    orders = Orders(
        primary=_order(place, 0, place.primary),
        pods_vnic=_order(place, 1, place.pods),
        pods=addresses,
        express=express,
        policy_socket=policy_socket,
        names=dict(zip(addresses, names, strict=False)),
    )
    command = [
        *("/usr/bin/nsenter", f"--net={netns.DIRECTORY / place.netns}"),
        *(sys.executable, "-m", "integration.bench.datapath.node"),
    ]
    with coprocess(command) as node:
        node.ask(orders.line())
        yield node
