"""The node's rules on a real kernel, beside other programs' rules and links."""

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from fakeoci.fabric import netns
from integration.cloudview import named
from integration.lab import pods, traffic
from integration.lab.lab import ONPREM, Lab, running_lab, world_text
from integration.lab.profile import Profile
from integration.tests.conftest import POOL, SOON_SECONDS

SERVICE = "10.96.0.10"
NODE_PORT = 30080


async def start_two(lab: Lab) -> tuple[pods.Pod, pods.Pod]:
    """Start a pod on each node."""
    a = await pods.start(lab.nodes[0], "pod1", lab.servers)
    b = await pods.start(lab.nodes[1], "pod2", lab.servers)
    return a, b


async def test_attaching_a_vnic_is_no_restoration(tmp_path: Path) -> None:
    """On an image without udev's patterns: a late udev changes what vcnd has set."""
    async with fresh_lab(tmp_path, profile=Profile("plain")) as lab:
        await warm(lab)
        await start_two(lab)
        events = [e for n in lab.nodes for e in n.log_events()]
    assert any(e["event"] == "vnic_attached" for e in events)
    assert [e for e in events if e["event"] == "kernel_state_restored"] == []


async def test_a_service_does_not_lead_to_the_metadata(lab: Lab) -> None:
    await start_two(lab)
    netns.nft(
        "node1",
        f"""table ip lab_service {{
  chain prerouting {{
    type nat hook prerouting priority dstnat;
    ip daddr {SERVICE} dnat to 169.254.169.254
  }}
}}
""",
    )
    metadata = await traffic.connect("node1", "169.254.169.254", 80)
    assert metadata is not None
    metadata.close()
    assert await traffic.connect("pod1", SERVICE, 80, seconds=0.5) is None
    # Pods may reach the resolver by a service too.
    host = "node2.nodes.main.oraclevcn.com"
    assert await traffic.resolve("pod1", host, SERVICE) == lab.addresses["node2"]


async def test_a_pod_is_no_router(lab: Lab) -> None:
    a, _ = await start_two(lab)
    link = a.result["interfaces"][0]["name"]
    netns.sysctl("node1", {f"ipv6/conf/{link}/accept_ra": 2})

    def advertise() -> None:
        with socket.socket(
            socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6
        ) as sock:
            hops, index = 255, socket.if_nametoindex("eth0")
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, hops)
            body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
            sock.sendto(body, ("ff02::1", 0, 0, index))

    await until_link_local("pod1")
    netns.inside("pod1", advertise)
    # A later request's answer shows that the node has handled both packets.
    await traffic.ask("pod1", a.address)
    assert "default" not in netns.ip_output("node1", "-6", "route")


async def until_link_local(name: str) -> None:
    """Wait until the namespace's eth0 has a link-local address in use."""
    with trio.fail_after(SOON_SECONDS):
        while True:
            output = netns.ip_output(name, "-6", "addr", "show", "dev", "eth0")
            if "fe80::" in output and "tentative" not in output:
                return
            await trio.sleep(0.1)


@pytest.mark.parametrize("link", ["docker0", "ocibridge0"])
async def test_a_container_of_another_bridge_talks_to_pods(lab: Lab, link: str) -> None:
    """The name of the bridge does not matter."""
    a, b = await start_two(lab)
    netns.add("container")
    netns.ip(
        "node1",
        [
            f"link add {link} type veth peer eth0 netns container",
            f"addr add 172.17.0.1/24 dev {link}",
            f"link set {link} up",
        ],
    )
    netns.ip(
        "container",
        [
            "addr add 172.17.0.2/24 dev eth0",
            "link set eth0 up",
            "route add default via 172.17.0.1",
        ],
    )
    netns.sysctl("node1", {f"ipv4/conf/{link}/rp_filter": 1})
    accept_forwarding_from(link)
    if link.startswith("oci"):
        await until_known(link)
    assert await traffic.ask("container", a.address) == "172.17.0.2"
    assert await traffic.ask("pod1", b.address) == a.address


def accept_forwarding_from(link: str) -> None:
    """Add the rule that Docker adds if the image's firewall forwards nothing."""
    rule = f'iifname "{link}" accept'
    netns.nft("node1", f"insert rule inet firewalld filter_FORWARD {rule}\n")


async def until_known(link: str) -> None:
    """Wait until an audit has put another program's link into the rule set."""
    with trio.fail_after(SOON_SECONDS):
        while f'"{link}"' not in netns.nft_output("node1", "list table inet vcnd"):
            await trio.sleep(0.1)


async def test_answers_leave_by_a_foreign_vnic(quiet: Lab) -> None:
    """The kernel's events tell of it; no audit comes."""
    lab = quiet
    a = await pods.start(lab.nodes[0], "pod1", lab.servers)
    address = await foreign_vnic(lab, "node1")
    netns.nft(
        "node1",
        f"""table ip lab_node_port {{
  chain prerouting {{
    type nat hook prerouting priority dstnat;
    ip daddr {address} tcp dport {NODE_PORT} dnat to {a.address}:{traffic.SERVICE_PORT}
  }}
}}
""",
    )
    with trio.fail_after(SOON_SECONDS):
        while "lookup 226" not in netns.ip_output("node1", "rule"):
            await trio.sleep(0.05)
    assert await traffic.ask(ONPREM, address, NODE_PORT) == lab.addresses[ONPREM]
    assert await lab.cloud.spoofed_packets() == 0


async def foreign_vnic(lab: Lab, node: str) -> str:
    """Attach a VNIC to a node and set it up as an administrator would."""
    world = await lab.cloud.world()
    before = set(links(node))
    details = {"subnetId": named(world, "Subnet", "nodes")["id"]}
    instance = named(world, "Instance", node)["id"]
    body = {"instanceId": instance, "createVnicDetails": details}
    attachment = await lab.cloud.call("POST", "/vnicAttachments", body)
    while attachment["lifecycleState"] != "ATTACHED":
        await trio.sleep(0.05)
        path = f"/vnicAttachments/{attachment['id']}"
        attachment = await lab.cloud.call("GET", path)
    vnic = await lab.cloud.call("GET", f"/vnics/{attachment['vnicId']}")
    with trio.fail_after(SOON_SECONDS):
        while not set(links(node)) - before:
            await trio.sleep(0.05)
    (link,) = set(links(node)) - before
    address: str = vnic["privateIp"]
    netns.ip(
        node,
        [
            f"link set {link} up",
            f"addr add {address}/32 dev {link}",
            f"route add default via 10.0.0.1 dev {link} onlink table 50",
            f"rule add pref 500 from {address} lookup 50",
        ],
    )
    return address


def links(node: str) -> list[str]:
    """Return the names of a node's links."""
    lines = netns.ip_output(node, "-br", "link").splitlines()
    return [line.split()[0].partition("@")[0] for line in lines]


@asynccontextmanager
async def fresh_lab(tmp_path: Path, **options: Any) -> AsyncIterator[Lab]:
    """Run two nodes; their daemons do not run yet."""
    text = world_text(nodes=2, seed=1, slow=False, name=options.pop("name", "default"))
    nodes = ["node1", "node2"]
    async with running_lab(text, tmp_path, nodes=nodes, pool=POOL, **options) as lab:
        yield lab


async def warm(lab: Lab) -> None:
    """Start the daemons and wait for addresses."""
    for node in lab.nodes:
        await node.start()
    for node in lab.nodes:
        await node.until_warm(4)


async def test_table_100_of_others_does_no_harm(tmp_path: Path) -> None:
    async with fresh_lab(tmp_path) as lab:
        theirs = "default via 10.0.0.77 dev eth0"
        netns.ip("node1", [f"route add {theirs} table 100"])
        await warm(lab)
        a, b = await start_two(lab)
        await lab.servers.start(traffic.serve, "node2", NODE_PORT)
        assert await traffic.ask("node1", lab.addresses["node2"], NODE_PORT) is not None
        assert await traffic.ask("pod1", b.address) == a.address
        for pod in (a, b):
            await pods.stop(pod)
        await lab.nodes[0].ctl("release")
        left = netns.ip_output("node1", "route", "show", "table", "100")
        assert left.strip() == theirs


async def test_a_vnics_table_of_others_is_refused_in_words(tmp_path: Path) -> None:
    async with fresh_lab(tmp_path) as lab:
        theirs = "default via 10.0.0.77 dev eth0"
        netns.ip("node1", [f"route add {theirs} table 102"])
        node = lab.nodes[0]
        await node.start()
        told: list[str] = []
        with trio.fail_after(SOON_SECONDS):
            while not any("route tables 102" in reason for reason in told):
                await trio.sleep(0.2)
                told = [p.reason for p in (await node.status()).problems]
        left = netns.ip_output("node1", "route", "show", "table", "102")
        assert left.strip() == theirs


async def test_a_second_address_of_the_node_in_the_pods_subnet(tmp_path: Path) -> None:
    async with fresh_lab(tmp_path, name="shared-subnet", pod_subnet="all") as lab:
        await warm(lab)
        world = await lab.cloud.world()
        primary = next(
            v for v in world["Vnic"] if v["isPrimary"] and v["displayName"] == "node1"
        )
        body = {"vnicId": primary["id"]}
        made = await lab.cloud.call("POST", "/privateIps", body)
        await lab.cloud.settled()
        address = made["ipAddress"]
        netns.ip("node1", [f"addr add {address}/32 dev eth0"])
        # As an administrator does: vcnd opens no port of a node to pods.
        opened = "tcp dport 7070 accept"
        netns.nft("node1", f"insert rule inet firewalld filter_INPUT {opened}\n")
        await lab.servers.start(traffic.serve, "node1", 7070)
        seen = await traffic.ask("node2", address, 7070)
        assert seen == lab.addresses["node2"]
        pod = await pods.start(lab.nodes[1], "pod2", lab.servers)
        assert await traffic.ask("pod2", address, 7070) == pod.address


CHOICE = [{"namespace": "default", "subnet_ids": ["*"], "nsg_ids": ["*"]}]


@pytest.mark.parametrize("way", ["direct", "by a service"])
async def test_pods_of_two_classes_keep_a_long_conversation(
    tmp_path: Path, way: str
) -> None:
    """Each packet crosses the node, and so conntrack, twice."""
    async with fresh_lab(tmp_path, name="two-classes", allow=CHOICE) as lab:
        await warm(lab)
        world = await lab.cloud.world()
        nsg = named(world, "Nsg", "blocked-port")["id"]
        a = await pods.start(lab.nodes[0], "pod1", lab.servers)
        annotations = {"vcnd.io/nsg-ids": nsg}
        b = await pods.start(lab.nodes[0], "pod2", lab.servers, annotations)
        await lab.cloud.settled()
        netns.nft(
            "node1",
            f"""table ip lab_service {{
  chain prerouting {{
    type nat hook prerouting priority dstnat;
    ip daddr {SERVICE} dnat to {b.address}
  }}
  chain forward {{
    type filter hook forward priority filter;
    ct state invalid counter drop
  }}
}}
""",
        )
        address = SERVICE if way == "by a service" else b.address
        talk = await traffic.connect("pod1", address, traffic.SERVICE_PORT)
        assert talk is not None
        for _ in range(20):
            assert await talk.ask() == a.address
        talk.close()
        flows = await lab.cloud.flow_log(
            sourceAddress=a.address, destinationAddress=b.address
        )
        assert flows
        assert await lab.cloud.spoofed_packets() == 0
