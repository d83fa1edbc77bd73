"""The flows that vcndctl's verbs call, and their answers."""

import msgspec

from tests.calling import STATUS as REPORT
from vcnd.model.status import NodeStatus
from vcnd.serve.control import COMMANDS, RELEASE, STATUS, ControlVerbs


async def test_verbs_answer_in_json() -> None:
    releases: list[None] = []

    async def release() -> None:
        releases.append(None)

    verbs = ControlVerbs(report=lambda: REPORT, release=release)
    report = await verbs.carry_out(STATUS)
    assert msgspec.json.decode(report, type=NodeStatus) == REPORT
    assert releases == []
    assert await verbs.carry_out(RELEASE) == b"{}"
    assert releases == [None]


def test_verbs_are_none_of_cnis() -> None:
    assert COMMANDS == ("VCND_STATUS", "VCND_RELEASE")
