"""One node with a table of network policies, its pods, and hosts outside.

The kernel carries a packet through namespaces within the call that sends it: when the
call returns, the packet has arrived, or it was dropped.
"""

import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

from fakeoci.fabric import netns
from vcnd.core.policy.compiler import compile_rules
from vcnd.core.policy.generations import Generations
from vcnd.core.policy.rule_set import HOLD
from vcnd.linux import nft
from vcnd.linux.nft_table import Table
from vcnd.linux.policy import guard as policy_guard
from vcnd.linux.policy import marks as policy_marks
from vcnd.linux.policy import table as policy_table
from vcnd.model.policy import Attached, Cluster, Packet, Protocol
from vcnd.netlink import conntrack, nftables
from vcnd.netlink.messages import NetlinkSocket

NODE, OUTSIDE = "policy-node", "policy-outside"
UPLINK = "ens3"
GATEWAYS = "169.254.1.1", "fe80::1"
SETTINGS = {
    "ipv4/ip_forward": 1,
    "ipv6/conf/all/forwarding": 1,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
}
NUMBERS = {Protocol.TCP: 6, Protocol.UDP: 17, Protocol.SCTP: 132}
ECHO, ECHO6 = 8, 128
IPV4_HEADER = 20
MARKS = policy_marks.Marks()
RECEIVE_BYTES = 2048


def space(link: str) -> str:
    """Return the name of the namespace at the other end of a node's link."""
    return OUTSIDE if link == UPLINK else f"policy-{link}"


@dataclass(kw_only=True)
class PolicyNode:
    """A node, and which of its links each address is behind; "" is the node itself."""

    links: dict[str, str]
    generations: Generations = field(default_factory=Generations)
    logged_per_second: int = 10
    unknown: str = HOLD
    """What judges unknown pods."""
    guarded: bool = True
    """Whether the guard stands: it drops nothing that the table accepts."""
    strangers: Sequence[str] = ()
    _table: Table = field(default_factory=Table)
    """What is in force."""
    _ears: dict[tuple[str, int, int], socket.socket] = field(default_factory=dict)
    """Raw sockets by namespace, family and protocol: they hear all that arrives."""
    _ports: Iterator[int] = field(default_factory=lambda: count(20_000))
    """No two packets belong to one connection."""

    def apply(self, cluster: Cluster, here: Sequence[Attached]) -> None:
        """Put the rules of a cluster in force."""
        rules = compile_rules(cluster, here, unknown=self.unknown)
        then = self.generations.after(rules)
        stale = MARKS.stale(then.stale)
        writer = policy_table.Writer(
            marks=MARKS,
            link_prefix="oci",
            logged_per_second=self.logged_per_second,
        )
        table = writer.table(then.rules, then.numbers, self.strangers)
        guard = policy_guard.render(
            marks=MARKS, link_prefix="oci", strangers=self.strangers
        )

        def put() -> None:
            if stale:
                conntrack.clear_marks(stale)
            if self._table.chains:
                with NetlinkSocket(nftables.NETLINK_NETFILTER) as sock:
                    nft.change(sock, policy_table.TABLE, self._table, table)
            else:
                nft.put(policy_table.TABLE, table.text(policy_table.TABLE))
            if then.again:
                conntrack.clear_marks_of(then.again, MARKS.all)
            if self.guarded:
                nft.put(policy_guard.TABLE, guard)

        netns.inside(NODE, put)
        self.generations, self._table = then, table

    def space_of(self, address: str) -> str:
        """Return the namespace that has an address."""
        link = self.links[address]
        return space(link) if link else NODE

    def passes(self, packet: Packet) -> bool:
        """Send a packet, and return True if it arrives."""
        ear = self._ear(packet)
        _heard(ear)
        own = next(self._ports)
        send = SENDERS[packet.protocol]
        netns.inside(self.space_of(packet.source), lambda: send(packet, own))
        return any(_is_it(packet, own, found) for found in _heard(ear))

    def counters(self) -> dict[str, int]:
        """Return what the table's counters have counted, zeros left out."""

        def listed() -> dict[str, int]:
            with NetlinkSocket(nftables.NETLINK_NETFILTER) as sock:
                return nftables.counters(sock, policy_table.TABLE)

        return {name: n for name, n in netns.inside(NODE, listed).items() if n}

    def restart(self) -> None:
        """Forget what the process knows; the table stays in force."""

        def chains() -> frozenset[str]:
            with NetlinkSocket(nftables.NETLINK_NETFILTER) as sock:
                return nftables.chains(sock, policy_table.TABLE)

        taken = policy_marks.numbers_in(netns.inside(NODE, chains))
        self.generations, self._table = Generations(taken=taken), Table()

    def _ear(self, packet: Packet) -> socket.socket:
        place = self.space_of(packet.destination)
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
        key = place, _family(packet), _number(packet)
        if key not in self._ears:
            self._ears[key] = netns.inside(
                place, lambda: socket.socket(key[1], kind, key[2])
            )
        return self._ears[key]

    def close(self) -> None:
        """Close the sockets."""
        for ear in self._ears.values():
            ear.close()


def _family(packet: Packet) -> int:
    return socket.AF_INET6 if ":" in packet.source else socket.AF_INET


def _number(packet: Packet) -> int:
    """Return the number of a packet's protocol: that of ICMP if it has no ports."""
    if packet.protocol is not None:
        return NUMBERS[packet.protocol]
    six = ":" in packet.source
    return socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP


def _heard(ear: socket.socket) -> list[bytes]:
    """Return what has arrived, without IP headers."""
    header = IPV4_HEADER if ear.family == socket.AF_INET else 0
    found = []
    with suppress(BlockingIOError):
        while True:
            found.append(ear.recv(RECEIVE_BYTES)[header:])
    return found


def _is_it(packet: Packet, own: int, found: bytes) -> bool:
    if packet.protocol is None:
        return found[:1] == _echo(packet, own)[:1] and found[4:6] == _u16(own)
    return found[:4] == _u16(own, packet.port)


def _u16(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}H", *numbers)


def _send_syn(packet: Packet, own: int) -> None:
    kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
    with socket.socket(_family(packet), kind) as sock:
        sock.bind((packet.source, own))
        sock.connect_ex((packet.destination, packet.port))


def _send_datagram(packet: Packet, own: int) -> None:
    with socket.socket(_family(packet), socket.SOCK_DGRAM) as sock:
        sock.bind((packet.source, own))
        sock.sendto(b"?", (packet.destination, packet.port))


def _send_init(packet: Packet, own: int) -> None:
    """Send the first packet of an SCTP association; few kernels have its sockets."""
    chunk = struct.pack(">BBHIIHHI", 1, 0, 20, 1, 0xFFFF, 1, 1, 1)
    header = _u16(own, packet.port, 0, 0)
    checksum = struct.pack("<I", _crc32c(header + bytes(4) + chunk))
    _send_raw(packet, header + checksum + chunk)


def _send_echo(packet: Packet, own: int) -> None:
    _send_raw(packet, _echo(packet, own))


def _send_raw(packet: Packet, payload: bytes) -> None:
    kind = socket.SOCK_RAW
    with socket.socket(_family(packet), kind, _number(packet)) as sock:
        sock.bind((packet.source, 0))
        sock.sendto(payload, (packet.destination, 0))


def _echo(packet: Packet, own: int) -> bytes:
    """Return an echo request; the kernel fills in the checksum of IPv6."""
    kind = ECHO6 if ":" in packet.source else ECHO
    total = (kind << 8) + own
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return struct.pack(">BBHHH", kind, 0, checksum, own, 0)


def _crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 & -(value & 1))
    return value ^ 0xFFFFFFFF


SENDERS = {
    Protocol.TCP: _send_syn,
    Protocol.UDP: _send_datagram,
    Protocol.SCTP: _send_init,
    None: _send_echo,
}


@contextmanager
def policy_node(
    pods: Mapping[str, Iterable[str]], outside: Iterable[str], own: Iterable[str]
) -> Iterator[PolicyNode]:
    """Run a node without any rules.

    Args:
        pods: the addresses of each pod, by its link.
        outside: addresses of hosts outside.
        own: the node's addresses.
    """
    behind = {**pods, UPLINK: outside}
    before = netns.names()
    links = {address: link for link, some in behind.items() for address in some}
    node = PolicyNode(links={**links, **dict.fromkeys(own, "")})
    try:
        netns.add(NODE)
        netns.sysctl(NODE, SETTINGS)
        netns.ip(NODE, [f"addr add {a} dev lo" for a in own])
        for number, (link, addresses) in enumerate(behind.items(), 1):
            _plug(number, link, addresses)
        yield node
    finally:
        node.close()
        for name in netns.names() - before:
            netns.remove(name)


def _plug(number: int, link: str, addresses: Iterable[str]) -> None:
    here, there = f"02:00:00:00:01:{number:02x}", f"02:00:00:00:02:{number:02x}"
    netns.add(space(link))
    netns.ip(
        NODE,
        [
            f"link add {link} address {here} type veth peer eth0 address {there}"
            f" netns {space(link)}",
            f"link set {link} up",
            *(f"route add {a} dev {link}" for a in addresses),
            *(f"neigh add {a} lladdr {there} dev {link}" for a in addresses),
        ],
    )
    netns.ip(
        space(link),
        [
            "link set eth0 up",
            *(f"addr add {a} dev eth0" for a in addresses if ":" not in a),
            *(f"addr add {a} dev eth0 nodad" for a in addresses if ":" in a),
            *(f"neigh add {a} lladdr {here} dev eth0" for a in GATEWAYS),
            f"route add default via {GATEWAYS[0]} dev eth0 onlink",
            f"route add default via {GATEWAYS[1]} dev eth0",
        ],
    )
