"""anyio code under anyio's own plugin, on both of its event loops."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from faults import BEARER, IMDS, PATIENCE, Case, every_kind, every_library, meet
from faults import prepared as call_of

from fakeoci.api.service import Fault, Service
from fakeoci.mock import mock_oci

pytestmark = [
    pytest.mark.anyio,
    # The libraries leave generators open after a decoding error; trio warns of them.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@every_library
@every_kind
async def test_faults(library: Any, case: Case) -> None:
    await meet(library, case)


@every_library
@mock_oci()
async def test_decorated(library: Any) -> None:
    async with library.AsyncClient() as client:
        assert (await client.get(IMDS, headers=BEARER)).status_code == 200


@pytest.fixture
async def cloud() -> AsyncIterator[Service]:
    with mock_oci() as service:
        yield service


@every_library
async def test_calls_are_served_at_once_and_may_be_cancelled(
    library: Any, cloud: Service
) -> None:
    call = call_of(cloud)
    fault = Fault(operation="CreateVcn", kind="hang", times=20)
    cloud.faults.append(fault)

    async def hang() -> None:
        await client.request(**call)

    async with library.AsyncClient(timeout=PATIENCE) as client:
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(hang)
            while cloud.faults:  # each call that arrives uses up one
                await anyio.sleep(0.001)
            group.cancel_scope.cancel()
        assert (await client.request(**call)).status_code == 200
