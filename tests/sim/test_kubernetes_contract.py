"""The simulated API server keeps the rules that the real one keeps."""

from random import Random

import httpx2
import pytest
import trio
from trio.testing import MockClock

from sim.kubernetes import contract_of_reads, contract_of_writes
from sim.kubernetes.access import ADMIN
from sim.kubernetes.connection import SERVER
from sim.kubernetes.peer import Case, Peer
from sim.kubernetes.server import ApiServer
from sim.kubernetes.transport import Transport


@pytest.mark.matrix(fast=6)
@pytest.mark.parametrize(
    "case",
    [*contract_of_writes.CASES, *contract_of_reads.CASES],
    ids=lambda case: case.__name__,
)
async def test_simulated_server_keeps_the_rules(
    autojump_clock: MockClock, case: Case
) -> None:
    server = ApiServer(random=Random(1))
    server.make("/api/v1/nodes", {"metadata": {"name": "one"}})

    async def forget() -> None:
        await trio.lowlevel.checkpoint()
        with server.away():
            server.compact()

    async with httpx2.AsyncClient(
        transport=Transport(server),
        base_url=SERVER,
        headers={"authorization": f"Bearer {ADMIN}"},
    ) as client:
        await case(Peer(client, forget=forget))
