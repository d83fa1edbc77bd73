"""Two interfaces of one pod by the same plugin, as Multus requests them."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fakeoci.fabric import netns
from integration.lab import pods, traffic
from integration.lab.cni_exec import CniError
from integration.lab.lab import Lab
from vcnd.linux import pod_side
from vcnd.model.family import Family, family_of
from vcnd.model.interface import Destination
from vcnd.model.sandbox import HostLink, Lease, SandboxKey
from vcnd.netlink.messages import NetlinkSocket
from vcnd.netlink.netns import Home

MACS = ("0e:00:00:00:00:01", "0a:00:00:00:00:01")
SBR = next(
    (d for d in ("/usr/lib/cni", "/opt/cni/bin") if (Path(d) / "sbr").exists()), None
)


def default_routes(pod: str, *, six: bool = False) -> list[str]:
    command = ["-6"] if six else []
    lines = netns.ip_output(pod, *command, "route", "show", "default").splitlines()
    return [line.split(" dev ")[1].split()[0] for line in lines]


async def test_second_interface_leaves_the_first_ones_routes(lab: Lab) -> None:
    node = lab.nodes[0]
    pod = await pods.start(node, "pod1", lab.servers)
    peer = await pods.start(lab.nodes[1], "pod2", lab.servers)
    network = node.network()
    second = replace(pod.attachment, ifname="net1")
    result = await network.add(second)
    assert result.get("routes", []) == []
    assert result["ips"][0]["address"] != f"{pod.address}/32"
    assert await network.add(second) == result
    assert default_routes("pod1") == ["eth0"]
    assert (await network.add(pod.attachment)) == pod.result
    led = ("0.0.0.0/0", "10.0.0.0/16", "10.1.0.0/16")
    assert pod.result["routes"] == [{"dst": to, "gw": "169.254.1.1"} for to in led]
    assert await traffic.ask("pod1", peer.address) == pod.address
    await network.check(second, result)
    await network.check(pod.attachment, pod.result)
    await network.delete(second, result)
    assert default_routes("pod1") == ["eth0"]
    assert await traffic.ask("pod1", peer.address) == pod.address
    assert await traffic.ask("pod2", pod.address) == peer.address
    with pytest.raises(CniError):
        await network.check(second, result)
    await network.check(pod.attachment, pod.result)
    assert (await node.status()).pool.leased == 1


@pytest.mark.skipif(SBR is None, reason="no sbr plugin on this machine")
async def test_second_interface_answers_by_itself_with_sbr(lab: Lab) -> None:
    """As docs/operations.md describes: the sbr plugin is chained behind ours."""
    node = lab.nodes[0]
    pod = await pods.start(node, "pod1", lab.servers)
    peer = await pods.start(lab.nodes[1], "pod2", lab.servers)
    network = node.network()
    chain = {
        "cniVersion": "1.0.0",
        "name": "second",
        "plugins": [{"type": "vcnd-cni"}, {"type": "sbr"}],
    }
    network = replace(network, configuration=chain)
    second = replace(pod.attachment, ifname="net1")
    result = await network.add(second)
    address = result["ips"][0]["address"].partition("/")[0]
    assert await traffic.ask("pod2", address) == peer.address
    assert await traffic.ask("pod2", pod.address) == peer.address
    await network.delete(second, result)
    assert await traffic.ask("pod1", peer.address) == pod.address


@pytest.fixture
def links() -> Iterator[dict[str, int]]:
    """A namespace with the pods' ends of three links; their indexes by name."""
    netns.add("ends")
    netns.ip("ends", ["link set lo up"])
    for name in ("eth0", "net1", "other"):
        netns.ip(
            "ends",
            [f"link add {name} type veth peer name {name}p", f"link set {name}p up"],
        )
    descriptor = os.open(netns.DIRECTORY / "ends", os.O_RDONLY)
    yield {"netns": descriptor}
    os.close(descriptor)
    netns.remove("ends")


ROUTES = (
    *(Destination("0.0.0.0/0", 1500), Destination("10.1.0.0/16")),
    *(Destination("::/0", 1500), Destination("fd00::/56")),
)


def set_up(descriptor: int, ifname: str, number: int) -> frozenset[Family]:
    """Set an interface up; return the families whose default route it has."""
    lease = Lease(
        key=SandboxKey("vcnd", "c", ifname),
        addresses=(f"10.1.0.{number}", f"fd00::{number}"),
        wiring=HostLink(ifname="oci1", netns_cookie=1),
    )
    with Home().inside(descriptor), NetlinkSocket(0) as route:
        made = pod_side.set_up(route, lease, MACS[0], ROUTES)
        there = pod_side.destinations(route, Family)
    for to in made:
        assert there[to.network] == {to.mtu}
    return frozenset(family_of(to.network) for to in made)


BOTH = frozenset(Family)


def test_each_family_has_one_default_route(links: dict[str, int]) -> None:
    here = links["netns"]
    for _ in range(2):
        assert set_up(here, "eth0", 5) == BOTH
        assert set_up(here, "net1", 6) == frozenset()
    netns.ip("ends", ["link del net1"])
    assert default_routes("ends") == default_routes("ends", six=True) == ["eth0"]
    # If half of it is lost, the same ADD restores it.
    netns.ip("ends", ["link set eth0 down"])
    assert set_up(here, "eth0", 5) == BOTH
    assert default_routes("ends") == default_routes("ends", six=True) == ["eth0"]


def test_default_routes_of_others_stay(links: dict[str, int]) -> None:
    """Another plugin makes the cluster's own network, and ours makes net1."""
    here = links["netns"]
    netns.ip(
        "ends",
        [
            "link set other up",
            "addr add 192.0.2.2/24 dev other",
            "route add default via 192.0.2.1 metric 100",
        ],
    )
    assert set_up(here, "net1", 6) == {Family.IPV6}
    assert set_up(here, "net1", 6) == {Family.IPV6}
    assert default_routes("ends") == ["other"]
    assert default_routes("ends", six=True) == ["net1"]


def test_first_interface_of_any_name_leads(links: dict[str, int]) -> None:
    here = links["netns"]
    assert set_up(here, "net1", 6) == BOTH
    assert set_up(here, "eth0", 5) == frozenset()
    assert default_routes("ends") == ["net1"]
    with Home().inside(here), NetlinkSocket(0) as route:
        found = pod_side.links_to(route, "169.254.1.1", Family.IPV4)
        assert len(found) == 2
        assert pod_side.links_to(route, "192.0.2.9", Family.IPV4) == set()
