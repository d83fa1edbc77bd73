"""Only what differed before and agrees afterwards counts as restored."""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from vcnd.core.repairs import Repairs
from vcnd.linux.guard import TableLost
from vcnd.linux.judge import Event, Heard, Wanted
from vcnd.linux.restorer import MOST_RETRY_SECONDS, Restorer
from vcnd.log import Event as LogEvent
from vcnd.log import log
from vcnd.model.drift import Author, Drift, DriftKind
from vcnd.model.errors import VcndError

ROUTES = [Drift(DriftKind.ROUTE, f"10.0.0.{n}", "dev a", "", "a") for n in range(7)]
LINK = Drift(DriftKind.LINK, "oci1", "up", "down", "oci1")


class Ears:
    """Hears what a test sends."""

    def __init__(self) -> None:
        self.routes, self.heard = trio.open_memory_channel[Heard](0)
        self.tables, self.lost = trio.open_memory_channel[TableLost](0)

    async def route_event(self, wanted: Callable[[], Wanted]) -> Heard:
        return await self.heard.receive()

    async def nft_event(
        self, wanted: Callable[[], Wanted], hear: Callable[[bytes | None], None]
    ) -> TableLost:
        return await self.lost.receive()


class Stage:
    """A kernel whose parts differ until it is settled."""

    def __init__(self, *drifts: Drift) -> None:
        self.drifts = list(drifts)
        self.fixed: list[Drift] = []
        """Parts that cannot be restored."""
        self.settled, self.active = 0, True
        self.refusal: VcndError | None = None
        self.ears, self.repairs = Ears(), Repairs()
        self.restorer = Restorer(
            self.ears,
            active=lambda: self.active,
            wanted=lambda: Wanted(*(frozenset(),) * 5),
            hear_nft=lambda _: None,
            compare=self.compare,
            settle=self.settle,
            repairs=self.repairs,
        )

    async def compare(self) -> Sequence[Drift]:
        return self.drifts + self.fixed

    async def settle(self, drifts: Sequence[Drift]) -> None:
        assert list(drifts) in ([], self.drifts + self.fixed)
        if self.refusal is not None:
            raise self.refusal
        self.settled += 1
        self.drifts = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[list[LogEvent]]:
        with log.collected() as events:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.restorer.run)
                yield events
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()


async def test_nothing_is_done_where_nothing_differs() -> None:
    stage = Stage()
    assert await stage.restorer.restore() == []
    assert stage.settled == 0


async def test_nothing_is_done_after_a_withdrawal() -> None:
    stage = Stage(LINK)
    stage.active = False
    assert await stage.restorer.restore(if_differs=False) == []
    assert stage.settled == 0


async def test_what_was_restored_is_counted_and_named_by_kind() -> None:
    stage = Stage(*ROUTES, LINK)
    with log.collected() as events:
        assert await stage.restorer.restore() == [*ROUTES, LINK]
    assert {k: n for k, n in stage.repairs.counts().items() if n} == {
        DriftKind.ROUTE: 7,
        DriftKind.LINK: 1,
    }
    told = [(e["event"], e["kind"], e["number"]) for e in events]
    assert told == [
        ("kernel_state_restored", "route", 7),
        ("kernel_state_restored", "link", 1),
    ]
    assert events[0]["what"].count("missing, not dev a") == 5
    assert events[1]["what"] == "oci1: down, not up"


async def test_what_still_differs_is_not_counted() -> None:
    stage = Stage(LINK)
    stage.fixed = ROUTES[:1]
    with log.collected() as events:
        assert await stage.restorer.restore() == [LINK]
    assert stage.repairs.counts()[DriftKind.ROUTE] == 0
    assert [e["event"] for e in events] == [
        "kernel_state_restored",
        "kernel_state_not_restored",
    ]


@pytest.fixture
def called(request: pytest.FixtureRequest) -> Iterator[bytes]:
    """Give this process another name, in any bytes: each process may do so."""
    own = Path("/proc/self/comm")
    before = own.read_bytes()
    own.write_bytes(request.param)
    yield request.param
    own.write_bytes(before)


@pytest.mark.parametrize(
    ("called", "told"),
    [(b"caf\xe9", "caf\ufffd"), (b"a\nb\x1b", "a b"), (b"ip", "ip")],
    indirect=["called"],
)
async def test_who_changed_it_is_named_whatever_bytes_it_is_called_by(
    called: bytes, told: str
) -> None:
    stage = Stage(LINK)
    async with stage.running() as events:
        await stage.ears.routes.send(Heard(Event.LOSS, os.getpid()))
    assert [e["by"] for e in events] == [f"{told} {os.getpid()}"]


@pytest.mark.parametrize(
    ("heard", "by"),
    [
        (TableLost(Author(pid=7, name="nft")), "nft 7"),
        (TableLost(events_only=True), ""),
    ],
)
async def test_lost_table_is_restored_and_its_author_named(
    heard: TableLost, by: str
) -> None:
    stage = Stage(LINK)
    async with stage.running() as events:
        await stage.ears.tables.send(heard)
    assert [(e["event"], e["by"]) for e in events] == [("kernel_state_restored", by)]


async def test_lost_events_alone_restore_nothing() -> None:
    stage = Stage()
    async with stage.running() as events:
        await stage.ears.tables.send(TableLost(events_only=True))
    assert (stage.settled, events) == (0, [])


@pytest.mark.parametrize("event", [Event.NEWS, Event.LOSS])
async def test_heard_event_settles_and_tells_nothing_unless_it_differed(
    event: Event,
) -> None:
    stage = Stage()
    async with stage.running() as events:
        await stage.ears.routes.send(Heard(event, port=1))
    assert (stage.settled, events) == (1, [])


async def test_refused_restoration_is_logged_and_tried_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    stage = Stage(LINK)
    stage.refusal = VcndError("the kernel refused")
    async with stage.running() as events:
        await stage.ears.routes.send(Heard(Event.LOSS))
        await trio.testing.wait_all_tasks_blocked()
        stage.refusal = None
        await trio.sleep(MOST_RETRY_SECONDS)
    assert [e["event"] for e in events] == [
        "kernel_state_not_restored",
        "kernel_state_restored",
    ]


async def test_refused_new_state_is_tried_again_until_it_is_there(
    autojump_clock: trio.testing.MockClock,
) -> None:
    stage = Stage(LINK)
    stage.refusal = VcndError("the kernel refused")
    async with stage.running():
        with pytest.raises(VcndError, match="the kernel refused"):
            await stage.restorer.apply()
        await trio.sleep(10 * MOST_RETRY_SECONDS)
        assert stage.settled == 0
        stage.refusal = None
        await trio.sleep(MOST_RETRY_SECONDS)
        assert stage.settled == 1
        await trio.sleep(10 * MOST_RETRY_SECONDS)
    assert stage.settled == 1
