"""``[node] snat``: under which address pods' packets leave the VCN."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from fakeoci.fabric import netns
from integration.lab import pods, traffic
from integration.lab.lab import INTERNET, ONPREM, PEER, Lab, running_lab, world_text
from integration.tests.conftest import POOL, SOON_SECONDS

OUTSIDE = {"node": {"snat": "outside-vcn"}}
EXEMPT = {"node": {"snat": "outside-vcn", "snat_exempt": ["192.168.0.0/16"]}}
GATEWAY = '[[vcns.gateways]]\nname = "igw"\nkind = "internet"\n\n'


def with_public_nodes(text: str) -> str:
    """Return a world whose nodes have public addresses, and an internet gateway."""
    text = text.replace("[[vcns.gateways]]\n", f"{GATEWAY}[[vcns.gateways]]\n", 1)
    route = '{ to = "0.0.0.0/0", by = "nat" }'
    cidrs = 'cidrs = ["10.0.0.0/24"]\n'
    assert route in text
    assert cidrs in text
    text = text.replace(route, '{ to = "0.0.0.0/0", by = "igw" }', 1)
    return text.replace(cidrs, f"{cidrs}public = true\n", 1)


@asynccontextmanager
async def warm_lab(
    directory: Path, further: Mapping[str, Mapping[str, Any]], *, public: bool = False
) -> AsyncIterator[tuple[Lab, pods.Pod, pods.Pod]]:
    """Run a lab with a pod on each of two nodes."""
    text = world_text(nodes=2, seed=1, slow=False)
    async with running_lab(
        with_public_nodes(text) if public else text,
        directory,
        nodes=["node1", "node2"],
        pool=POOL,
        further=further,
    ) as lab:
        for node in lab.nodes:
            await node.start()
        for node in lab.nodes:
            await node.until_warm(2)
        a = await pods.start(lab.nodes[0], "pod1", lab.servers)
        b = await pods.start(lab.nodes[1], "pod2", lab.servers)
        yield lab, a, b


async def test_pods_leave_the_vcn_in_the_nodes_name(tmp_path: Path) -> None:
    async with warm_lab(tmp_path, EXEMPT, public=True) as (lab, a, b):
        node = lab.addresses["node1"]
        here = lab.addresses
        assert await traffic.ask(a.netns, here[ONPREM]) == node
        internet = await traffic.ask(a.netns, here[INTERNET])
        world = await lab.cloud.world()
        public = {v.get("publicIp") for v in world["Vnic"] if v["privateIp"] == node}
        assert {internet} == public
        # The VCN, and what is exempt, see the pod.
        assert await traffic.ask(a.netns, here[PEER]) == a.address
        assert await traffic.ask(a.netns, b.address) == a.address
        # Nor are answers translated.
        assert await traffic.ask(ONPREM, a.address) == here[ONPREM]
        assert await traffic.resolve(a.netns, "node2.nodes.main.oraclevcn.com")
        assert await lab.cloud.spoofed_packets() == 0


async def test_none_lets_pods_keep_their_address_everywhere(tmp_path: Path) -> None:
    async with warm_lab(tmp_path, {}) as (lab, a, _):
        for host in (ONPREM, PEER):
            assert await traffic.ask(a.netns, lab.addresses[host]) == a.address
        assert "masquerade fully-random" not in netns.nft_output(
            "node1", "list table inet vcnd"
        )


async def test_another_mode_moves_no_live_connection(tmp_path: Path) -> None:
    async with warm_lab(tmp_path, {}) as (lab, a, _):
        node, office = lab.nodes[0], lab.addresses[ONPREM]
        before = await traffic.connect(a.netns, office, traffic.SERVICE_PORT)
        assert before is not None
        assert await before.ask() == a.address
        await node.restart_with(**OUTSIDE)
        assert await before.ask() == a.address
        with trio.fail_after(SOON_SECONDS):  # the VCN's CIDRs are read after the start
            while await traffic.ask(a.netns, office) != lab.addresses["node1"]:
                await trio.sleep(0.2)
        kept = await traffic.connect(a.netns, office, traffic.SERVICE_PORT)
        assert kept is not None
        # Restored: rules decide about first packets only.
        netns.nft("node1", "flush ruleset\n")
        assert await kept.ask() == lab.addresses["node1"]
        assert await before.ask() == a.address
        await node.restart_with()
        assert await before.ask() == a.address
        assert await traffic.ask(a.netns, office) == a.address
        for conversation in (before, kept):
            conversation.close()
        assert await lab.cloud.spoofed_packets() == 0


async def test_masqueraded_connections_stay_out_of_the_lane(tmp_path: Path) -> None:
    async with warm_lab(tmp_path, OUTSIDE) as (lab, a, b):
        node = lab.nodes[0]
        if not (await node.status()).express.on:
            pytest.skip("the express lane is off here")

        async def packets_in_the_lane(address: str) -> int:
            before = (await node.status()).express.express_packets
            conversation = await traffic.connect(a.netns, address, traffic.SERVICE_PORT)
            assert conversation is not None
            for _ in range(20):
                assert await conversation.ask()
            conversation.close()
            return (await node.status()).express.express_packets - before

        assert await packets_in_the_lane(lab.addresses[ONPREM]) == 0
        assert await packets_in_the_lane(b.address) > 0


async def test_a_new_cidr_of_the_vcn_is_inside(tmp_path: Path) -> None:
    async with warm_lab(tmp_path, OUTSIDE) as (lab, _, _):
        world = await lab.cloud.world()
        vcn = next(v for v in world["Vcn"] if v["displayName"] == "main")
        path = f"/vcns/{vcn['id']}/actions/addCidr"
        await lab.cloud.call("POST", path, {"cidrBlock": "10.9.0.0/16"})
        await lab.cloud.settled()
        await lab.nodes[0].ctl("audit", "--repair")
        rules = netns.nft_output("node1", "list chain inet vcnd outside")
        assert "ip daddr 10.9.0.0/16 return" in rules
