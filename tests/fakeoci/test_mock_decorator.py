"""``mock_oci()`` as a decorator: of functions of all kinds, and of fixtures."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx2
import pytest

from fakeoci.api.service import Service
from fakeoci.mock import mock_oci
from tests.fakeoci.calls import BEARER, URL


def fail() -> None:
    raise ValueError("mine")


@mock_oci()
def test_as_a_decorator() -> None:
    assert httpx2.get(URL, headers=BEARER).json() == 4


@mock_oci()
async def test_as_a_decorator_of_a_coroutine_function() -> None:
    async with httpx2.AsyncClient() as client:
        assert (await client.get(URL, headers=BEARER)).json() == 4


class TestMethods:
    @mock_oci()
    def test_as_a_decorator_of_a_method(self) -> None:
        assert httpx2.get(URL, headers=BEARER).json() == 4


@pytest.fixture
@mock_oci()
def limit() -> Iterator[Callable[[], int]]:
    with httpx2.Client() as client:
        yield lambda: int(client.get(URL, headers=BEARER).json())


def test_as_a_decorator_of_a_fixture(limit: Callable[[], int]) -> None:
    assert limit() == 4


@pytest.fixture
@mock_oci()
async def limit_later() -> AsyncIterator[Callable[[], Awaitable[int]]]:
    async with httpx2.AsyncClient() as client:

        async def ask() -> int:
            return int((await client.get(URL, headers=BEARER)).json())

        yield ask


async def test_as_a_decorator_of_an_async_fixture(
    limit_later: Callable[[], Awaitable[int]],
) -> None:
    assert await limit_later() == 4


async def test_exceptions_reach_a_decorated_async_generator() -> None:
    told: list[str] = []

    @asynccontextmanager
    @mock_oci()
    async def client() -> AsyncIterator[httpx2.AsyncClient]:
        try:
            async with httpx2.AsyncClient() as client:
                yield client
        except ValueError as error:
            told.append(str(error))

    async with client() as mine:
        assert (await mine.get(URL, headers=BEARER)).json() == 4
        fail()
    assert told == ["mine"]


def test_exceptions_reach_a_decorated_generator() -> None:
    @contextmanager
    @mock_oci()
    def swallow() -> Iterator[None]:
        with pytest.raises(ValueError, match="mine"):
            yield

    with swallow():
        fail()


def test_each_call_has_a_cloud_of_its_own() -> None:
    services: list[Service] = []
    mock = mock_oci()

    @mock
    def call() -> None:
        httpx2.get(URL, headers=BEARER)

    with mock as first, mock as second:
        call()
        services += [first, second]
    assert [len(s.records) for s in services] == [0, 0]


def test_undecoratable_objects_are_refused() -> None:
    with pytest.raises(TypeError, match="decorate its methods"):
        mock_oci()(type("Suite", (), {}))
    with pytest.raises(TypeError, match="with parentheses"):
        mock_oci(lambda: None)  # type: ignore[arg-type]

    async def late() -> None:
        raise AssertionError("it must not run")

    def call() -> Awaitable[None]:
        return late()

    with pytest.raises(TypeError, match="decorate the `async def`"):
        mock_oci()(call)()
