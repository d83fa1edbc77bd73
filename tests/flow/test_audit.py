"""``vcndctl audit``: it finds what differs, changes nothing, and repairs on request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from fakeoci.world import ips
from sim.world import World, key, settings, until_warm, world
from vcnd.model.audit import Witness
from vcnd.model.drift import Drift, DriftKind
from vcnd.model.sandbox import BoundPod, PodRef
from vcnd.node import Node

YEAR = 3e7
READS = ("Get", "List", "IMDS", "Federate")


class Kubelet:
    """Keeps pods."""

    def __init__(self) -> None:
        self.pods = {"uid1", "uid2"}

    async def __call__(self) -> set[str]:
        await trio.lowlevel.checkpoint()
        return set(self.pods)


@asynccontextmanager
async def running(
    w: World, kubelet: Kubelet | None = None
) -> AsyncIterator[tuple[Node, Kubelet]]:
    """Run a node with two pods, whose audits come by request only."""
    kubelet = kubelet or Kubelet()
    async with w.node(settings(audit_seconds=YEAR), kept_pods=kubelet) as node:
        await until_warm(node)
        for number in (1, 2):
            pod = PodRef(namespace="shop", name=f"pod{number}", uid=f"uid{number}")
            await node.attacher.add(key(number), pod, 100 + number)
        await trio.sleep(300)  # nothing is recent any more
        yield node, kubelet


def writes(w: World) -> list[str]:
    names = [r.operation for r in w.service.records]
    return [n for n in names if not n.startswith(READS)]


def everything(w: World, node: Node) -> Any:
    """Return all that a repair could change."""
    ledger = node.pool.ledger
    return msgspec.to_builtins(
        {
            "written": writes(w),
            "links": {n: lease for n, (lease, _) in w.host.links.items()},
            "bare": w.host.bare,
            "applied": w.host.applied,
            "drifts": w.host.drifts,
            "leases": ledger.leases(),
            "addresses": [(p, ledger.why_withheld(p)) for p in ledger.private_ips()],
            "records": [str(r) for r in w.journal.records],
            "repairs": node.auditor.counts(),
        },
        str_keys=True,
    )


def lose_link(w: World, node: Node, kubelet: Kubelet) -> None:
    del w.host.links[w.host.host_ifname(key(1))]


def orphan_link(w: World, node: Node, kubelet: Kubelet) -> None:
    w.host.bare["oci9"] = True


def change_kernel(w: World, node: Node, kubelet: Kubelet) -> None:
    w.host.drifts = [Drift(DriftKind.MTU, "oci1", "9000", "1400", "oci1")]


def lose_pod(w: World, node: Node, kubelet: Kubelet) -> None:
    kubelet.pods.remove("uid2")


def unbind_pod(w: World, node: Node, kubelet: Kubelet) -> None:
    pod = PodRef(namespace="shop", name="pod1", uid="uid1")
    node.pool.demand.bind([BoundPod(pod=pod)])


def delete_address(w: World, node: Node, kubelet: Kubelet) -> None:
    lease = node.pool.ledger.leases()[0]
    ips.discard(w.service.world, w.secondary()[lease.address])


def remove_tags(w: World, node: Node, kubelet: Kubelet) -> None:
    w.pod_vnics()[0].freeform_tags.clear()


def change_nsgs(w: World, node: Node, kubelet: Kubelet) -> None:
    w.pod_vnics()[0].nsg_ids.clear()


CASES = [
    pytest.param(lose_link, Witness.KERNEL, DriftKind.SANDBOX, id="link"),
    pytest.param(orphan_link, Witness.KERNEL, DriftKind.ORPHAN_LINK, id="orphan"),
    pytest.param(change_kernel, Witness.KERNEL, DriftKind.MTU, id="mtu"),
    pytest.param(delete_address, Witness.CLOUD, DriftKind.CLOUD_ADDRESS, id="address"),
    pytest.param(remove_tags, Witness.CLOUD, DriftKind.TAGS, id="tags"),
    pytest.param(change_nsgs, Witness.CLOUD, DriftKind.NSGS, id="nsgs"),
]


async def test_all_agree(autojump_clock: MockClock) -> None:
    w = world()
    async with running(w) as (node, _):
        report = await node.auditor.report(repair=False)
        assert (report.differences, report.repaired, report.unread) == ((), (), {})
        assert not report.differs


@pytest.mark.parametrize(("change", "witness", "kind"), CASES)
async def test_difference_is_found_then_repaired_on_request(
    autojump_clock: MockClock, change: Any, witness: Witness, kind: DriftKind
) -> None:
    w = world(blocks=False)
    async with running(w) as (node, kubelet):
        change(w, node, kubelet)
        before = everything(w, node)
        (found,) = (await node.auditor.report(repair=False)).differences
        assert (found.witness, found.kind) == (witness, kind)
        assert found.repair
        await trio.sleep(30)
        report = await node.auditor.report(repair=False)
        assert report.differences[0].since_seconds == pytest.approx(32, abs=2)
        assert report.differs
        assert everything(w, node) == before  # nothing was changed
        repaired = await node.auditor.report(repair=True)
        assert repaired.differences == ()
        assert [(d.witness, d.kind) for d in repaired.repaired] == [(witness, kind)]
        assert repaired.repairs[kind] == 1
        assert [p.kind for p in repaired.past] == [kind]
        assert not repaired.differs


async def test_lost_pod_is_told_and_not_ended_before_its_time(
    autojump_clock: MockClock,
) -> None:
    w = world()
    async with running(w) as (node, kubelet):
        lose_pod(w, node, kubelet)
        (found,) = (await node.auditor.report(repair=True)).differences
        assert (found.witness, found.kind) == (Witness.RUNTIME, DriftKind.SANDBOX)
        assert found.pod == "shop/pod2"
        assert "if it is still so in" in found.repair
        await trio.sleep(601)
        report = await node.auditor.report(repair=True)
        assert report.differences == ()
        assert [x.pod.uid for x in node.pool.ledger.leases()] == ["uid1"]


async def test_pod_that_kubernetes_lacks_is_only_told(
    autojump_clock: MockClock,
) -> None:
    w = world()
    async with running(w) as (node, kubelet):
        unbind_pod(w, node, kubelet)
        report = await node.auditor.report(repair=True)
        (found,) = report.differences
        assert (found.witness, found.pod) == (Witness.KUBERNETES, "shop/pod2")
        assert found.repair == ""
        assert not report.differs
        assert len(node.pool.ledger.leases()) == 2


async def test_cloud_that_does_not_answer_is_told(autojump_clock: MockClock) -> None:
    w = world()
    async with running(w) as (node, kubelet):
        orphan_link(w, node, kubelet)
        w.fault("ListVnicAttachments", status=500, times=1000)
        report = await node.auditor.report(repair=False)
        assert [d.kind for d in report.differences] == [DriftKind.ORPHAN_LINK]
        assert {*report.unread} == {Witness.CLOUD}
        w.host.drifts = [Drift(DriftKind.MTU, "oci1", "9000", "1400", "oci1")]
        repaired = await node.auditor.report(repair=True)
        assert "has not ended within 45 s and goes on" in repaired.refused
        assert repaired.differs
        assert w.host.drifts == []  # what needs no cloud is repaired
