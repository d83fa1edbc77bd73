"""``mock_oci()``: callers of all kinds, and several mocks at once."""

import asyncio
import os
import threading
from typing import Any

import httpcore
import httpcore2
import httpx2
import pytest
import trio

from fakeoci.mock import mock_oci
from tests.fakeoci.calls import (
    BEARER,
    CORE,
    LIBRARIES,
    URL,
    unsigned,
    where,
)


@pytest.mark.slow
@LIBRARIES
def test_synchronous_callers(library: Any) -> None:
    with mock_oci() as fake:
        assert library.get(URL, headers=BEARER).json() == 4
        assert library.get(f"{CORE}/vcns?compartmentId=x").status_code == 401
        unsigned(fake)
        mine = library.get(f"{CORE}/vcns", params=where(fake))
        assert [v["displayName"] for v in mine.json()] == ["main", "peer"]
    assert [r.operation for r in fake.records] == ["IMDS", "ListVcns", "ListVcns"]


@LIBRARIES
async def test_trio_callers(library: Any) -> None:
    with mock_oci():
        async with library.AsyncClient() as client:
            assert (await client.get(URL, headers=BEARER)).json() == 4


@LIBRARIES
def test_asyncio_callers(library: Any) -> None:
    async def main() -> Any:
        async with library.AsyncClient() as client:
            return (await client.get(URL, headers=BEARER)).json()

    with mock_oci():
        assert asyncio.run(main()) == 4


async def test_a_blocking_client_in_a_trio_task() -> None:
    with mock_oci():
        assert httpx2.get(URL, headers=BEARER).json() == 4


async def test_a_client_in_a_worker_thread_of_trio() -> None:
    with mock_oci():
        answer = await trio.to_thread.run_sync(lambda: httpx2.get(URL, headers=BEARER))
    assert answer.json() == 4


@pytest.mark.slow
def test_clients_of_several_threads_share_the_cloud() -> None:
    answers: list[int] = []

    def ask() -> None:
        answers.append(httpx2.get(URL, headers=BEARER).json())

    with mock_oci() as fake:
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [4] * 8
    assert len(fake.records) == 8


@LIBRARIES
def test_a_client_outlives_the_mock_before_it(library: Any) -> None:
    with library.Client() as client:
        for _ in range(2):
            with mock_oci() as fake:
                assert client.get(URL, headers=BEARER).json() == 4
                assert len(fake.records) == 1


@pytest.mark.parametrize(
    "host",
    [
        "iaas.us-ashburn-1.oraclecloud.com",
        "iaas.us-luke-1.oraclegovcloud.com",
        "iaas.uk-gov-london-1.oraclegovcloud.uk",
        "identity.eu-frankfurt-2.oci.oraclecloud.eu",
        "iaas.ap-chiyoda-1.oraclecloud8.com",
        "IAAS.US-ASHBURN-1.ORACLECLOUD.COM",
    ],
)
def test_every_realm_is_answered(host: str) -> None:
    with mock_oci():
        answer = httpx2.get(f"https://{host}/20160918/vcns?compartmentId=x")
    assert answer.json()["code"] == "NotAuthenticated"


def test_instance_metadata_over_ipv6() -> None:
    url = URL.replace("169.254.169.254", "[fd00:c1::a9fe:a9fe]")
    with mock_oci():
        assert httpx2.get(url, headers=BEARER).json() == 4


@pytest.mark.matrix(fast=3)
@LIBRARIES
@pytest.mark.parametrize(
    "options",
    [
        {"verify": False},
        {"http2": True},
        {"http1": False, "http2": True},
        {"proxy": "http://proxy.invalid:3128"},
        {"trust_env": False},
    ],
    ids=["unverified", "http2", "http2-alone", "proxied", "no-environment"],
)
def test_clients_with_options_of_their_own(library: Any, options: Any) -> None:
    with mock_oci(), library.Client(**options) as client:
        assert client.get(URL, headers=BEARER).json() == 4


def test_a_transport_of_the_callers_own_is_left_alone() -> None:
    mine = httpx2.MockTransport(lambda _: httpx2.Response(299))
    with mock_oci() as fake, httpx2.Client(transport=mine) as client:
        assert client.get(URL).status_code == 299
    assert len(fake.records) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_has_the_cloud_too() -> None:
    with mock_oci():
        assert httpx2.get(URL, headers=BEARER).json() == 4
        child = os.fork()
        if child == 0:
            ok = httpx2.get(URL, headers=BEARER).json() == 4
            os._exit(0 if ok else 1)
        assert os.waitpid(child, 0)[1] == 0


# Several at once


@pytest.mark.slow
def test_innermost_mock_answers() -> None:
    with mock_oci() as outer:
        with mock_oci() as inner:
            httpx2.get(URL, headers=BEARER)
        httpx2.get(URL, headers=BEARER)
        httpx2.get(URL, headers=BEARER)
    assert (len(outer.records), len(inner.records)) == (2, 1)


def test_mocks_may_end_in_any_order() -> None:
    first, second = mock_oci(), mock_oci()
    one, two = first.__enter__(), second.__enter__()
    first.__exit__(None, None, None)
    httpx2.get(URL, headers=BEARER)
    second.__exit__(None, None, None)
    assert (len(one.records), len(two.records)) == (0, 1)


def test_nothing_is_left_patched() -> None:
    def names() -> list[Any]:
        return [
            getattr(kind, name)
            for core in (httpcore, httpcore2)
            for kind, name in (
                (core.ConnectionPool, "handle_request"),
                (core.ConnectionPool, "create_connection"),
                (core.HTTPProxy, "create_connection"),
                (core.AsyncConnectionPool, "handle_async_request"),
                (core.AsyncConnectionPool, "create_connection"),
                (core.AsyncHTTPProxy, "create_connection"),
            )
        ]

    before, threads = names(), threading.active_count()
    with mock_oci():
        httpx2.get(URL, headers=BEARER)
        assert all(a is not b for a, b in zip(names(), before, strict=True))
    assert names() == before
    assert threading.active_count() == threads


@pytest.mark.slow
@LIBRARIES
def test_leaving_the_mock_keeps_patches_made_over_it(
    library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = {"httpx": httpcore, "httpx2": httpcore2}[library.__name__]
    asked: list[Any] = []
    with mock_oci() as fake, library.Client() as client:
        inner = core.ConnectionPool.handle_request

        def over(self: Any, request: Any) -> Any:
            asked.append(request.url.host)
            return inner(self, request)

        monkeypatch.setattr(core.ConnectionPool, "handle_request", over)
        assert client.get(URL, headers=BEARER).json() == 4
    with pytest.raises(library.ConnectError), library.Client() as client:
        client.get("http://127.0.0.1:1/")
    assert asked == [b"169.254.169.254", b"127.0.0.1"]
    assert len(fake.records) == 1
    monkeypatch.undo()
    with mock_oci(), library.Client() as client:
        assert client.get(URL, headers=BEARER).json() == 4
