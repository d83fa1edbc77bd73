"""Nodes with the product's own rules, and pods on them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Interface
from typing import Any

from fakeoci.fabric import netns
from integration.bench.datapath import underlay
from integration.bench.datapath.node import Orders, VnicOrder
from integration.bench.datapath.underlay import Place
from integration.lab.profile import Profile

STOP_SECONDS = 20.0


class NodeError(Exception):
    """A node's process ended."""


@dataclass(kw_only=True)
class OurNode:
    """A node's process; ``express`` is the lane's state as it said last."""

    place: Place
    process: "subprocess.Popen[str]"
    express: dict[str, Any]

    def ask(self) -> dict[str, Any]:
        """Return the lane's state now."""
        if self.process.stdin is not None:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        self.express = _reply(self.process)
        return self.express


def _reply(process: "subprocess.Popen[str]") -> dict[str, Any]:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise NodeError("a node's process ended; see its output above")
    reply: dict[str, Any] = json.loads(line)
    return reply


def _order(place: Place, vnic: int, address: IPv4Interface) -> VnicOrder:
    return VnicOrder(
        mac=place.mac(vnic),
        address=str(address.ip),
        subnet_cidr=str(address.network),
        virtual_router=underlay.router_of(address),
    )


@contextmanager
def running(place: Place, *, pods: int, express: bool) -> Iterator[OurNode]:
    """Run a node with a number of pods."""
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
    )
    process = subprocess.Popen(
        [
            *("/usr/bin/nsenter", f"--net={netns.DIRECTORY / place.netns}"),
            *(sys.executable, "-m", "integration.bench.datapath.node"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if process.stdin is not None:
            process.stdin.write(orders.line() + "\n")
            process.stdin.flush()
        yield OurNode(place=place, process=process, express=_reply(process))
    finally:
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
