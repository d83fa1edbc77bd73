"""The latest calls, each with its phases; older ones are dropped."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.calling import ADD, Verbs, exchange, request, serving
from vcnd.ctl.node import describe_traces
from vcnd.model.errors import PoolEmptyError
from vcnd.model.phases import CallTrace, Phase, Phases
from vcnd.model.sandbox import PodRef, SandboxKey
from vcnd.serve.cni_call import Call
from vcnd.serve.traces import MOST_TRACES, Traces


def call(number: int, command: str = "ADD", **more: Any) -> Call:
    return Call(
        command=command,
        cni_version="1.0.0",
        key=SandboxKey("vcnd", f"c{number}", "eth0"),
        pod=PodRef(namespace="default", name="web", uid="u"),
        netns_path="/x",
        **more,
    )


def test_only_the_latest_calls_are_kept() -> None:
    traces = Traces(lambda: 7.0)
    for n in range(MOST_TRACES + 5):
        traces.note(call(n), 0, Phases(lambda: 0.0))
    latest = traces.latest()
    assert len(latest) == MOST_TRACES
    assert latest[0].sandbox == f"vcnd/c{MOST_TRACES + 4}/eth0"
    assert latest[0].at == 7.0


def test_request_of_a_call_is_not_kept() -> None:
    """It can have a megabyte."""
    traces = Traces(lambda: 7.0)
    request = {"ips": [{"address": "10.1.0.5/32"}]}
    held = sys.getrefcount(request)
    traces.note(call(1, previous=request), 0, Phases(lambda: 0.0))
    assert sys.getrefcount(request) == held


@pytest.mark.parametrize("command", ["CHECK", "GC", "STATUS", "VERSION"])
def test_other_verbs_are_left_out(command: str) -> None:
    traces = Traces(lambda: 7.0)
    traces.note(call(1, command), 0, Phases(lambda: 0.0))
    assert traces.latest() == []


@pytest.mark.parametrize("code", [0, 11])
async def test_answered_call_is_noted(tmp_path: Path, code: int) -> None:
    verbs = Verbs()
    if code:
        verbs.failure = PoolEmptyError("no free VCN address")
    ask = {"CNI_COMMAND": "VCND_TRACE"}
    async with serving(verbs, tmp_path / "s"):
        told = {**ADD, "VCND_SHIM": "1 2"}  # not in this minute
        await exchange(tmp_path / "s", request(told))
        _, answer = await exchange(tmp_path / "s", request(ask), descriptors=0)
    (trace,) = answer
    assert (trace["command"], trace["sandbox"]) == ("ADD", "vcnd/abc/eth0")
    assert (trace["code"], trace["at"]) == (code, 1000.0)
    assert list(trace["microseconds"]) == ["reply"]


def test_traces_for_a_person() -> None:
    traced = CallTrace(
        command="ADD",
        sandbox="vcnd/abc/eth0",
        pod="default/web",
        code=11,
        at=0.0,
        microseconds={Phase.CLAIM: 100.4, Phase.REPLY: 50.0},
    )
    head, line = describe_traces([traced]).splitlines()
    assert head.split() == [
        *("time", "call", *Phase, "total", "µs", "pod", "or", "sandbox")
    ]
    assert line.split() == [
        *("00:00:00.000", "ADD", "-", "-", "100", "-", "-", "-", "50", "150"),
        *("default/web", "refused", "with", "code", "11"),
    ]
    assert describe_traces([]) == "no ADD or DEL was answered yet"
