"""The flows that vcndctl's verbs call, and their answers."""

import msgspec

from tests.calling import STATUS as REPORT
from tests.calling import Verbs
from vcnd.model.phases import CallTrace, Phase
from vcnd.model.status import ExpressStatus, NodeStatus
from vcnd.serve.control import (
    COMMANDS,
    EXPRESS_OFF,
    EXPRESS_ON,
    RELEASE,
    STATUS,
    TRACE,
    ControlVerbs,
)

TRACED = CallTrace(
    command="ADD",
    sandbox="vcnd/abc/eth0",
    pod="default/web",
    code=0,
    at=1000.0,
    microseconds={Phase.CLAIM: 12.5},
)


async def test_verbs_answer_in_json() -> None:
    releases: list[None] = []

    async def release() -> None:
        releases.append(None)

    daemon = Verbs()
    verbs = ControlVerbs(
        report=daemon.report,
        release=release,
        switch_express=daemon.switch_express,
        traces=lambda: [TRACED],
    )
    report = await verbs.carry_out(STATUS)
    assert msgspec.json.decode(report, type=NodeStatus) == REPORT
    assert releases == []
    assert await verbs.carry_out(RELEASE) == b"{}"
    assert releases == [None]
    for command, on in ((EXPRESS_OFF, False), (EXPRESS_ON, True)):
        answer = await verbs.carry_out(command)
        assert msgspec.json.decode(answer, type=ExpressStatus).on is on
    traced = await verbs.carry_out(TRACE)
    assert msgspec.json.decode(traced, type=list[CallTrace]) == [TRACED]


def test_verbs_are_none_of_cnis() -> None:
    assert (
        *("VCND_STATUS", "VCND_RELEASE"),
        *("VCND_EXPRESS_ON", "VCND_EXPRESS_OFF", "VCND_TRACE"),
    ) == COMMANDS
