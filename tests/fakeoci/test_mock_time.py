"""``mock_oci()``: the clock of the cloud."""

from typing import Any

import httpx2
import pytest
import trio
from trio.testing import MockClock

from fakeoci.api.service import Fault
from fakeoci.mock import Clock, mock_oci
from tests.fakeoci.calls import (
    BEARER,
    CORE,
    LIBRARIES,
    URL,
    attach,
    attachment,
    unsigned,
)


@pytest.mark.slow
@LIBRARIES
def test_virtual_time_completes_work_under_way(library: Any) -> None:
    with mock_oci(virtual_time=True) as fake:
        unsigned(fake)
        fake.world.settings.timing.attach_seconds = 3600.0
        url = attach(fake, library)
        assert library.get(url).json()["lifecycleState"] == "ATTACHED"


@pytest.mark.slow
def test_a_clock_that_the_test_advances() -> None:
    clock = Clock(lambda: 1_800_000_000.0)
    with mock_oci(clock=clock) as fake:
        unsigned(fake)
        fake.world.settings.timing.attach_seconds = 3600.0
        url = attach(fake)
        assert httpx2.get(url).json()["lifecycleState"] == "ATTACHING"
        clock.advance(3599.0)
        assert httpx2.get(url).json()["lifecycleState"] == "ATTACHING"
        clock.advance(1.0)
        assert httpx2.get(url).json()["lifecycleState"] == "ATTACHED"


@pytest.mark.slow
@LIBRARIES
async def test_the_cloud_lives_in_the_time_of_trios_mock_clock(
    autojump_clock: MockClock, library: Any
) -> None:
    with mock_oci() as fake:
        unsigned(fake)
        fake.world.settings.timing.attach_seconds = 3600.0
        details = attachment(fake)
        async with library.AsyncClient() as client:
            made = await client.post(f"{CORE}/vnicAttachments", json=details)
            url = f"{CORE}/vnicAttachments/{made.json()['id']}"
            began = trio.current_time()
            polls = 0
            while (await client.get(url)).json()["lifecycleState"] == "ATTACHING":
                await trio.sleep(60.0)
                polls += 1
    assert polls == 60
    assert trio.current_time() - began == pytest.approx(3600.0)


@LIBRARIES
async def test_a_clients_timeout_counts_in_trios_mock_clock(
    autojump_clock: MockClock, library: Any
) -> None:
    with mock_oci() as fake:
        unsigned(fake)
        async with library.AsyncClient(timeout=30.0) as client:
            fake.faults.append(Fault(operation="IMDS", kind="slow", seconds=29.0))
            assert (await client.get(URL, headers=BEARER)).json() == 4
            assert trio.current_time() == pytest.approx(29.0)
            fake.faults.append(Fault(operation="IMDS", kind="slow", seconds=31.0))
            with pytest.raises(library.ReadTimeout):
                await client.get(URL, headers=BEARER)
            assert trio.current_time() == pytest.approx(59.0)
