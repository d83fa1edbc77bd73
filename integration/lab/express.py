"""Says which packets went by the express lane: the product itself counts them."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from fakeoci.fabric import netns
from integration.lab import frames, others, streams
from integration.lab.bare import ROUTER, BareNode, BarePod
from integration.lab.streams import Address, Datagrams, Stream
from vcnd.bpf import programs as bpf
from vcnd.bpf import tcx
from vcnd.bpf.tcx import Hook
from vcnd.linux.lane.hooks import NAMES, PARENTS
from vcnd.model.cause import Cause
from vcnd.netlink import conntrack, traffic_control
from vcnd.netlink.messages import NetlinkSocket

SOON_SECONDS = 30.0
"""Within this, on any machine; it takes some milliseconds."""
EXCHANGES = 20
SOME = 4
"""So many packets may go the other way: acknowledgements, also of other connections."""
MOST = 2 * EXCHANGES - SOME
UNANSWERED = {
    "arp lab": "drop",
    "ip6 lab": "icmpv6 type nd-neighbor-advert drop",
}
"""Rules by table: a router with them finds no neighbour, so packets to it wait."""
Opening = Callable[..., Stream | Datagrams]
PORTS = (4000, 8080)
"""The client's port and the server's, unless a test names others."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many packets of a node's pods went by the lane, and how many did not."""

    express: int
    ordinary: int

    @property
    def mostly_express(self) -> bool:
        """Return True if more than ten packets went by the lane for each other one."""
        return self.express > 10 * self.ordinary


def state(node: BareNode) -> dict[str, Any]:
    """Return the lane's state on a node (``ExpressState``)."""
    found: dict[str, Any] = node.call("express")
    return found


def until(holds: Callable[[], bool], what: str, seconds: float = SOON_SECONDS) -> None:
    """Return as soon as a condition holds.

    Raises:
        TimeoutError: the condition does not hold when this time has passed.
    """
    end = time.monotonic() + seconds
    while True:
        # Before the look: on a busy machine, much time may pass after it.
        is_last = time.monotonic() > end
        if holds():
            return
        if is_last:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def until_settled(node: BareNode) -> dict[str, Any]:
    """Return the lane's state as soon as the lane is on, or off for good."""

    def settled() -> bool:
        found = state(node)
        return bool(found["on"] or found["why"]["cause"] != Cause.RELEASED)

    until(settled, f"the lane of {node.name}")
    return state(node)


def until_attached(*nodes: BareNode) -> None:
    """Return as soon as each pod that may use the lane has the programs at its link."""
    for node in nodes:
        wanted = sum(p.get("express", True) for p in node.pods.values())

        def attached(node: BareNode = node, wanted: int = wanted) -> bool:
            return bool(state(node)["pods"] == wanted)

        until(attached, f"programs on {node.name}")


def share(node: BareNode, action: Callable[[], object]) -> Share:
    """Run an action; return which way a node's packets go meanwhile."""
    before = state(node)
    action()
    after = state(node)
    return Share(
        express=after["express_packets"] - before["express_packets"],
        ordinary=after["ordinary_packets"] - before["ordinary_packets"],
    )


def rides(node: BareNode, exchange: Callable[[int], object]) -> bool:
    """Return True if a flow's packets go by the lane, False if they do not.

    Args:
        node: the node; each packet crosses it once.
        exchange: sends a number of packets in each direction.

    Raises:
        AssertionError: some packets go by the lane and some do not.
    """
    exchange(2)  # each direction is admitted by a packet of its own
    seen = share(node, lambda: exchange(EXCHANGES))
    if seen.express >= MOST:
        return True
    if seen.express <= SOME:
        return False
    raise AssertionError(f"neither all nor none: {seen}")


def until_rides(node: BareNode, exchange: Callable[[int], object]) -> None:
    """Return as soon as a flow's packets go by the lane."""

    def now() -> bool:
        return share(node, lambda: exchange(EXCHANGES)).express >= MOST

    until(now, f"the flow is in the lane of {node.name}")


def until_ordinary(node: BareNode, exchange: Callable[[int], object]) -> None:
    """Return as soon as a flow's packets go the ordinary way.

    Some packets of an exchange may still go by the lane, when it ends meanwhile.
    """

    def now() -> bool:
        return share(node, lambda: exchange(EXCHANGES)).express <= SOME

    until(now, f"the flow is not in the lane of {node.name}")


def connections(node: BareNode, *words: str) -> list[str]:
    """Return the lines of connection tracking that have some words.

    The lines are of connections of the node's pods.  For a moment the kernel also lists
    connections of removed pods; they are left out.
    """
    path = Path("/proc/thread-self/net/nf_conntrack")
    lines = netns.inside(node.name, path.read_text).splitlines()
    ends = {
        f"{end}={ip_address(address).exploded}"
        for pod in node.pods.values()
        for address in pod["addresses"]
        for end in ("src", "dst")
    }
    return [x for x in lines if ends & {*x.split()} and {*words} <= {*x.split()}]


def tcp(
    client: BarePod,
    server: BarePod,
    *,
    six: bool = False,
    ports: tuple[int, int] = PORTS,
    to: Address | None = None,
) -> Stream:
    """Return a TCP connection between two pods.

    Args:
        client: one pod.
        server: the other pod.
        six: True for IPv6.
        ports: the client's port and the server's.
        to: the address to which the client connects; else the server's own.
    """
    mine, theirs = ports
    with streams.listen(server.name, (server.address(six=six), theirs)) as listener:
        own = (client.address(six=six), mine)
        return streams.connect(client.name, own, listener, to=to)


def udp(
    client: BarePod,
    server: BarePod,
    *,
    six: bool = False,
    ports: tuple[int, int] = PORTS,
    to: Address | None = None,
) -> Datagrams:
    """Return a UDP conversation between two pods; ``tcp`` explains the arguments."""
    mine, theirs = ports
    return streams.talk(
        (client.name, (client.address(six=six), mine)),
        (server.name, (server.address(six=six), theirs)),
        to=to,
    )


def watch(pod: BarePod) -> frames.Watch:
    """Return a view of the frames that a pod receives and sends."""
    return frames.Watch(pod.name, "eth0")


def watch_router(node: BareNode) -> frames.Watch:
    """Return a view of the frames between a node's pods and the router."""
    return frames.Watch(ROUTER, node.at_router(1))


def count_lost(flow: Datagrams, *, back: bool, seconds: float) -> int:
    """Send datagrams for some seconds; return how many did not arrive.

    Args:
        flow: the conversation.
        back: True: the server sends; False: the client does.
        seconds: how long.
    """
    end, lost = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        lost += not flow.arrives(back=back, seconds=streams.ANSWER_SECONDS)
        time.sleep(0.01)
    return lost


def forget(node: BareNode, *addresses: str) -> None:
    """Let a node's connection tracking forget the connections of some addresses."""
    netns.inside(node.name, lambda: conntrack.forget(addresses))


def tc(node: BareNode, command: str) -> None:
    """Run a tc command on a node."""
    path = f"--net={netns.DIRECTORY / node.name}"
    line = ["/usr/bin/nsenter", path, "/usr/sbin/tc", *command.split()]
    subprocess.run(line, check=True)


@contextmanager
def held_back(*nodes: BareNode, six: bool) -> Iterator[Callable[[], None]]:
    """Let packets to the nodes' pods wait on the router; yield what lets them go."""
    links = [(n.at_router(1), n.vnics[1]["ipv6" if six else "address"]) for n in nodes]
    macs = [n.vnics[1]["mac"] for n in nodes]

    def release() -> None:
        netns.ip(
            ROUTER,
            [
                f"neigh replace {address} lladdr {mac} dev {link}"
                for (link, address), mac in zip(links, macs, strict=True)
            ],
        )

    with ExitStack() as tables:
        for name, rule in UNANSWERED.items():
            drops = others.chain("filter hook input priority filter", rule)
            tables.enter_context(others.table(ROUTER, name, drops))
        netns.ip(ROUTER, [f"neigh del {address} dev {link}" for link, address in links])
        yield release


def programs(node: BareNode) -> dict[tuple[str, Hook], int]:
    """Return how many programs are at each tcx hook of a node that has any."""

    def look() -> dict[tuple[str, Hook], int]:
        return {
            (name, hook): len(found)
            for index, name in socket.if_nameindex()
            for hook in Hook
            if (found := tcx.attached(index, hook))
        }

    return netns.inside(node.name, look)


def links_with_clsact() -> set[str]:
    """Return the links of this thread's namespace that have the clsact qdisc."""
    with NetlinkSocket(socket.NETLINK_ROUTE) as route:
        dump = route.dump("list queues", *traffic_control.list_queues())
        queues = [traffic_control.queue(body) for _, body in dump]
    return {socket.if_indextoname(link) for link, kind in queues if kind == "clsact"}


def keep_programs(node: BareNode, link: str) -> Callable[[], None]:
    """Hold the programs of a pod's link; return a call that puts them back there."""

    def numbers() -> dict[Hook, int]:
        index = socket.if_nametoindex(link)
        with NetlinkSocket(socket.NETLINK_ROUTE) as route:
            return {
                hook: traffic_control.filter_program(body)
                for hook, parent in PARENTS.items()
                for _, body in route.dump(
                    "list filters", *traffic_control.list_programs(index, parent)
                )
                if traffic_control.filter_name(body) == NAMES[hook]
            }

    kept = {h: bpf.by_id(n) for h, n in netns.inside(node.name, numbers).items()}

    def put_back() -> None:
        index = socket.if_nametoindex(link)
        with NetlinkSocket(socket.NETLINK_ROUTE) as route:
            for hook, program in kept.items():
                message = traffic_control.set_program(
                    index, PARENTS[hook], program, NAMES[hook]
                )
                route.request("put a filter back", *message)
                os.close(program)

    return lambda: netns.inside(node.name, put_back)
