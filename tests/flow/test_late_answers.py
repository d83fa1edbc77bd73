"""Late answers of OCI do not undo what an earlier life of the daemon has just done."""

from collections.abc import Sequence
from typing import Any, cast

import trio
from msgspec.structs import replace

from fakeoci.world.ips import discard
from sim.invariants import check_invariants
from sim.world import add, until_warm, world
from vcnd.model.family import Family
from vcnd.model.urgency import Urgency
from vcnd.model.vnic import CloudView, Known, PrivateIp
from vcnd.ports import Cloud

Clock = trio.testing.MockClock


class LateLists:
    """A cloud whose lists still show addresses that are gone."""

    def __init__(self, cloud: Cloud, gone: tuple[PrivateIp, ...]) -> None:
        self._cloud = cloud
        self._gone = gone

    def at(self, urgency: Urgency) -> Cloud:
        return cast("Cloud", LateLists(self._cloud.at(urgency), self._gone))

    async def observe(self, families: Sequence[Family], known: Known) -> CloudView:
        view = await self._cloud.observe(families, known)
        return replace(view, private_ips=view.private_ips + self._gone)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cloud, name)


async def test_new_objects_that_no_answer_has_yet_survive_a_restart(
    autojump_clock: Clock,
) -> None:
    """OCI answers 404 by OCID, too, for what it has just created: seed 3004399."""
    w = world(blocks=False)
    async with w.node() as node:
        await until_warm(node)
        lease = await add(node, 1)
        vnics, known = {*node.pool.vnics.slots}, node.pool.ledger.ids()
    w.service.world.settings.timing.consistency_seconds = 50.0
    created = w.calls("CreatePrivateIp")
    async with w.node() as node:
        for _ in range(80):
            await trio.sleep(1)
            assert {*node.pool.vnics.slots} == vnics
            assert known <= node.pool.ledger.ids()
            assert node.pool.ledger.lost() == set()
        await node.attacher.check(lease.key, 101, [lease.address])
        check_invariants(w, node)
    assert w.calls("CreatePrivateIp") == created


async def test_old_objects_that_others_deleted_are_noticed_at_the_start(
    autojump_clock: Clock,
) -> None:
    """Only what is new may be missing from answers."""
    w = world(blocks=False)
    async with w.node() as node:
        await until_warm(node)
        await trio.sleep(70)
        known = node.pool.ledger.ids()
    for gone in w.secondary().values():
        discard(w.service.world, gone)
    async with w.node() as node:
        with trio.fail_after(15):
            while not known.isdisjoint(node.pool.ledger.ids()):
                await trio.sleep(0.5)


async def test_what_an_earlier_life_deleted_is_not_found_again(
    autojump_clock: Clock,
) -> None:
    """I1: somebody else may have the address by now."""
    w = world(blocks=False)
    async with w.node() as node:
        await until_warm(node)
        gone = tuple(node.pool.ledger.private_ips())
        await node.drain(on=True)
        with trio.fail_after(300):
            while w.secondary():
                await trio.sleep(0.1)
        await trio.sleep(1)
        await node.drain(on=False)

    def late(cloud: Cloud) -> Cloud:
        return cast("Cloud", LateLists(cloud, gone))

    async with w.node(through=late) as node:
        for _ in range(30):
            await trio.sleep(1)
            assert {p.id for p in gone}.isdisjoint(node.pool.ledger.ids())
        await until_warm(node)
