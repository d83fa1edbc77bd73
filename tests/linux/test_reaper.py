"""Links and connections of removed pods go soon, and in no call's way."""

from collections.abc import Collection

import trio
from trio.testing import MockClock

from vcnd.linux.reaper import MOST_SECONDS, PAUSE_SECONDS, Reaper
from vcnd.log import log


class Kernel:
    """Notes what is asked of it, and when."""

    def __init__(self) -> None:
        self.refuses = False
        self.cut_meanwhile: list[str] = []
        """Is cut while connections are forgotten."""
        self.steps: list[tuple[str, float]] = []
        self.reaper = Reaper(forget=self._forget, delete_links=self._delete_links)

    async def _forget(self, addresses: Collection[str]) -> None:
        self._note(f"forget {' '.join(sorted(addresses))}")
        if self.cut_meanwhile:
            self.reaper.cut(self.cut_meanwhile)
            self.cut_meanwhile = []

    async def _delete_links(self) -> None:
        self._note("delete")

    def _note(self, step: str) -> None:
        self.steps.append((step, round(trio.current_time(), 3)))
        if self.refuses:
            raise PermissionError(1, "Operation not permitted")


async def started(nursery: trio.Nursery) -> Kernel:
    """Return a kernel after one second: the links of an earlier life are deleted."""
    made = Kernel()
    nursery.start_soon(made.reaper.run)
    await trio.sleep(1)
    assert made.steps == [("delete", PAUSE_SECONDS)]
    made.steps.clear()
    return made


async def test_pods_that_are_cut_together_go_together(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    kernel = await started(nursery)
    for n in range(3):
        kernel.reaper.note_call()
        kernel.reaper.cut([f"10.0.0.{n}"])
    await trio.sleep(5)
    assert kernel.steps == [
        ("forget 10.0.0.0 10.0.0.1 10.0.0.2", 1.1),
        ("delete", 1.1),
    ]


async def test_links_wait_for_a_pause_between_calls(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    kernel = await started(nursery)
    kernel.reaper.note_call()
    kernel.reaper.cut(["10.0.0.1"])
    for _ in range(6):
        await trio.sleep(0.05)
        kernel.reaper.note_call()
    await trio.sleep(5)
    # Connections do not wait: an address may soon have another owner.
    assert kernel.steps == [("forget 10.0.0.1", 1.1), ("delete", 1.4)]


async def test_links_go_though_calls_come_all_the_time(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    kernel = await started(nursery)
    kernel.reaper.cut()
    for _ in range(40):
        kernel.reaper.note_call()
        await trio.sleep(PAUSE_SECONDS / 2)
    assert kernel.steps == [("delete", 1 + MOST_SECONDS)]


async def test_what_is_refused_is_tried_with_the_next_pod(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    kernel = await started(nursery)
    kernel.refuses = True
    with log.collected() as events:
        kernel.reaper.cut(["10.0.0.1"])
        await trio.sleep(1)
    assert [e["what"] for e in events] == ["connections", "links"]
    kernel.refuses = False
    kernel.reaper.cut(["10.0.0.2"])
    await trio.sleep(1)
    assert kernel.steps[2:] == [("forget 10.0.0.1 10.0.0.2", 2.1), ("delete", 2.1)]


async def test_a_pod_that_is_cut_meanwhile_is_not_passed_over(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    kernel = await started(nursery)
    kernel.cut_meanwhile = ["10.0.0.2"]
    kernel.reaper.cut(["10.0.0.1"])
    await trio.sleep(5)
    forgotten = [step for step, _ in kernel.steps if step != "delete"]
    assert forgotten == ["forget 10.0.0.1", "forget 10.0.0.2"]
