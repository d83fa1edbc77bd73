"""``[node] outside_mtu``: how long packets of pods are, by where they go.

The fabric's gateways have links of 1500 bytes, all others 9000.  The VCN sends no ICMP
error for a packet that is too long: it is lost silently.
"""

import errno
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from fakeoci.fabric import netns
from integration.lab import frames, pods, streams
from integration.lab.lab import ONPREM, Lab, running_lab, world_text
from integration.lab.pods import Pod
from integration.tests.conftest import POOL, SOON_SECONDS

OFFICE = {False: "172.16.0.10", True: "2001:db8:ac10::10"}
BOTH = pytest.mark.parametrize("six", [False, True], ids=["IPv4", "IPv6"])
SILENT = """table inet silent {
    chain output {
        type filter hook output priority 0
        icmp type destination-unreachable icmp code frag-needed drop
        icmpv6 type packet-too-big drop
    }
}
"""
PORT, LONG = 8001, 8000
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, DO = 10, 23, 2


@asynccontextmanager
async def silent_lab(
    directory: Path, further: Mapping[str, Mapping[str, Any]] | None = None
) -> AsyncIterator[tuple[Lab, Pod, Pod]]:
    """Run a lab with a pod on each of two nodes, whose VCN tells no path MTU."""
    text = world_text(nodes=2, seed=1, slow=False, name="dual-stack")
    async with running_lab(
        text.replace("ports = [8080]", f"ports = [{PORT}, 8080]"),
        directory,
        nodes=["node1", "node2"],
        pool=POOL,
        families=("IPv4", "IPv6"),
        further=further,
    ) as lab:
        for node in lab.nodes:
            await node.start()
        for node in lab.nodes:
            await node.until_warm(2)
        netns.nft("vcn-main", SILENT)
        a = await pods.start(lab.nodes[0], "pod1", lab.servers)
        b = await pods.start(lab.nodes[1], "pod2", lab.servers)
        yield lab, a, b


def address(pod: Pod, *, six: bool) -> str:
    return pod.ipv6 if six else pod.address


@contextmanager
def stream(
    pod: Pod, server: str, theirs: str, *, six: bool
) -> Iterator[streams.Stream]:
    """Connect a pod to a new server."""
    with (
        streams.listen(server, (theirs, PORT)) as listener,
        streams.connect(pod.netns, (address(pod, six=six), PORT), listener) as made,
    ):
        yield made


def datagrams(pod: Pod, server: str, theirs: str, *, six: bool) -> streams.Datagrams:
    """Return a conversation of a pod that fragments nothing."""
    made = streams.talk(
        (pod.netns, (address(pod, six=six), PORT)), (server, (theirs, PORT))
    )
    option = IPV6_MTU_DISCOVER if six else IP_MTU_DISCOVER
    level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
    made.client.setsockopt(level, option, DO)
    return made


def segment(end: socket.socket) -> int:
    """Return the most bytes of a segment, as the connection has it now."""
    return end.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)


@BOTH
async def test_packets_are_as_long_as_their_way_takes(
    tmp_path: Path, *, six: bool
) -> None:
    async with silent_lab(tmp_path) as (_, a, b):
        head = 60 if six else 40
        with stream(a, ONPREM, OFFICE[six], six=six) as outside:
            for back in (False, True):
                streams.push(*outside.in_order(back=back), 1 << 20)
            assert segment(outside.client) <= 1500 - head
        with stream(a, b.netns, address(b, six=six), six=six) as inside:
            for back in (False, True):
                streams.push(*inside.in_order(back=back), 1 << 20)
            assert segment(inside.client) > LONG
        with datagrams(a, ONPREM, OFFICE[six], six=six) as far:
            far.exchange(size=1400)
            with pytest.raises(OSError, match="Message too long") as caught:
                far.client.send(b"." * 1500)
            assert caught.value.errno == errno.EMSGSIZE
        with datagrams(a, b.netns, address(b, six=six), six=six) as near:
            near.exchange(size=LONG)


async def test_without_the_setting_long_packets_are_lost(tmp_path: Path) -> None:
    """So the tests of this file can fail."""
    further = {"node": {"outside_mtu": 0}}
    async with silent_lab(tmp_path, further) as (_, a, _):
        with datagrams(a, ONPREM, OFFICE[False], six=False) as outside:
            assert outside.arrives(size=1400, seconds=streams.ANSWER_SECONDS)
            assert not outside.arrives(size=1500)


@BOTH
async def test_live_pods_follow_the_vcn_by_their_node(
    tmp_path: Path, *, six: bool
) -> None:
    """The node tells a pod that was wired with other routes what is too long."""
    to = OFFICE[six]
    network = "2001:db8:ac10::/48" if six else "172.16.0.0/12"
    exempt = {"node": {"outside_mtu_exempt": [network]}}
    async with silent_lab(tmp_path, exempt) as (lab, a, _):
        with datagrams(a, ONPREM, to, six=six) as outside:
            assert not outside.arrives(size=LONG)
            await lab.nodes[0].restart_with(node={"outside_mtu_exempt": []})
            with trio.fail_after(SOON_SECONDS):
                while f"{network} " in routes(six=six):
                    await trio.sleep(0.1)
            with frames.Watch(a.netns, "eth0") as pod:
                assert not outside.arrives(size=LONG)
                told = {frames.icmp_type(p) for p in pod.packets(b"")}
                assert (2 if six else 3) in told
            with pytest.raises(OSError, match="Message too long"):
                outside.client.send(b"." * LONG)
            outside.arrives()  # the last answer's error
            assert outside.arrives(size=1400, seconds=streams.ANSWER_SECONDS)


def routes(*, six: bool) -> str:
    options = ["-6"] if six else []
    return netns.ip_output("node1", *options, "route", "show", "table", "102")


async def test_changed_mtus_are_restored(tmp_path: Path) -> None:
    async with silent_lab(tmp_path) as (lab, a, _):
        node = lab.nodes[0]
        before = routes(six=False)
        assert "mtu 1500" in before
        changed = before.splitlines()[0].replace("mtu 1500", "mtu 9000")
        assert changed.startswith("default")
        netns.ip("node1", [f"route replace {changed} table 102"])
        # There is no event: an audit finds it, unless a set-up came first, which
        # writes all routes and takes note of none.
        with trio.fail_after(60):
            while routes(six=False) != before:
                await trio.sleep(0.1)
        # CHECK reads the pod's own.
        await node.network().check(a.attachment, a.result)
        netns.ip(a.netns, ["route del 10.0.0.0/16"])
        with pytest.raises(Exception, match=r"route to 10\.0\.0\.0/16"):
            await node.network().check(a.attachment, a.result)
