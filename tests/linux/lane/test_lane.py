"""The express lane's switch, without a kernel."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from vcnd.linux.lane.hooks import Hooks
from vcnd.linux.lane.lane import Lane
from vcnd.linux.layout import Layout
from vcnd.model.cause import Cause


def no_hooks(prefix: str) -> Hooks:
    del prefix
    raise PermissionError(1, "Operation not permitted")


def no_descriptors(prefix: str) -> Hooks:
    del prefix
    raise OSError(errno.EMFILE, "Too many open files")


def lane(
    tmp_path: Path,
    *,
    express: bool = True,
    make_hooks: Callable[[str], Hooks] = no_hooks,
) -> Lane:
    async def settle() -> None:
        raise AssertionError("the rule set does not change")

    return Lane(
        Layout(express=express),
        pods=dict,
        vnics=set,
        settle=settle,
        programs=tmp_path / "express.o",
        make_hooks=make_hooks,
    )


async def why(made: Lane) -> Cause | None:
    state = await made.state()
    assert not state.on
    return None if state.why is None else state.why.cause


async def test_the_lane_says_who_switched_it_off(tmp_path: Path) -> None:
    made = lane(tmp_path, express=False)
    made.resume()
    await made.switch(on=False)
    assert await why(made) is Cause.SWITCHED_OFF
    await made.switch(on=True)
    assert await why(made) is Cause.NOT_BUILT
    assert not made.proves


async def test_the_lane_waits_for_the_node(tmp_path: Path) -> None:
    made = lane(tmp_path)
    await made.switch(on=True)
    assert await why(made) is Cause.RELEASED


async def test_a_withdrawal_tells_if_the_lane_may_be_left(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Too many open files"):
        await lane(tmp_path, make_hooks=no_descriptors).withdraw()


async def test_a_node_without_bpf_has_no_lane_to_withdraw(tmp_path: Path) -> None:
    await lane(tmp_path).withdraw()


async def test_the_lane_is_off_although_its_links_are_not_read(tmp_path: Path) -> None:
    made = lane(tmp_path, express=False, make_hooks=no_descriptors)
    made.resume()
    await made.switch(on=False)
    assert await why(made) is Cause.SWITCHED_OFF
