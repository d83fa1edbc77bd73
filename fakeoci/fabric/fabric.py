"""The fabric: every VCN and the links between them and to the outside."""

import socket
from collections import deque
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any, Never, TypeVar

import trio

from fakeoci.fabric import netfilter, netns, resolver, rules
from fakeoci.fabric.desired import VcnNet, vcn_nets
from fakeoci.fabric.flowlog import FlowLog
from fakeoci.fabric.gateways import INTERNET, GatewayLinks
from fakeoci.fabric.netfilter import Counted
from fakeoci.fabric.vcn import (
    ISCSI,
    LINK_LOCAL,
    LINK_LOCAL_V6,
    SERVICES,
    VcnNamespace,
)
from fakeoci.world.resources import Instance, Ipv6, PrivateIp
from fakeoci.world.world import World

T = TypeVar("T")

DropWatcher = Callable[[str, Counted, bool], None]
"""Called with the VCN, a packet that was dropped, and True if the source check did it,
False if no rule allowed it.
"""
INTERNET_HOST, INTERNET_HOST_V6 = "198.51.100.80", "2001:db8:80::80"
"""A host on the internet."""
NAT_ADDRESSES = "203.0.113."
CAPTURE_WINDOW_SECONDS = 10.0
GATHER_SECONDS = 0.005
SPOOFS_KEPT = 100


class Fabric:
    """Owns the namespaces; ``run`` keeps them as the world says."""

    def __init__(self, world: World, clock: Callable[[], float]) -> None:
        self._world = world
        self._clock = clock
        self._vcns: dict[str, VcnNamespace] = {}
        self._gateways = GatewayLinks(world, self._vcns)
        self._made: list[str] = []
        self._changed = trio.Event()
        self._settled = trio.Event()
        self._one_thread = trio.CapacityLimiter(1)
        self.flow_logs: dict[str, FlowLog] = {}
        self.spoofs: deque[Counted] = deque(maxlen=SPOOFS_KEPT)
        """The last packets that the source check dropped."""
        self.drop_watchers: list[DropWatcher] = []
        world.listeners.append(self._ring)

    def _ring(self) -> None:
        self._changed.set()

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(call, limiter=self._one_thread)

    # Making

    def build(self) -> None:
        """Make all namespaces and links of the world at its start."""
        self._make(INTERNET)
        netns.sysctl(INTERNET, {"ipv4/conf/all/rp_filter": 0})
        hosts = (f"{INTERNET_HOST}/32", f"{INTERNET_HOST_V6}/128")
        netns.ip(INTERNET, [f"addr add {host} dev lo" for host in hosts])
        for onprem in self._world.onprem.values():
            self._make(f"onprem-{onprem.name}")
        for instance in self._world.all(Instance):
            if not netns.exists(instance.netns):
                self._make(instance.netns)
        nets = vcn_nets(self._world)
        for number, net in enumerate(nets):
            vcn = VcnNamespace(net, f"{NAT_ADDRESSES}{10 + number}")
            self._made.append(vcn.netns)
            self._vcns[net.vcn_id] = vcn
            self.flow_logs[net.vcn_id] = FlowLog(self._vnic_of)
        for net in nets:
            for gateway in net.gateways:
                self._gateways.link(net, gateway)
        self._bring_all(nets)

    def _make(self, name: str) -> None:
        netns.add(name)
        self._made.append(name)

    # Keeping

    def _bring_all(self, nets: list[VcnNet]) -> None:
        for net in nets:
            changed = self._vcns[net.vcn_id].bring_to(net, self._gateways.links)
            if changed and self._world.settings.behaviour.cut_flows_on_rule_change:
                netns.inside(self._vcns[net.vcn_id].netns, netfilter.forget_connections)

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Follow the world, and serve the link-local services of hosts."""
        await self._in_thread(self.build)
        async with trio.open_nursery() as nursery:
            for vcn_id, vcn in self._vcns.items():
                nursery.start_soon(self._serve_resolver, vcn_id, vcn)
                nursery.start_soon(self._serve_iscsi, vcn)
                reject, spoof = self.flow_logs[vcn_id].reject, self.spoofs.append
                for group, take in (
                    (rules.REJECTED_GROUP, reject),
                    (rules.SPOOFED_GROUP, spoof),
                ):
                    nursery.start_soon(self._read_log, vcn_id, group, take)
            nursery.start_soon(self._capture)
            nursery.start_soon(self._let_time_pass)
            task_status.started()
            while True:
                await self._changed.wait()
                await trio.sleep(GATHER_SECONDS)
                self._changed = trio.Event()
                settled, self._settled = self._settled, trio.Event()
                nets = vcn_nets(self._world)
                await self._in_thread(lambda nets=nets: self._bring_all(nets))  # type: ignore[misc]
                settled.set()
        raise AssertionError("the loop above never ends")

    async def settled(self) -> None:
        """Return when the kernel has reached the world's state at the call."""
        waiting = self._settled
        self._ring()
        await waiting.wait()

    async def _let_time_pass(self) -> None:
        """Let due changes happen without a request: a link appears by itself."""
        while True:
            due = self._world.next_due
            pause = 0.2 if due is None else max(0.0, min(0.2, due - self._clock()))
            await trio.sleep(pause + 0.001)
            self._world.advance(self._clock())

    def teardown(self) -> None:
        """Remove every namespace that was made, and all their links."""
        for name in reversed(self._made):
            netns.remove(name)
        self._made.clear()

    # Link-local services

    async def _socket(self, vcn: VcnNamespace, kind: int, host: str, port: int) -> Any:
        def make() -> socket.socket:
            sock = socket.socket(socket.AF_INET, kind)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
            if kind == socket.SOCK_STREAM:
                sock.listen(16)
            return sock

        made = await self._in_thread(lambda: netns.inside(vcn.netns, make))
        return trio.socket.from_stdlib_socket(made)

    async def _serve_resolver(self, vcn_id: str, vcn: VcnNamespace) -> None:
        with (
            await self._socket(vcn, socket.SOCK_DGRAM, LINK_LOCAL, 53) as sock,
            await self._socket(vcn, socket.SOCK_STREAM, LINK_LOCAL, 53) as listener,
        ):
            async with trio.open_nursery() as both:
                both.start_soon(resolver.serve, sock, self._world, vcn_id)
                both.start_soon(resolver.serve_stream, listener, self._world, vcn_id)

    async def _serve_iscsi(self, vcn: VcnNamespace) -> None:
        """Answer at the boot volumes' address, so that guards can be tested."""
        with await self._socket(vcn, socket.SOCK_STREAM, ISCSI, 3260) as listener:
            while True:
                connection, _ = await listener.accept()
                connection.close()

    # Flow logs

    def _vnic_of(self, address: str) -> str | None:
        held = ip_address(address)
        for one in (*self._world.all(PrivateIp), *self._world.all(Ipv6)):
            if held in ip_network(f"{one.ip_address}/{one.prefix_length}"):
                return one.vnic_id
        return None

    async def _read_log(
        self, vcn_id: str, group: int, take: Callable[[Counted], None]
    ) -> None:
        """Pass on the packets that a VCN's rules log to a group."""
        vcn = self._vcns[vcn_id]

        def subscribe() -> socket.socket:
            return netfilter.subscribe_log(group)

        made = await self._in_thread(lambda: netns.inside(vcn.netns, subscribe))
        with trio.socket.from_stdlib_socket(made) as sock:
            while True:
                try:
                    data = await sock.recv(netfilter.MOST)
                except OSError:
                    continue  # ENOBUFS: some are lost, as flow logs may
                for packet in netfilter.logged(data):
                    take(packet)
                    for watcher in self.drop_watchers:
                        watcher(vcn_id, packet, group == rules.SPOOFED_GROUP)

    async def _capture(self) -> None:
        while True:
            await trio.sleep(CAPTURE_WINDOW_SECONDS)
            await self.close_windows()

    async def close_windows(self) -> None:
        """End the capture windows of all flow logs now."""
        for vcn_id in self._vcns:
            counted = await self.connections(vcn_id)
            self.flow_logs[vcn_id].close_window(counted, self._clock())

    async def connections(self, vcn_id: str) -> list[Counted]:
        """Return both directions of the connections that a VCN's router tracks."""
        name = self._vcns[vcn_id].netns
        return await self._in_thread(lambda: netns.inside(name, netfilter.connections))

    async def spoofed(self) -> int:
        """Return how many packets the source checks have dropped, over all VCNs."""
        vcns = list(self._vcns.values())
        return await self._in_thread(lambda: sum(v.spoofed() for v in vcns))

    @property
    def services(self) -> dict[str, list[str]]:
        """Return VCN → the addresses of the cloud's services for its hosts."""
        four = [LINK_LOCAL, SERVICES]
        return {
            vcn_id: [*four, LINK_LOCAL_V6] if vcn.has_ipv6 else four
            for vcn_id, vcn in self._vcns.items()
        }

    @property
    def vcn_netns(self) -> dict[str, str]:
        """Return VCN → its namespace."""
        return {vcn_id: vcn.netns for vcn_id, vcn in self._vcns.items()}
