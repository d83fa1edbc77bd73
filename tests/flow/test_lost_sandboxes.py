"""Leases whose sandbox is gone although its namespace was left behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from sim.world import World, key, settings, world
from vcnd.flow.kernel_audit import GONE_SECONDS
from vcnd.log import log
from vcnd.model.drift import DriftKind
from vcnd.model.sandbox import BoundPod, Lease, PodRef
from vcnd.node import Node

PERIOD = 100.0
"""Of audits; each is up to a fifth earlier or later."""


class Kubelet:
    """Keeps pods."""

    def __init__(self, *uids: str) -> None:
        self.pods: set[str] | None = {*uids}

    async def __call__(self) -> set[str] | None:
        await trio.lowlevel.checkpoint()
        return None if self.pods is None else set(self.pods)


@asynccontextmanager
async def running(w: World, kubelet: Kubelet) -> AsyncIterator[Node]:
    config = settings(audit_seconds=PERIOD)
    async with w.node(config, kept_pods=kubelet) as node:
        yield node


async def add(node: Node, number: int) -> Lease:
    pod = PodRef(namespace="shop", name=f"pod{number}", uid=f"uid{number}")
    lease, _ = await node.attacher.add(key(number), pod, 100 + number)
    return lease


def leased(node: Node) -> list[str]:
    return sorted(x.pod.uid for x in node.pool.ledger.leases())


async def test_lease_of_a_lost_pod_ends_after_a_while(
    autojump_clock: MockClock,
) -> None:
    w, kubelet = world(), Kubelet("uid1", "uid2")
    async with running(w, kubelet) as node:
        for number in (1, 2):
            await add(node, number)
        await trio.sleep(2 * GONE_SECONDS)
        assert leased(node) == ["uid1", "uid2"]
        kubelet.pods = {"uid1"}
        await trio.sleep(GONE_SECONDS)
        assert leased(node) == ["uid1", "uid2"]
        with log.collected() as events:
            await trio.sleep(3 * PERIOD)
        assert leased(node) == ["uid1"]
        assert node.pool.repairs.counts()[DriftKind.SANDBOX] == 1
    ended = [e for e in events if e["event"] == "lease_ended_by_audit"]
    assert [(e["pod"], e["why"]) for e in ended] == [("shop/pod2", "pod_gone")]
    assert [x.pod.uid for x, _ in w.host.links.values()] == ["uid1"]


async def test_pod_that_is_kept_again_begins_anew(autojump_clock: MockClock) -> None:
    w, kubelet = world(), Kubelet("uid1")
    async with running(w, kubelet) as node:
        for number in (1, 2):
            await add(node, number)
        for _ in range(3):
            await trio.sleep(GONE_SECONDS - 2 * PERIOD)
            kubelet.pods = {"uid1", "uid2"}
            await trio.sleep(2 * PERIOD)
            kubelet.pods = {"uid1"}
        assert leased(node) == ["uid1", "uid2"]


@pytest.mark.parametrize("kept", [None, set(), {"another"}])
async def test_nothing_ends_where_nobody_can_tell(
    autojump_clock: MockClock, kept: set[str] | None
) -> None:
    w, kubelet = world(), Kubelet()
    kubelet.pods = kept
    async with running(w, kubelet) as node:
        await add(node, 1)
        await trio.sleep(3 * GONE_SECONDS)
        assert leased(node) == ["uid1"]


@pytest.mark.parametrize("uid", ["uid2", "of the mirror pod"])
async def test_pod_that_kubernetes_has_bound_here_keeps_its_lease(
    autojump_clock: MockClock, uid: str
) -> None:
    w, kubelet = world(), Kubelet("uid1")
    async with running(w, kubelet) as node:
        for number in (1, 2):
            await add(node, number)
        pod = PodRef(namespace="shop", name="pod2", uid=uid)
        node.pool.demand.bind([BoundPod(pod=pod)])
        await trio.sleep(3 * GONE_SECONDS)
        assert leased(node) == ["uid1", "uid2"]


async def test_restart_begins_the_while_anew(autojump_clock: MockClock) -> None:
    w, kubelet = world(), Kubelet("uid1")
    async with running(w, kubelet) as node:
        for number in (1, 2):
            await add(node, number)
        await trio.sleep(GONE_SECONDS - PERIOD)
    async with running(w, kubelet) as node:
        await trio.sleep(GONE_SECONDS - PERIOD)
        assert leased(node) == ["uid1", "uid2"]
        await trio.sleep(4 * PERIOD)
        assert leased(node) == ["uid1"]
