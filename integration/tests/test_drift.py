"""What others change in the node's kernel is found, named, restored and counted."""

from collections.abc import Callable
from typing import Any

import pytest
import trio

from fakeoci.fabric import netns
from integration.lab.bare import BareNode, BarePod, BareStage

SECONDS = 30.0
"""Restored within this, on any machine; it takes some 50 ms."""

ADDRESSES = ("addr", "show", "dev", "eth1")
"""Those of the pods' VNIC."""

Change = Callable[[BareNode, BarePod], None]


@pytest.fixture
def pod(bare: BareStage) -> Any:
    pod = bare.pod(1)
    # What the start changed is settled.
    pod.node.call("restore")
    yield pod
    bare.clear()


def ip(command: str, **options: bool) -> Change:
    """Return a change by ``ip``; words in braces stand for the pod's names."""

    def change(node: BareNode, pod: BarePod) -> None:
        four, six = pod.addresses
        named = command.format(link=pod.link, four=four, six=six)
        netns.ip(node.name, [named], **options)

    return change


def nft(command: str) -> Change:
    def change(node: BareNode, pod: BarePod) -> None:
        four, six = pod.addresses
        named = command.format(link=pod.link, four=four, six=six)
        netns.nft(node.name, f"{named}\n")

    return change


def setting(path: str, value: int) -> Change:
    def change(node: BareNode, pod: BarePod) -> None:
        netns.sysctl(node.name, {path.format(link=pod.link): value})

    return change


def restorations(node: BareNode, since: int) -> list[dict[str, Any]]:
    events = node.log_events()[since:]
    return [e for e in events if e["event"] == "kernel_state_restored"]


AT_ONCE: list[tuple[str, Change, str]] = [
    ("rule", ip("rule del pref 1000"), "1000: from all lookup 100"),
    ("rule", ip("rule del pref 1000", six=True), "1000: from all lookup 100"),
    ("route", ip("route del {four} table 100"), "{four} table 100: missing"),
    ("route", ip("route del {six} table 100", six=True), "{six} table 100: missing"),
    ("route", ip("route del default table 102"), "default table 102: missing"),
    ("address", ip("addr del 10.1.1.2/32 dev eth1"), "10.1.1.2 dev eth1: missing"),
    ("link", ip("link set {link} down"), "{link}: down, not up"),
    (
        "nft_element",
        nft("delete element inet vcnd pods4 {{ {link} . {four} }}"),
        "pods4",
    ),
    ("nft_table", nft("flush chain inet vcnd prerouting"), "inet vcnd"),
    ("nft_table", nft("insert rule inet vcnd prerouting accept"), "inet vcnd"),
    ("nft_table", nft("delete table inet vcnd"), "inet vcnd: missing"),
    ("setting", setting("ipv4/conf/eth1/rp_filter", 1), "eth1.rp_filter: 1, not 0"),
]
"""Changes that the kernel tells of: the kind, the change, and words of the log."""

AT_AUDITS: list[tuple[str, Change, str]] = [
    ("rule", ip("rule add pref 1010 fwmark 9/0xff lookup 102 protocol kernel"), "0x9"),
    ("route", ip("route replace {four} dev eth0 table 100 proto kernel"), "dev eth0"),
    (
        "route",
        ip(
            "route replace default via 10.1.1.1 dev eth1 onlink table 102 proto kernel"
            " mtu 1400"
        ),
        "default table 102: dev eth1 via 10.1.1.1 mtu 1400, not dev eth1 via 10.1.1.1",
    ),
    ("mtu", ip("link set {link} mtu 1400"), "{link}: 1400, not 9000"),
    ("mtu", ip("link set eth1 mtu 1400"), "eth1: 1400, not 9000"),
    ("alias", ip("link set {link} alias mine"), "{link}: mine, not vcnd vcnd/"),
    ("neighbour", ip("neigh del {four} dev {link}"), "{four} dev {link}: missing"),
    (
        "neighbour",
        ip("neigh replace {six} dev {link} lladdr 02:00:00:00:00:01"),
        "{six} dev {link}: 02:00:00:00:00:01",
    ),
    ("setting", setting("ipv4/conf/{link}/arp_ignore", 0), "arp_ignore: 0, not 8"),
    ("setting", setting("ipv4/conf/eth1/send_redirects", 1), "send_redirects: 1"),
    (
        "nft_element",
        nft("add element inet vcnd pods4 {{ oci9 . {four} : goto via1 }}"),
        "oci9",
    ),
]
"""Changes that an audit finds; some of them lead to no event, or to an idle one."""


def ids(cases: list[tuple[str, Change, str]]) -> list[str]:
    return [f"{kind}-{number}" for number, (kind, _, _) in enumerate(cases)]


@pytest.mark.parametrize(("kind", "change", "words"), AT_ONCE, ids=ids(AT_ONCE))
async def test_change_is_restored_at_once_and_named(
    pod: BarePod, kind: str, change: Change, words: str
) -> None:
    node, since = pod.node, len(pod.node.log_events())
    assert node.call("differences") == []
    change(node, pod)
    four, six = pod.addresses
    named = words.format(link=pod.link, four=four, six=six)
    with trio.fail_after(SECONDS):
        while not any(named in e["what"] for e in restorations(node, since)):
            await trio.sleep(0.02)
    assert node.call("differences") == []
    assert kind in {e["kind"] for e in restorations(node, since)}
    if kind.startswith("nft"):
        assert all(e["by"].startswith("nft ") for e in restorations(node, since))


@pytest.mark.parametrize(("kind", "change", "words"), AT_AUDITS, ids=ids(AT_AUDITS))
def test_change_is_found_by_an_audit_and_restored(
    pod: BarePod, kind: str, change: Change, words: str
) -> None:
    node, since = pod.node, len(pod.node.log_events())
    before = node.call("restored")
    change(node, pod)
    (found,) = node.call("differences")
    assert found["kind"] == kind
    assert node.call("differences") == [found]  # changes nothing
    assert node.call("restore") == [found]
    assert node.call("differences") == []
    (event,) = restorations(node, since)
    four, six = pod.addresses
    assert words.format(link=pod.link, four=four, six=six) in event["what"]
    assert node.call("restored") == before | {kind: before[kind] + 1}


async def test_detached_vnic_is_not_called_restored(pod: BarePod) -> None:
    node, since = pod.node, len(pod.node.log_events())
    node.detach_vnic()
    with trio.fail_after(SECONDS):
        while node.call("differences"):
            await trio.sleep(0.02)
    node.attach_vnic()
    # The set-up is one step: who asks for differences waits for its end.
    with trio.fail_after(SECONDS):
        while "10.1.1.2/32" not in netns.ip_output(node.name, *ADDRESSES):
            await trio.sleep(0.02)
    assert node.call("differences") == []
    await trio.sleep(0.5)  # by then a restoration would have been told
    assert restorations(node, since) == []


def test_filter_that_udev_gives_a_pods_link_is_no_difference(pod: BarePod) -> None:
    setting("ipv4/conf/{link}/rp_filter", 1)(pod.node, pod)
    assert pod.node.call("differences") == []


async def test_changes_of_other_tables_restore_nothing(pod: BarePod) -> None:
    """Events of a busy program get lost; nothing of ours has changed."""
    node, since = pod.node, len(pod.node.log_events())
    elements = ", ".join(f"10.{a}.{b}.0" for a in range(100) for b in range(100))
    made = "add table ip busy\nadd set ip busy s { type ipv4_addr; }\n"
    made += f"add element ip busy s {{ {elements} }}\n"
    for _ in range(3):
        netns.nft(node.name, made + "delete table ip busy\n")
    await trio.sleep(0.5)
    assert restorations(node, since) == []
