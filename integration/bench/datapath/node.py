"""A node with the product's own rules: a process in the node's namespace.

It reads its orders as a line of JSON, sets the node up as the daemon does, plugs the
pods and says so by a line of JSON: the state of the express lane.  Each further line
asks for that state again.  It ends at the end of its input.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

import msgspec
import trio

from fakeoci.fabric import netns as namespaces
from vcnd.linux.host import LinuxHost
from vcnd.linux.layout import Layout
from vcnd.model.express import ExpressState
from vcnd.model.ids import SubnetId, VnicId
from vcnd.model.sandbox import HostLink, Lease, PodRef, SandboxKey
from vcnd.model.vnic import PRIMARY_INDEX, Vnic, VnicSlot
from vcnd.serve.policies import PolicySocket

LANE_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class VnicOrder:
    """A VNIC as the cloud would describe it."""

    mac: str
    address: str
    subnet_cidr: str
    virtual_router: str


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What a node has."""

    primary: VnicOrder
    pods_vnic: VnicOrder
    pods: dict[str, str]
    """Namespace → address."""
    express: bool
    policy_socket: str = ""
    """That of vcnd-policy; empty: it does not get the lane's gate."""
    names: dict[str, str] = field(default_factory=dict)
    """Namespace → the pod's own ``namespace/name/uid``; a pod may have none."""

    def line(self) -> str:
        """Return the orders as a line."""
        return json.dumps(asdict(self))


def _slot(index: int, order: VnicOrder) -> VnicSlot:
    vnic = Vnic(
        id=VnicId(f"vnic{index}"),
        mac=order.mac,
        address=order.address,
        subnet_id=SubnetId("subnet"),
        subnet_cidr=order.subnet_cidr,
        virtual_router=order.virtual_router,
    )
    return VnicSlot(index=index, vnic=vnic)


def _pod(name: str) -> PodRef:
    if not name:
        return PodRef()
    space, own, uid = name.split("/")
    return PodRef(namespace=space, name=own, uid=uid)


async def _plug(
    host: LinuxHost, orders: Orders, namespace: str, slot: VnicSlot
) -> None:
    address = orders.pods[namespace]
    key = SandboxKey("vcnd", namespace, "eth0")
    descriptor = os.open(namespaces.DIRECTORY / namespace, os.O_RDONLY)
    try:
        cookie = await host.identify(descriptor)
        wiring = HostLink(ifname=host.host_ifname(key), netns_cookie=cookie)
        pod = _pod(orders.names.get(namespace, ""))
        lease = Lease(key=key, addresses=(address,), wiring=wiring, pod=pod)
        await host.plug(lease, netns=descriptor, slots={address: slot})
    finally:
        os.close(descriptor)


async def _serve(orders: Orders) -> None:
    host = LinuxHost(Layout(express=orders.express))
    slots = [
        _slot(PRIMARY_INDEX, orders.primary),
        _slot(PRIMARY_INDEX + 1, orders.pods_vnic),
    ]
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        if orders.policy_socket:
            path = orders.policy_socket
            policies = PolicySocket(path, patience_seconds=1.0, strict=True)
            chance = Random()  # noqa: S311 - jitter, no secret
            nursery.start_soon(policies.lend_gate, host.express_gate, chance)
        await host.apply(slots)
        for namespace in orders.pods:
            await _plug(host, orders, namespace, slots[1])
        with trio.move_on_after(LANE_SECONDS):
            await _until_in_lane(host, len(orders.pods))
        _say(await host.express())
        while await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
            _say(await host.express())
        nursery.cancel_scope.cancel()


async def _until_in_lane(host: LinuxHost, pods: int) -> None:
    """Return when all pods use the lane, or it is off."""
    # The port has no event for it.
    while (state := await host.express()).on and state.pods < pods:  # noqa: ASYNC110
        await trio.sleep(0.05)


def _say(state: ExpressState) -> None:
    plain: dict[str, Any] = msgspec.to_builtins(state)
    if state.why is not None:
        plain["why"] = state.why.reason
    print(json.dumps(plain), flush=True)  # noqa: T201 - the reply


def main() -> None:
    """Read the orders and serve; the log goes to standard error."""
    orders = msgspec.json.decode(sys.stdin.readline(), type=Orders)
    trio.run(_serve, orders)


if __name__ == "__main__":
    main()
