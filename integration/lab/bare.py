"""Two nodes without a cloud: each has ``LinuxHost`` and pods; a router is the VCN.

Nothing here is asynchronous: one thread owns both ends of each connection, so a packet
has arrived when the call that sends it returns.  A node has the links eth0, its primary
VNIC, and eth1, the VNIC of its pods.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from fakeoci.fabric import netns
from integration.lab.children import logged_lines
from integration.lab.profile import Profile

ROUTER, OUTSIDE = "router", "outside"
OUTSIDE_ADDRESSES = ("172.16.0.10", "2001:db8:f::10")
MTU = 9000
POD_VNIC = 2
"""The number of the pods' VNIC."""
STOP_SECONDS = 10


@dataclass(kw_only=True)
class BareNode:
    """A node: a namespace, and a process with ``LinuxHost`` in it."""

    number: int
    directory: Path
    lasts: float = 0.0
    """A flow counts as proven for so many seconds; 0 means: as in the product."""
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The arguments of each pod's ``plug``, by the pod's name."""
    command: tuple[str, ...] = ()
    """A program with arguments, which starts the process; the process' own follow."""
    _process: subprocess.Popen[str] | None = None

    @property
    def name(self) -> str:
        """Return the name of the node's namespace."""
        return f"node{self.number}"

    @property
    def log_path(self) -> Path:
        """Return the file to which the process logs."""
        return self.directory / f"{self.name}.log"

    @property
    def vnics(self) -> list[dict[str, Any]]:
        """Return the node's VNICs; the primary one is the first."""
        k = self.number
        return [
            {
                "mac": mac(k, n),
                "address": f"10.{n}.{k}.2",
                "subnet_cidr": f"10.{n}.{k}.0/24",
                "virtual_router": f"10.{n}.{k}.1",
                "ipv6": f"2001:db8:{n}:{k}::2",
                "ipv6_cidr": f"2001:db8:{n}:{k}::/64",
                "ipv6_router": f"fe80::{n}{k}",
            }
            for n in (0, 1)
        ]

    def at_router(self, number: int) -> str:
        """Return the name of the router's link to a VNIC; the primary VNIC is 0."""
        return f"n{self.number}eth{number}"

    def detach_vnic(self) -> None:
        """Remove the pods' VNIC, as the cloud does."""
        netns.ip(ROUTER, [f"link del {self.at_router(1)}"])

    def attach_vnic(self) -> None:
        """Add the pods' VNIC again, with the same MAC and addresses."""
        _build_vnic(self, 1)

    def set_mtu(self, mtu: int) -> None:
        """Set the MTU of the node's links, and of the router's links to them."""
        numbers = range(len(self.vnics))
        netns.ip(self.name, [f"link set eth{n} mtu {mtu}" for n in numbers])
        theirs = [f"link set {self.at_router(n)} mtu {mtu}" for n in numbers]
        netns.ip(ROUTER, theirs)

    def start(self) -> None:
        """Start the process; it adopts the pods that an earlier process has plugged."""
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("/usr/bin/nsenter", f"--net={netns.DIRECTORY / self.name}"),
                    *self.command,
                    *(sys.executable, "-m", "integration.lab.bare_host"),
                    str(self.lasts),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.call("adopt", pods=list(self.pods.values()))
        self.call("apply", vnics=self.vnics)

    def call(self, command: str, **arguments: Any) -> Any:
        """Let the process carry out a command; return the result.

        Raises:
            RuntimeError: the process does not run, has ended, or reports an error.
        """
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise RuntimeError(f"{self.name} does not run")
        process.stdin.write(json.dumps([command, arguments]) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended:\n{self.log_path.read_text()}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{self.name}: {command}: {answer['error']}")
        return answer["value"]

    def log_events(self) -> list[dict[str, Any]]:
        """Return what the process has logged."""
        return [json.loads(x) for x in logged_lines(self.log_path)]

    def kill(self) -> None:
        """End the process by SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._close()

    def stop(self) -> None:
        """End the process in order; kill it if it does not end."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._close()

    def _close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()


@dataclass(frozen=True, kw_only=True)
class BarePod:
    """A pod: a namespace, and a link from there to a node."""

    name: str
    node: BareNode
    link: str
    """The name of the link's end on the node."""
    addresses: tuple[str, str]

    def address(self, *, six: bool = False) -> str:
        """Return the pod's IPv4 address or, if ``six``, its IPv6 address."""
        return self.addresses[six]


@dataclass(kw_only=True)
class BareStage:
    """Two nodes, and their pods."""

    nodes: list[BareNode]
    _numbers: Iterator[int] = field(default_factory=lambda: count(10))
    _pods: list[BarePod] = field(default_factory=list)

    def pod(self, node: int, *, like: BarePod | None = None, **options: Any) -> BarePod:
        """Start a pod.

        Args:
            node: the node's number.
            like: an unplugged pod; the new pod gets its addresses.
            options: other fields of the pod's lease.
        """
        at, number = self.nodes[node - 1], next(self._numbers)
        addresses = (f"10.1.{node}.{number}", f"2001:db8:1:{node}::{number:x}")
        if like is not None:
            addresses = like.addresses
            self._lead(addresses, node)
        name = f"pod{number}"
        netns.add(name)
        at.pods[name] = {"pod": name, "addresses": addresses, "vnic": POD_VNIC}
        at.pods[name] |= options
        link = at.call("plug", **at.pods[name])
        pod = BarePod(name=name, node=at, link=link, addresses=addresses)
        self._pods.append(pod)
        return pod

    def unplug(self, pod: BarePod) -> None:
        """Detach a pod from its node, as DEL does; the pod's namespace stays."""
        pod.node.call("unplug", pod=pod.name)
        del pod.node.pods[pod.name]

    def clear(self) -> None:
        """Remove all pods."""
        for pod in self._pods:
            if pod.name in pod.node.pods:
                self.unplug(pod)
            netns.remove(pod.name)
        self._pods.clear()

    def _lead(self, addresses: tuple[str, str], node: int) -> None:
        """Lead addresses to a node's VNIC, as the cloud does when it moves them."""
        four, six = addresses
        via = f"via 10.1.{node}.2 dev {self.nodes[node - 1].at_router(1)} onlink"
        netns.ip(ROUTER, [f"route replace {four}/32 {via}"])
        via = f"via 2001:db8:1:{node}::2 dev {self.nodes[node - 1].at_router(1)}"
        netns.ip(ROUTER, [f"route replace {six}/128 {via}"])


def mac(node: int, vnic: int) -> str:
    """Return the MAC of a node's VNIC."""
    return f"02:00:17:00:0{vnic}:0{node}"


@contextmanager
def bare_stage(
    directory: Path, *, lasts: float = 0.0, command: tuple[str, ...] = ()
) -> Iterator[BareStage]:
    """Run two nodes, a router between them, and a host outside of the VCN.

    Args:
        directory: gets the log files.
        lasts: a flow counts as proven for so many seconds; 0 means: as in the product.
        command: a program with arguments, which starts each node's process.
    """
    before = netns.names()
    nodes = [
        BareNode(number=k, directory=directory, lasts=lasts, command=command)
        for k in (1, 2)
    ]
    try:
        _build_router()
        for node in nodes:
            _build_node(node)
        for node in nodes:
            node.start()
        yield BareStage(nodes=nodes)
    finally:
        for node in nodes:
            node.stop()
        for name in netns.names() - before:
            netns.remove(name)


def _build_router() -> None:
    netns.add(ROUTER)
    forwarding = {"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1}
    filters = {"ipv4/conf/all/rp_filter": 0, "ipv4/conf/default/rp_filter": 0}
    netns.sysctl(ROUTER, {**forwarding, **filters})
    netns.add(OUTSIDE)
    four, six = OUTSIDE_ADDRESSES
    netns.ip(
        ROUTER,
        [
            f"link add outside mtu {MTU} type veth peer eth0 mtu {MTU} netns {OUTSIDE}",
            "link set outside up",
            "addr add 172.16.0.1/24 dev outside",
            "addr add 2001:db8:f::1/64 dev outside nodad",
        ],
    )
    netns.ip(
        OUTSIDE,
        [
            "link set eth0 up",
            f"addr add {four}/24 dev eth0",
            f"addr add {six}/64 dev eth0 nodad",
            "route add default via 172.16.0.1",
            "route add default via 2001:db8:f::1",
        ],
    )


def _build_vnic(node: BareNode, number: int) -> None:
    """Make a link from the router to a node, and lead a VNIC's addresses there."""
    vnic, link, theirs = node.vnics[number], f"eth{number}", node.at_router(number)
    netns.ip(
        ROUTER,
        [
            f"link add {theirs} mtu {MTU} type veth peer {link} mtu {MTU}"
            f" address {vnic['mac']} netns {node.name}",
            f"link set {theirs} up",
            f"addr add {vnic['virtual_router']}/32 dev {theirs}",
            f"addr add {vnic['ipv6_router']}/64 dev {theirs} nodad",
        ],
    )
    netns.ip(node.name, [f"link set {link} up"])
    netns.ip(
        ROUTER,
        [
            f"neigh add {vnic['address']} lladdr {vnic['mac']} dev {theirs}",
            f"neigh add {vnic['ipv6']} lladdr {vnic['mac']} dev {theirs}",
            f"route add {vnic['subnet_cidr']} via {vnic['address']} dev {theirs}"
            " onlink",
            f"route add {vnic['ipv6']}/128 dev {theirs}",
            f"route add {vnic['ipv6_cidr']} via {vnic['ipv6']} dev {theirs}",
        ],
    )


def _build_node(node: BareNode) -> None:
    netns.add(node.name)
    for number in range(len(node.vnics)):
        _build_vnic(node, number)
    primary = node.vnics[0]
    netns.ip(
        node.name,
        [
            f"addr add {primary['address']}/24 dev eth0",
            f"addr add {primary['ipv6']}/64 dev eth0 nodad",
            f"route add default via {primary['virtual_router']}",
            f"route add default via {primary['ipv6_router']} dev eth0",
        ],
    )
    image = Profile("plain")
    image.boot(node.name)
    image.set_up_vcnd(node.name)
