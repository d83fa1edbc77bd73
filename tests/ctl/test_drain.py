"""``vcndctl drain``: what it asks, what it prints, how it ends."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import pytest
import trio
from click.testing import CliRunner, Result
from msgspec.structs import replace

from tests.calling import Verbs, serving
from vcnd import ctl
from vcnd.ctl.exits import Exit
from vcnd.model.drain import DrainStatus

BUSY = DrainStatus(draining=True, pods=("shop/a", "shop/b"), held=5)
EMPTY = DrainStatus(draining=True, pods=(), held=2)


async def run(folder: Path, states: Sequence[DrainStatus], *options: str) -> Result:
    verbs = Verbs()
    verbs.drained = [*states]
    call = ["--socket", str(folder / "s"), "drain", *options]
    async with serving(verbs, folder / "s"):
        return await trio.to_thread.run_sync(
            partial(CliRunner().invoke, ctl.main, call)
        )


@pytest.mark.parametrize(
    ("states", "options", "code", "text"),
    [
        ([BUSY], [], 3, "2 pods hold addresses: shop/a, shop/b"),
        ([EMPTY], [], 0, "no pod holds an address; 2 are to be given back"),
        ([BUSY, BUSY, EMPTY], ["--seconds=60"], 0, "everything was given back"),
        ([BUSY, BUSY], ["--seconds=0.01"], 3, "2 pods hold addresses"),
        ([], ["--undo"], 0, "the node serves"),
    ],
)
async def test_drain_tells_how_far_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    states: list[DrainStatus],
    options: list[str],
    code: int,
    text: str,
) -> None:
    # In vcnd.ctl the command has the module's name.
    monkeypatch.setattr(sys.modules["vcnd.ctl.drain"], "LOOK_SECONDS", 0.02)
    done = await run(tmp_path, states, *options)
    assert done.exit_code == code, done.output
    assert text in done.output


async def test_json_is_the_daemons_answer(tmp_path: Path) -> None:
    done = await run(tmp_path, [BUSY], "--json")
    assert msgspec.json.decode(done.output, type=DrainStatus) == BUSY


def test_daemon_that_is_down_is_told(tmp_path: Path) -> None:
    call = ["--socket", str(tmp_path / "no"), "drain"]
    done = CliRunner().invoke(ctl.main, call)
    assert done.exit_code == Exit.DOWN
    assert "is vcnd running" in done.output


async def test_drain_that_the_disk_does_not_take_is_told(tmp_path: Path) -> None:
    done = await run(tmp_path, [replace(EMPTY, kept=False)])
    assert done.exit_code == Exit.UNSURE
    assert "a restart of vcnd undoes it" in done.output
