"""``vcndctl audit`` of a real daemon, on a real kernel and the fake cloud."""

import sys

import msgspec
import trio

from fakeoci.fabric import netns
from integration.lab import pods, snapshot
from integration.lab.lab import Lab
from integration.lab.node import Node
from integration.tests.conftest import SOON_SECONDS
from vcnd.model.audit import AuditReport
from vcnd.model.drift import DriftKind

AGREES, DIFFERS = 0, 3


async def audit(node: Node, *options: str) -> tuple[int, AuditReport]:
    """Return the exit code of an audit, and what it found."""
    command = [sys.executable, "-m", "vcnd.ctl", "--socket", str(node.socket_path)]
    done = await trio.run_process(
        [*command, "audit", "--json", *options], capture_stdout=True, check=False
    )
    return done.returncode, msgspec.json.decode(done.stdout, type=AuditReport)


async def written(lab: Lab) -> list[str]:
    """Return the operations that changed the cloud."""
    operations = [r["operation"] for r in await lab.cloud.requests()]
    reads = ("Get", "List", "IMDS", "Federate")
    return [name for name in operations if not name.startswith(reads)]


async def repaired(node: Node) -> list[tuple[DriftKind, int]]:
    """Return the repairs of the primary VNIC's link: kind and number.

    The image's udev may change a setting of another new link, after vcnd.
    """
    found = (await node.status()).repaired
    return [(r.kind, r.number) for r in found if "eth0" in r.what]


async def test_first_settings_of_a_fresh_node_are_no_repairs(quiet: Lab) -> None:
    node = quiet.nodes[0]
    events = [e["event"] for e in node.log_events()]
    assert "setting_set" in events
    assert "setting_restored" not in events
    assert await repaired(node) == []
    netns.sysctl("node1", {"ipv4/conf/eth0/rp_filter": 1})
    with trio.fail_after(SOON_SECONDS):
        while not (found := await repaired(node)):
            await trio.sleep(0.1)
    assert found == [(DriftKind.SETTING, 1)]


async def test_audit_tells_changes_nothing_and_repairs(quiet: Lab) -> None:
    node = quiet.nodes[0]
    pod = await pods.start(node, "pod1", quiet.servers)
    link = pod.result["interfaces"][0]["name"]
    code, report = await audit(node)
    assert (code, report.differences, report.unread) == (AGREES, (), {})

    netns.ip("node1", [f"link set {link} mtu 1400", f"link set {link} alias mine"])
    netns.ip("node1", [f"neigh del {pod.address} dev {link}"])
    before = snapshot.of_namespace("node1")
    changes = await written(quiet)
    code, report = await audit(node)
    kinds = {DriftKind.MTU, DriftKind.ALIAS, DriftKind.NEIGHBOUR}
    assert (code, {d.kind for d in report.differences}) == (DIFFERS, kinds)
    assert snapshot.of_namespace("node1") == before
    assert await written(quiet) == changes

    code, report = await audit(node, "--repair")
    assert (code, report.differences) == (AGREES, ())
    assert {d.kind for d in report.repaired} == kinds
    assert {p.kind for p in report.past} >= kinds
    assert all(report.repairs[kind] == 1 for kind in kinds)
    code, report = await audit(node)
    assert (code, report.differences, report.repaired) == (AGREES, (), ())
