"""``mock_oci()``: faults reach callers as their own library's exceptions."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import trio

from fakeoci.api.service import Fault, Service
from fakeoci.mock import mock_oci
from tests.fakeoci.calls import BEARER, CORE, LIBRARIES, unsigned, where

Run = Callable[[Any, Service, float], Any]


def _synchronous(library: Any, service: Service, patience: float) -> Any:
    with library.Client(timeout=patience) as client:
        return client.get(f"{CORE}/vcns", params=where(service))


async def _ask(library: Any, service: Service, patience: float) -> Any:
    async with library.AsyncClient(timeout=patience) as client:
        return await client.get(f"{CORE}/vcns", params=where(service))


def _asyncio(library: Any, service: Service, patience: float) -> Any:
    return asyncio.run(_ask(library, service, patience))


def _trio(library: Any, service: Service, patience: float) -> Any:
    return trio.run(_ask, library, service, patience)


PATIENCE = 60.0
CALLERS = pytest.mark.parametrize(
    "run", [_synchronous, _asyncio, _trio], ids=["synchronous", "asyncio", "trio"]
)


@pytest.mark.matrix(fast=4)
# httpx and httpx2 leave generators open after a decoding error; trio warns of them.
@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")
@LIBRARIES
@CALLERS
@pytest.mark.parametrize(
    ("fault", "patience", "exception", "text"),
    [
        ({"kind": "unreachable"}, PATIENCE, "ConnectError", "refused"),
        ({"kind": "after"}, PATIENCE, "RemoteProtocolError", "without sending"),
        ({"kind": "cut"}, PATIENCE, "RemoteProtocolError", "without sending"),
        ({"kind": "reset"}, PATIENCE, "ReadError", ""),
        ({"kind": "slow", "seconds": 30.0}, 0.1, "ReadTimeout", ""),
        ({"kind": "hang"}, 0.1, "ReadTimeout", ""),
        ({"kind": "garbled", "how": "drip"}, 0.1, "ReadTimeout", ""),
        (
            {"kind": "garbled", "how": "gzip-that-is-none"},
            PATIENCE,
            "DecodingError",
            "",
        ),
    ],
    ids=lambda v: "-".join(map(str, v.values())) if isinstance(v, dict) else "",
)
def test_a_fault_is_the_callers_own_exception(
    library: Any,
    run: Run,
    fault: dict[str, Any],
    patience: float,
    exception: str,
    text: str,
) -> None:
    with mock_oci() as fake:
        unsigned(fake)
        fake.faults.append(Fault(operation="ListVcns", **fault))
        with pytest.raises(getattr(library, exception), match=text or None):
            run(library, fake, patience)
        assert run(library, fake, PATIENCE).status_code == 200


@pytest.mark.matrix(fast=2)
@LIBRARIES
@CALLERS
def test_a_refusal_and_a_late_answer_are_answers(library: Any, run: Run) -> None:
    with mock_oci() as fake:
        unsigned(fake)
        fake.faults.append(Fault(operation="ListVcns", kind="before", status=429))
        fake.faults.append(Fault(operation="ListVcns", kind="slow", seconds=0.01))
        statuses = [run(library, fake, PATIENCE).status_code for _ in range(2)]
    assert statuses == [429, 200]


def test_metadata_fault_applies_to_its_document_alone() -> None:
    with mock_oci() as fake:
        name = "IMDS /instance/region"
        fake.faults.append(Fault(operation=name, kind="unreachable"))
        url = "http://169.254.169.254/opc/v2/instance/"
        assert httpx2.get(f"{url}id", headers=BEARER).status_code == 200
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{url}region", headers=BEARER)
        assert httpx2.get(f"{url}region", headers=BEARER).status_code == 200
    assert len(fake.records) == 2


@pytest.mark.slow
@LIBRARIES
@CALLERS
def test_a_bomb_reaches_the_caller_whole(library: Any, run: Run) -> None:
    with mock_oci() as fake:
        unsigned(fake)
        fault = Fault(operation="ListVcns", kind="garbled", how="gzip-bomb")
        fake.faults.append(fault)
        assert len(run(library, fake, 30.0).content) == 50_000_000


@LIBRARIES
def test_a_caller_may_stop_reading_an_answer_that_never_ends(library: Any) -> None:
    with mock_oci() as fake:
        unsigned(fake)
        fault = Fault(operation="ListVcns", kind="garbled", how="drip")
        fake.faults.append(fault)
        url, query = f"{CORE}/vcns", where(fake)
        with (
            library.Client() as client,
            client.stream("GET", url, params=query) as got,
        ):
            assert got.status_code == 200


@pytest.mark.slow
@LIBRARIES
@pytest.mark.parametrize("run", [asyncio.run, trio.run], ids=["asyncio", "trio"])
def test_calls_are_served_at_once_and_may_be_cancelled(library: Any, run: Any) -> None:
    """Each call hangs, so all are in flight when the last one has come."""
    number = 20

    async def hang(client: Any, service: Service) -> None:
        await client.get(f"{CORE}/vcns", params=where(service))

    async def main() -> int:
        async with library.AsyncClient(timeout=60.0) as client:
            if run is trio.run:
                async with trio.open_nursery() as nursery:
                    for _ in range(number):
                        nursery.start_soon(hang, client, fake)
                    while fake.faults:
                        await trio.sleep(0.001)
                    nursery.cancel_scope.cancel()
            else:
                tasks = [
                    asyncio.ensure_future(hang(client, fake)) for _ in range(number)
                ]
                while fake.faults:
                    await asyncio.sleep(0.001)
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
                assert all(task.cancelled() for task in tasks)
            answer = await client.get(f"{CORE}/vcns", params=where(fake))
        return int(answer.status_code)

    with mock_oci() as fake:
        unsigned(fake)
        fault = Fault(operation="ListVcns", kind="hang", times=number)
        fake.faults.append(fault)

        async def inner() -> int:
            return await main()

        assert run(inner() if run is asyncio.run else inner) == 200


@pytest.mark.slow
def test_a_call_that_its_caller_gave_up_is_carried_out_all_the_same() -> None:
    with mock_oci() as fake:
        unsigned(fake)
        fault = Fault(operation="CreateVcn", kind="slow", seconds=0.2)
        fake.faults.append(fault)
        details = {**where(fake), "cidrBlocks": ["10.99.0.0/16"]}
        with pytest.raises(httpx2.ReadTimeout), httpx2.Client(timeout=0.05) as client:
            client.post(f"{CORE}/vcns", json=details)
        while not any(r.operation == "CreateVcn" for r in fake.records):
            httpx2.get(f"{CORE}/vcns", params=where(fake))
        blocks = [
            v["cidrBlocks"]
            for v in httpx2.get(f"{CORE}/vcns", params=where(fake)).json()
        ]
    assert ["10.99.0.0/16"] in blocks
