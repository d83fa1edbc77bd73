"""The rows of ``./vcn bench cloud``: each measures vcnd beside the incumbent."""

from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from statistics import median
from typing import Any

import msgspec
import trio
from trio.testing import MockClock

from integration.bench import aims
from integration.bench.cloud import incumbent
from integration.bench.cloud.stage import LIMITS, Stage, stage
from vcnd.config import PoolSection
from vcnd.flow.pool import Pool
from vcnd.model.sandbox import PodRef, SandboxKey

GVA = {31: 32, 110: 128, 250: 256}
"""Pods -> the block mode's ``ipCount``: the next power of two."""
SEEDS = range(1, 6)
"""Seeds of the latencies: each cold row is the median of these runs."""
LATE_METADATA_SECONDS = 5.0
"""Lag of instance metadata in the row that measures what it costs."""
LIMIT_SECONDS = 3600.0
CHURN_SECONDS = 3600.0
PODS_PER_SECOND = 2.0
POD_LIFE_SECONDS = 30.0
HERD = 1000
HERD_SECONDS = 60.0
HERD_LIMITS = {"calls_per_second_in_all": 50.0, "burst": 50}
HERD_ADDRESSES = 31

Row = dict[str, Any]


def _virtually(measure: Callable[[], Awaitable[Row]]) -> Row:
    return trio.run(measure, clock=MockClock(autojump_threshold=0))


async def _until(pool: Pool, free: int) -> float:
    with trio.fail_after(LIMIT_SECONDS):
        while pool.ledger.counts().free < free:
            await pool.signals.next_news().wait()
    return trio.current_time()


def cold_ours(addresses: int, *, blocks: bool, imds_seconds: float = 0.0) -> Row:
    """Fill a cold node to a number of usable addresses."""

    async def measure(seed: int) -> Row:
        there = stage(seed=seed, imds_seconds=imds_seconds)
        pool = PoolSection(minimum=addresses, maximum=addresses)
        async with there.node("node1", pool, blocks=blocks) as node:
            began = trio.current_time()
            first = await _until(node.pool, 1)
            ready = await _until(node.pool, addresses)
            # Calls in flight at the last address count too.
            await trio.sleep(30)
        return _cold(there, first - began, ready - began)

    return _middle([_virtually(partial(measure, seed)) for seed in SEEDS])


def cold_theirs(replay: Callable[[Stage], Awaitable[float]]) -> Row:
    """Fill a cold node as the incumbent does."""

    async def measure(seed: int) -> Row:
        there = stage(seed=seed)
        seconds = await replay(there)
        return _cold(there, seconds, seconds)

    return _middle([_virtually(partial(measure, seed)) for seed in SEEDS])


def _middle(samples: list[Row]) -> Row:
    """Return the median of each figure."""
    return {name: median(s[name] for s in samples) for name in samples[0]}


def _cold(there: Stage, first: float, ready: float) -> Row:
    refused = sum(r.status == 429 for r in there.service.records)  # noqa: PLR2004
    return {
        "calls": there.calls,
        "metadata_reads": there.metadata_reads,
        "seconds": round(ready, 1),
        "first_address_seconds": round(first, 1),
        "refused_429": refused,
    }


def cold(addresses: int) -> Row:
    """Measure and compare all four ways to a number of addresses."""
    row: Row = {
        "ours_singles": cold_ours(addresses, blocks=False),
        "ours_blocks": cold_ours(addresses, blocks=True),
        "block_mode": cold_theirs(
            lambda there: incumbent.block_mode(there, GVA[addresses])
        ),
    }
    if addresses <= 110:  # noqa: PLR2004 - the classic mode's cap
        row["classic"] = cold_theirs(lambda there: incumbent.classic(there, addresses))
    for ours in ("ours_singles", "ours_blocks"):
        for theirs in ("classic", "block_mode"):
            if theirs in row:
                for what in ("calls", "seconds"):
                    ratio = row[ours][what] / row[theirs][what]
                    row[f"{ours}_{what}_of_{theirs}"] = round(ratio, 3)
    return row


def late_metadata() -> Row:
    """Fill a cold node whose metadata shows a new VNIC later than the API does."""
    row = cold_ours(110, blocks=True, imds_seconds=LATE_METADATA_SECONDS)
    return {"imds_seconds": LATE_METADATA_SECONDS, "addresses": 110, **row}


def burst(pods: int = 110) -> Row:
    """Start pods at once on a cold node; return when they got their addresses."""

    async def measure() -> Row:
        there = stage()
        waited: list[float] = []

        async def start(number: int) -> None:
            await node.attacher.add(_key(number), PodRef(name=f"pod{number}"), number)
            waited.append(trio.current_time() - began)

        pool = PoolSection()
        async with there.node("node1", pool, blocks=True) as node:
            began = trio.current_time()
            async with trio.open_nursery() as starting:
                for number in range(1, pods + 1):
                    starting.start_soon(start, number)
        return {
            "pods": pods,
            "first_seconds": round(min(waited), 1),
            "median_seconds": round(median(waited), 1),
            "last_seconds": round(max(waited), 1),
            "calls": there.calls,
        }

    return _virtually(measure)


def _key(number: int) -> SandboxKey:
    return SandboxKey("vcnd", f"container{number}", "eth0")


def churn() -> Row:
    """Start and end pods for an hour; return the calls for a thousand pods."""

    async def measure() -> Row:
        there, random = stage(), Random(1)  # noqa: S311 - lives of pods
        started = 0
        waits: list[float] = []

        async def live(number: int) -> None:
            asked = trio.current_time()
            await node.attacher.add(_key(number), PodRef(name=f"pod{number}"), number)
            waits.append(trio.current_time() - asked)
            await trio.sleep(random.expovariate(1 / POD_LIFE_SECONDS))
            await node.attacher.delete(_key(number))

        async with there.node("node1", PoolSection(), blocks=True) as node:
            await _until(node.pool, 4)
            before, ends = there.calls, trio.current_time() + CHURN_SECONDS
            async with trio.open_nursery() as pods:
                while trio.current_time() < ends:
                    started += 1
                    pods.start_soon(live, started)
                    await trio.sleep(random.expovariate(PODS_PER_SECOND))
        calls = there.calls - before
        return {
            "pods": started,
            "calls": calls,
            "calls_per_1000_pods": round(1000 * calls / started, 1),
            "pods_that_waited": sum(w > 0 for w in waits),
        }

    return _virtually(measure)


def herd() -> Row:
    """Start a thousand nodes within a minute under one shared throttle."""

    async def measure() -> Row:
        there = stage(nodes=HERD, shared=True, limits={**HERD_LIMITS})
        random = Random(1)  # noqa: S311 - starts of nodes
        ready: list[float] = []

        async def start(number: int) -> None:
            await trio.sleep(random.uniform(0, HERD_SECONDS))
            began = trio.current_time()
            pool = PoolSection(minimum=HERD_ADDRESSES)
            name = f"node{number}"
            async with there.node(name, pool, blocks=True, seed=number) as node:
                await _until(node.pool, HERD_ADDRESSES)
                ready.append(trio.current_time() - began)

        async with trio.open_nursery() as starting:
            for number in range(1, HERD + 1):
                starting.start_soon(start, number)
        records = there.service.records
        return {
            "nodes": HERD,
            "all_ready_seconds": round(trio.current_time(), 1),
            "median_seconds": round(median(ready), 1),
            "slowest_seconds": round(max(ready), 1),
            "slowest_of_median": round(max(ready) / median(ready), 2),
            "calls": there.calls,
            "refused_429": sum(r.status == 429 for r in records),  # noqa: PLR2004
        }

    return _virtually(measure)


def measure(*, nodes: bool, progress: Callable[[str], None]) -> Row:
    """Measure all rows.

    Args:
        nodes: True to start the thousand nodes too, which takes minutes.
        progress: called with the name of each measurement as it begins.
    """
    figures: Row = {"cold": {}}
    for addresses in GVA:
        progress(f"cold node to {addresses}")
        figures["cold"][str(addresses)] = cold(addresses)
    progress("late metadata")
    figures["late_metadata"] = late_metadata()
    progress("burst")
    figures["burst"] = burst()
    progress("churn")
    figures["churn"] = churn()
    if nodes:
        progress(f"{HERD} nodes")
        figures["herd"] = herd()
    values = {
        f"cold_{addresses}_{name}": ratio
        for addresses, row in figures["cold"].items()
        for name, ratio in row.items()
    }
    aimed = {name: values[name] for name in values.keys() & aims.NAMES}
    figures["aims"] = msgspec.to_builtins(aims.judged(aimed, "cloud"))
    figures["throttle"] = LIMITS
    figures["herd_throttle"] = HERD_LIMITS
    return figures
