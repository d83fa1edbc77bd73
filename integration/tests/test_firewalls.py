"""Foreign FORWARD chains, and settings that others change while pods run."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from fakeoci.fabric import netns
from integration.lab import pods, traffic
from integration.lab.lab import ONPREM, Lab
from integration.lab.node import Node
from integration.lab.pods import Pod
from integration.lab.profile import Profile
from vcnd.core.policy.rule_set import RuleSet
from vcnd.linux.policy import marks as policy_marks
from vcnd.linux.policy import table as policy_table

RESTORE_SECONDS = 30.0
"""Under a second on an idle machine (demo check ``rp_filter_profiles``)."""
IMAGES = ["ubuntu", "oracle-linux"]
FOREIGN = """
table inet foreign {
  chain forward { type filter hook forward priority 10; policy drop; }
}
"""
FORWARD = {
    "ubuntu": "ip filter FORWARD",
    "oracle-linux": "inet firewalld filter_FORWARD",
}


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    with trio.fail_after(RESTORE_SECONDS):
        while not await holds():
            await trio.sleep(0.02)


async def _problems(node: Node) -> dict[str, str]:
    return {p.what: p.reason for p in (await node.status()).problems}


async def _two(lab: Lab) -> tuple[Pod, Pod]:
    node = lab.nodes[0]
    a = await pods.start(node, "pod1", lab.servers)
    return a, await pods.start(node, "pod2", lab.servers)


def _reaches(a: Pod, b: Pod) -> Callable[[], Awaitable[bool]]:
    """Return one question of many: an answer that comes late does not count."""

    async def ask() -> bool:
        seen = await traffic.ask(a.netns, b.address, seconds=0.2)
        return seen == a.address

    return ask


@pytest.mark.parametrize("image", IMAGES)
async def test_accepts_come_back_when_a_firewall_reloads(lab: Lab, image: str) -> None:
    node, profile = lab.nodes[0], Profile(image)
    a, b = await _two(lab)
    before = netns.nft_output(node.name, "-s list ruleset")
    for _ in range(2):
        profile.load_firewall(node.name)
        await _until(_reaches(a, b))
        listed = netns.nft_output(node.name, f"-s list chain {FORWARD[image]}")
        assert listed.count('accept comment "vcnd"') == 2
    assert await _problems(node) == {}
    await pods.stop(a)
    await pods.stop(b)
    await node.ctl("release")
    assert 'comment "vcnd"' not in netns.nft_output(node.name, "list ruleset")
    assert "forward" in before


async def test_the_table_of_policies_gets_no_accept(lab: Lab) -> None:
    """It is ours, and its last rule drops what comes from pods not known yet."""
    node = lab.nodes[0]
    rules = RuleSet()
    text = policy_table.render(rules, {}, marks=policy_marks.Marks(), link_prefix="oci")
    netns.nft(node.name, text)
    # One that is a firewall's is treated after it, so it tells when to look.
    netns.nft(node.name, FOREIGN)

    async def treated() -> bool:
        listed = netns.nft_output(node.name, "list table inet foreign")
        return listed.count('accept comment "vcnd"') == 2

    await _until(treated)
    listed = netns.nft_output(node.name, f"list table inet {policy_table.TABLE}")
    assert 'comment "vcnd"' not in listed


@pytest.mark.parametrize("image", IMAGES)
async def test_a_chain_that_drops_is_named_where_it_must_not_be_changed(
    lab: Lab, image: str
) -> None:
    node = lab.nodes[0]
    await node.stop()
    text = node.config_path.read_text()
    node.config_path.write_text(
        text.replace("[node]\n", "[node]\nforward_accept = false\n")
    )
    await node.start()
    Profile(image).load_firewall(node.name)
    name = f"firewall {FORWARD[image]}"

    async def told() -> bool:
        return name in await _problems(node)

    await _until(told)
    assert "forward_accept" in (await _problems(node))[name]
    assert "oci" not in netns.nft_output(node.name, f"list chain {FORWARD[image]}")
    for key in ("iifname", "oifname"):
        rule = f'insert rule {FORWARD[image]} {key} "oci*" accept\n'
        netns.nft(node.name, rule)

    async def over() -> bool:
        return await _problems(node) == {}

    await _until(over)


@pytest.mark.parametrize("read_only", [False, True])
async def test_forwarding_that_was_switched_off_is_on_again(
    lab: Lab, *, read_only: bool
) -> None:
    node = lab.nodes[0]
    await node.stop()
    await node.start(read_only_settings=read_only)
    a, b = await _two(lab)
    assert await traffic.ask(a.netns, b.address) == a.address
    netns.sysctl(node.name, {"ipv4/ip_forward": 0})
    await _until(_reaches(a, b))
    late = await pods.start(node, "pod3", lab.servers)
    await _until(_reaches(late, a))
    path = Path("/proc/sys/net/ipv4/ip_forward")
    value = netns.inside(node.name, path.read_text).strip()
    assert value == ("0" if read_only else "1")
    place = "setting net.ipv4.ip_forward"
    assert (place in await _problems(node)) is read_only
    netns.sysctl(node.name, {"ipv4/ip_forward": 1})

    async def over() -> bool:
        return await _problems(node) == {}

    await _until(over)


async def test_an_upgrade_that_loads_all_settings_again_is_not_noticed(
    lab: Lab,
) -> None:
    node, other = lab.nodes
    a, _ = await _two(lab)
    far = await pods.start(other, "pod3", lab.servers)
    link = _pod_vnic(node)
    netns.sysctl(node.name, {f"ipv4/conf/{link}/rp_filter": 1})
    await _until(_filtering(node, link, "2"))
    node.profile.sysctl_system(node.name)
    await _until(_reaches(a, far))


async def test_pod_vnics_follow_the_filter_of_all_links(lab: Lab) -> None:
    node, other = lab.nodes
    a, _ = await _two(lab)
    far = await pods.start(other, "pod3", lab.servers)
    link = _pod_vnic(node)
    for everywhere, filtering in ((0, "0"), (1, "2"), (0, "0")):
        netns.sysctl(node.name, {"ipv4/conf/all/rp_filter": everywhere})
        await _until(_filtering(node, link, filtering))
        await _until(_reaches(a, far))
        await _until(_reaches(far, a))


async def test_nobody_sends_as_the_node_from_outside(lab: Lab) -> None:
    node, address = lab.nodes[0], lab.addresses["node1"]
    a, _ = await _two(lab)
    netns.sysctl(node.name, {"ipv4/conf/all/rp_filter": 0})
    await _until(_filtering(node, _pod_vnic(node), "0"))
    netns.ip(ONPREM, [f"addr add {address}/32 dev lo"])
    with (
        traffic.datagrams("pod1", a.address, traffic.SERVICE_PORT) as hears,
        traffic.datagrams(ONPREM, address, 7000) as lies,
        traffic.datagrams(ONPREM, lab.addresses[ONPREM], 7000) as tells,
    ):
        await lies.sendto(b"lie", (a.address, traffic.SERVICE_PORT))
        # The real one gets through: the check can fail.
        await tells.sendto(b"truth", (a.address, traffic.SERVICE_PORT))
        with trio.fail_after(traffic.ANSWER_SECONDS):
            assert await hears.recv(64) == b"truth"


def _pod_vnic(node: Node) -> str:
    """Return the link of a node's first pod VNIC."""
    return next(
        line.split("@")[0].split()[0]
        for line in netns.ip_output(node.name, "-br", "link").splitlines()
        if line.startswith("eth1")
    )


def _filtering(node: Node, link: str, value: str) -> Callable[[], Awaitable[bool]]:
    path = Path("/proc/sys/net/ipv4/conf", link, "rp_filter")

    async def has_value() -> bool:
        return netns.inside(node.name, path.read_text).strip() == value

    return has_value
