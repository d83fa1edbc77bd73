"""asyncio code, under pytest-asyncio."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from faults import (
    BEARER,
    IMDS,
    PATIENCE,
    Case,
    every_fault,
    every_library,
    meet,
    prepared,
)

from fakeoci.api.service import Fault, Service
from fakeoci.mock import NetworkRefused, mock_oci

pytestmark = pytest.mark.asyncio


@every_library
@every_fault
async def test_faults(library: Any, case: Case) -> None:
    await meet(library, case)


@every_library
@mock_oci()
async def test_decorated(library: Any) -> None:
    async with library.AsyncClient() as client:
        assert (await client.get(IMDS, headers=BEARER)).status_code == 200


@pytest_asyncio.fixture
@mock_oci()
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_aiohttp_is_refused(client: aiohttp.ClientSession) -> None:
    for url in (IMDS, "https://iaas.us-ashburn-1.oraclecloud.com/"):
        with pytest.raises(NetworkRefused, match="answers httpx and httpx2"):
            await client.get(url)


@pytest_asyncio.fixture
async def cloud() -> AsyncIterator[Service]:
    with mock_oci(virtual_time=True) as service:
        yield service


@every_library
async def test_calls_are_served_at_once_and_may_be_cancelled(
    library: Any, cloud: Service
) -> None:
    call = prepared(cloud)
    fault = Fault(operation="CreateVcn", kind="hang", times=20)
    cloud.faults.append(fault)
    async with library.AsyncClient(timeout=PATIENCE) as client:
        tasks = [asyncio.create_task(client.request(**call)) for _ in range(20)]
        while cloud.faults:  # each call that arrives uses up one
            await asyncio.sleep(0.001)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)
        assert (await client.request(**call)).status_code == 200
