"""CNI calls, counted by how they ended; labels have a bound."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.calling import ADD, Verbs, exchange, node_verbs, request, serving
from vcnd.model.cause import Cause
from vcnd.model.errors import PoolEmptyError
from vcnd.model.metrics import OTHERS, MetricFamily
from vcnd.model.phases import Phase, Phases
from vcnd.serve.call_meter import (
    CALL_SECONDS,
    CALLS,
    METRICS,
    PHASE_SECONDS,
    CallMeter,
)
from vcnd.serve.cni_call import COMMANDS
from vcnd.serve.cni_request import Request


def read(meter: CallMeter) -> dict[str, MetricFamily]:
    return {family.metric.name: family for family in meter.families()}


def calls(meter: CallMeter) -> dict[tuple[str, ...], float]:
    return {s.labels: s.value for s in read(meter)[CALLS.name].samples}


def phases(**seconds: float) -> Phases:
    made = Phases(lambda: 0.0)
    for phase, spent in seconds.items():
        made.note(Phase(phase), spent)
    return made


def test_time_of_a_call_is_that_of_all_phases() -> None:
    meter = CallMeter()
    meter.note("ADD", None, phases(shim=0.001, netlink=0.002))
    meter.note("ADD", Cause.SUBNET_FULL, phases(claim=45.0))
    meter.note("STATUS", None, phases(claim=0.5))
    found = read(meter)
    assert calls(meter) == {
        ("ADD", "ok"): 1,
        ("ADD", "subnet_full"): 1,
        ("STATUS", "ok"): 1,
    }
    (add, status) = found[CALL_SECONDS.name].samples
    assert (add.labels, add.value, sum(add.counts)) == (("ADD",), 45.003, 2)
    assert (status.labels, status.value) == (("STATUS",), 0.5)
    by_phase = {s.labels: s.value for s in found[PHASE_SECONDS.name].samples}
    assert by_phase["ADD", "claim"] == 45.0
    assert by_phase["ADD", "shim"] == 0.001
    assert {labels[0] for labels in by_phase} == {"ADD", "DEL"}


@given(st.lists(st.text(max_size=6), max_size=20))
def test_whatever_callers_say_labels_are_bounded(commands: list[str]) -> None:
    meter = CallMeter()
    for command in commands:
        meter.note(command, Cause.BAD_REQUEST, phases(claim=1.0))
        meter.hung_up(command)
    bound = {*COMMANDS, OTHERS}
    for family in meter.families():
        assert family.metric in METRICS
        assert {s.labels[0] for s in family.samples} <= bound
    assert sum(calls(meter).values()) == 2 * len(commands)


@pytest.mark.parametrize(
    ("failure", "result"),
    [
        (None, "ok"),
        (PoolEmptyError("none is free", cause=Cause.SUBNET_FULL), "subnet_full"),
        (ZeroDivisionError(), "defect"),
    ],
)
async def test_answered_call_is_counted(
    tmp_path: object, failure: Exception | None, result: str
) -> None:
    verbs = Verbs()
    verbs.failure = failure
    async with serving(verbs, f"{tmp_path}/s"):
        await exchange(f"{tmp_path}/s", request(ADD))
        await exchange(f"{tmp_path}/s", request({"CNI_COMMAND": "VCND_METRICS"}))
    assert calls(verbs.meter) == {("ADD", result): 1}


async def test_call_of_a_caller_that_hung_up_is_counted() -> None:
    fake = Verbs()
    fake.waits = True
    verbs = node_verbs(fake)
    async with trio.open_nursery() as tasks:
        asked = Request(ADD, b'{"cniVersion":"1.0.0","name":"vcnd"}', [0])
        tasks.start_soon(verbs.answer, asked, Phases(lambda: 0.0))
        await fake.waiting.wait()
        tasks.cancel_scope.cancel()
    assert calls(fake.meter) == {("ADD", "hung_up"): 1}


async def test_malformed_call_is_counted_as_refused() -> None:
    fake = Verbs()
    answer = await node_verbs(fake).answer(
        Request({"CNI_COMMAND": "EVIL"}, b"{", []), Phases(lambda: 0.0)
    )
    assert answer.note is not None
    answer.note()
    assert calls(fake.meter) == {(OTHERS, "bad_request"): 1}
