"""The real API server keeps the rules that the simulated one is tested with."""

from functools import partial

import httpx2
import pytest
import trio

from integration.lab.apiserver import ANSWER_SECONDS, SERVER, ApiServer
from sim.kubernetes import contract_of_reads, contract_of_writes
from sim.kubernetes.peer import Case, Peer


@pytest.mark.parametrize(
    "case",
    [*contract_of_writes.CASES, *contract_of_reads.CASES],
    ids=lambda case: case.__name__,
)
async def test_real_server_keeps_the_rules(server: ApiServer, case: Case) -> None:
    async with httpx2.AsyncClient(
        verify=False,
        trust_env=False,
        base_url=SERVER,
        timeout=ANSWER_SECONDS,
        headers={"authorization": f"Bearer {server.admin_token}"},
    ) as client:
        forget = partial(trio.to_thread.run_sync, _forget, server)
        await case(Peer(client, forget=forget))


def _forget(server: ApiServer) -> None:
    """Compact the store, and let the server lose what it keeps of earlier versions."""
    server.stop()
    server.compact()
    server.start()
