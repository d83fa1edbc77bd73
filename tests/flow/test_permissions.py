"""Which policy statements a node's calls have shown."""

from collections.abc import Iterable
from random import Random

import pytest
import trio

from sim.cloud import client
from sim.world import World, settings, until_warm, world
from tests.oci.test_policy import STATEMENTS, with_policy
from vcnd.daemon import oci_cloud
from vcnd.flow.permissions import SECONDS, review
from vcnd.model.permissions import Held, PermissionsAnswer, StatementStatus
from vcnd.model.vnic import Vnic
from vcnd.ociapi.permissions import (
    IPAM,
    IPV6S,
    PRIVATE_IPS,
    PURPOSES,
    ROUTE_TABLES,
    SECURITY_LISTS,
    VCNS,
)

Clock = trio.testing.MockClock


async def reviewed(one: World) -> PermissionsAnswer:
    """Let a daemon fill its pool, and review its statements."""
    async with one.node() as node, client(one.service, one.address) as way:
        await until_warm(node)
        cloud = oci_cloud(settings(), way, Random(1), one.service.clock)
        return await review(node.pool, cloud)


def of(answer: PermissionsAnswer, held: Held) -> set[str]:
    return {x.statement for x in answer.statements if x.held is held}


@pytest.mark.slow
async def test_reads_show_their_statements(autojump_clock: Clock) -> None:
    answer = await reviewed(with_policy(STATEMENTS))
    assert [x.statement for x in answer.statements] == [*PURPOSES]
    reads = {VCNS, IPAM, ROUTE_TABLES, SECURITY_LISTS, PRIVATE_IPS}
    assert reads <= of(answer, Held.USED)
    assert of(answer, Held.REFUSED) == set()
    # No pod has IPv6 here.
    assert IPV6S in of(answer, Held.UNKNOWN)
    assert answer.unread == ""


@pytest.mark.slow
@pytest.mark.parametrize("missing", [VCNS, IPAM, ROUTE_TABLES, SECURITY_LISTS])
async def test_missing_statement_was_refused(
    autojump_clock: Clock, missing: str
) -> None:
    one = with_policy([text for text in STATEMENTS if missing not in text])
    answer = await reviewed(one)
    assert of(answer, Held.REFUSED) == {missing}
    (refused,) = (x for x in answer.statements if x.held is Held.REFUSED)
    assert refused.operation


class Slow:
    """Answers no read in time."""

    async def permissions(self, vnics: Iterable[Vnic]) -> tuple[StatementStatus, ...]:
        await trio.sleep(3600.0 if [*vnics] else 0.0)
        return (StatementStatus(statement=VCNS, held=Held.USED, purpose=""),)


async def test_slow_cloud_costs_the_reads_alone(autojump_clock: Clock) -> None:
    async with world().node() as node:
        await until_warm(node)
        began = trio.current_time()
        answer = await review(node.pool, Slow())
        assert trio.current_time() - began == SECONDS
    assert of(answer, Held.USED) == {VCNS}
    assert "did not answer" in answer.unread
