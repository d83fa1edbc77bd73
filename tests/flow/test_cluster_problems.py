"""Kubernetes that refuses or cannot be followed is a problem until it works again."""

import trio

from sim.cluster import MemoryCluster
from sim.world import problems, until_warm, world
from vcnd.flow.reasons import why_empty
from vcnd.model.cause import Cause, Fault

Clock = trio.testing.MockClock


async def test_refused_write_is_a_problem_until_accepted(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        cluster.refuses_reports = True
        cluster.refusal = "NativePodNetwork x: malformed"
        cluster.change()
        await trio.sleep(60)
        kinds = {p.kind for p in problems(node)}
        assert kinds == {"pod-network", "cluster"}
        # Events are still posted, and it is no cause of an empty pool.
        assert {n.reason for n in cluster.events} == {"PodNetworkProblem"}
        assert "403" not in why_empty(node.pool)
        cluster.refuses_reports, cluster.refusal = False, ""
        cluster.change()
        await trio.sleep(60)
        assert problems(node) == []


async def test_two_refused_writes_are_one_problem_until_both_pass(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        cluster.refuses_reports = True
        cluster.change()
        await trio.sleep(5)
        cluster.refuses_notices = True
        cluster.refusal = "NativePodNetwork x: malformed"
        cluster.change()
        await trio.sleep(60)
        written = [p.reason for p in problems(node) if p.kind == "cluster"]
        assert written == ["PATCH nodes/one: 403 Forbidden"]
        cluster.refuses_reports = False
        await trio.sleep(60)
        written = [p.reason for p in problems(node) if p.kind == "cluster"]
        assert written == ["POST events: 403 Forbidden"]
        assert "malformed" in cluster.reports[-1].reason
        cluster.refuses_notices, cluster.refusal = False, ""
        cluster.change()
        await trio.sleep(60)
        assert problems(node) == []


async def test_unfollowed_or_skipped_objects_are_a_problem(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        cluster.cut_off = {"Pod": Fault(Cause.NOT_AUTHENTICATED, "watch: 401")}
        cluster.skipped = {"Namespace": "shop is skipped: it has no name"}
        cluster.change()
        await trio.sleep(5)
        found = {(p.kind, p.name) for p in problems(node)}
        assert found == {("cluster", "Pod"), ("cluster-objects", "Namespace")}
        cluster.cut_off, cluster.skipped = {}, {}
        cluster.change()
        await trio.sleep(5)
        assert problems(node) == []


async def test_an_event_that_could_not_be_posted_is_posted_later(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        cluster.refuses_notices = True
        cluster.refusal = "NativePodNetwork x: malformed"
        cluster.change()
        await trio.sleep(60)
        assert cluster.events == []
        cluster.refuses_notices = False
        await trio.sleep(60)
        told = [n for n in cluster.events if "malformed" in n.message]
        assert [n.reason for n in told] == ["PodNetworkProblem"]
