"""trio code, under pytest-trio."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_trio
import trio
from faults import BEARER, IMDS, Case, every_fault, every_library, meet, prepared
from trio.testing import MockClock

from fakeoci.api.service import Fault, Service
from fakeoci.mock import NetworkRefused, mock_oci

pytestmark = [
    pytest.mark.trio,
    # The libraries leave generators open after a decoding error; trio warns of them.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]


@every_library
@every_fault
async def test_faults(library: Any, case: Case) -> None:
    await meet(library, case)


@every_library
@mock_oci()
async def test_decorated(library: Any) -> None:
    async with library.AsyncClient() as client:
        assert (await client.get(IMDS, headers=BEARER)).status_code == 200


@pytest_trio.trio_fixture
@mock_oci()
async def outside() -> AsyncIterator[str]:
    yield "iaas.us-ashburn-1.oraclecloud.com"


async def test_trios_own_streams_are_refused(outside: str) -> None:
    with pytest.raises(NetworkRefused, match="answers httpx and httpx2"):
        await trio.open_tcp_stream(outside, 443)


@pytest_trio.trio_fixture
async def cloud() -> AsyncIterator[Service]:
    with mock_oci() as service:
        yield service


@every_library
async def test_in_virtual_time(
    library: Any, cloud: Service, autojump_clock: MockClock
) -> None:
    call = prepared(cloud)
    cloud.faults.append(Fault(operation="CreateVcn", kind="slow", seconds=3600.0))
    began = trio.current_time()
    async with library.AsyncClient(timeout=4000.0) as client:
        assert (await client.request(**call)).status_code == 200
        assert trio.current_time() - began >= 3600.0
        cloud.faults.append(Fault(operation="CreateVcn", kind="hang"))
        with pytest.raises(library.ReadTimeout):
            await client.request(**call)
    assert trio.current_time() - began >= 7600.0
