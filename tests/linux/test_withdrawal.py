"""A step of the withdrawal that is refused stops no other, and is tried again."""

import errno
import os
from functools import partial

import pytest
import trio

from vcnd.linux import withdrawal
from vcnd.linux.nft import KernelRefusedError
from vcnd.linux.withdrawal import TRIES
from vcnd.log import log
from vcnd.model.errors import TryAgainError

NO_DESCRIPTOR = OSError(errno.EMFILE, os.strerror(errno.EMFILE))


class Steps:
    """Steps of which some are refused."""

    def __init__(self, **refusals: int) -> None:
        """Make them.

        Args:
            refusals: a step's name → how often it is refused at first.
        """
        self.refusals = refusals
        self.error: Exception = NO_DESCRIPTOR
        self.called: list[str] = []

    async def do(self, name: str) -> None:
        self.called.append(name)
        if self.called.count(name) <= self.refusals[name]:
            raise self.error

    async def all(self) -> None:
        await withdrawal.all_of(
            {name: partial(self.do, name) for name in self.refusals}
        )


async def test_each_step_is_done_once_if_none_is_refused() -> None:
    steps = Steps(lane=0, rules=0)
    await steps.all()
    assert steps.called == ["lane", "rules"]


@pytest.mark.parametrize("error", [NO_DESCRIPTOR, TryAgainError("nft refused")])
async def test_a_refused_step_alone_is_tried_again(
    error: Exception, autojump_clock: trio.testing.MockClock
) -> None:
    steps = Steps(lane=0, setting=TRIES - 1, rules=0)
    steps.error = error
    with log.collected() as events:
        await steps.all()
    assert steps.called == ["lane", "setting", "rules", "setting", "setting"]
    told = [e["part"] for e in events if e["event"] == "withdrawal_refused"]
    assert told == ["setting"] * (TRIES - 1)


async def test_the_error_names_what_is_left(
    autojump_clock: trio.testing.MockClock,
) -> None:
    steps = Steps(lane=0, setting=TRIES, rules=TRIES)
    with pytest.raises(KernelRefusedError, match="keeps setting, rules") as said:
        await steps.all()
    assert "setting: [Errno 24] Too many open files" in said.value.details
    assert steps.called.count("lane") == 1


async def test_a_defect_is_not_tried_again() -> None:
    steps = Steps(rules=1)
    steps.error = LookupError("rules")
    with pytest.raises(LookupError):
        await steps.all()
    assert steps.called == ["rules"]
