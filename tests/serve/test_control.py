"""The flows that vcndctl's verbs call, and their answers."""

import os

import msgspec
import pytest

from tests.calling import STATUS as REPORT
from tests.calling import Verbs
from tests.explained import POD
from vcnd.model.audit import AuditReport
from vcnd.model.drain import DrainStatus
from vcnd.model.errors import BadRequestError
from vcnd.model.metrics import Reading
from vcnd.model.permissions import PermissionsAnswer
from vcnd.model.phases import CallTrace, Phase
from vcnd.model.pod_explained import PodAnswer
from vcnd.model.pod_path import PathAnswer
from vcnd.model.status import ExpressStatus, NodeStatus
from vcnd.model.traffic import FlowsAnswer, TrafficAnswer
from vcnd.serve.control import ControlVerbs
from vcnd.serve.verbs import (
    AUDIT,
    AUDIT_REPAIR,
    DRAIN,
    DRAIN_UNDO,
    EXPLAIN,
    EXPRESS_OFF,
    EXPRESS_ON,
    FLOWS,
    METRICS,
    PATH,
    PERMISSIONS,
    RELEASE,
    STATUS,
    TRACE,
    TRAFFIC,
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
        metrics=daemon.metrics,
        audit=daemon.audit,
        drain=daemon.drain,
        explain=daemon.explain,
        path=daemon.path,
        traffic=daemon.traffic,
        flows=daemon.flows,
        permissions=daemon.permissions,
    )
    report = await verbs.carry_out(STATUS.name)
    assert msgspec.json.decode(report, type=NodeStatus) == REPORT
    assert releases == []
    assert await verbs.carry_out(RELEASE.name) == b"{}"
    assert releases == [None]
    for command, on in ((EXPRESS_OFF.name, False), (EXPRESS_ON.name, True)):
        answer = await verbs.carry_out(command)
        assert msgspec.json.decode(answer, type=ExpressStatus).on is on
    traced = await verbs.carry_out(TRACE.name)
    assert msgspec.json.decode(traced, type=list[CallTrace]) == [TRACED]
    for command, refused in ((AUDIT.name, "not asked"), (AUDIT_REPAIR.name, "")):
        report = await verbs.carry_out(command)
        assert msgspec.json.decode(report, type=AuditReport).refused == refused
    for command, draining in ((DRAIN.name, True), (DRAIN_UNDO.name, False)):
        drained = await verbs.carry_out(command)
        assert msgspec.json.decode(drained, type=DrainStatus).draining is draining
    answer = await verbs.carry_out(EXPLAIN.name, b'{"pod":"web"}')
    assert msgspec.json.decode(answer, type=PodAnswer).pods == (POD,)
    answer = await verbs.carry_out(PATH.name, b'{"pod":"web","destination":"10.0.0.1"}')
    assert msgspec.json.decode(answer, type=PathAnswer).pod == "web"
    answer = await verbs.carry_out(TRAFFIC.name)
    assert msgspec.json.decode(answer, type=TrafficAnswer).at == 1.0
    answer = await verbs.carry_out(FLOWS.name)
    assert msgspec.json.decode(answer, type=FlowsAnswer).express_flows == 2
    answer = await verbs.carry_out(PERMISSIONS.name)
    assert msgspec.json.decode(answer, type=PermissionsAnswer).statements == ()
    for bad in (b"", b"{}", b'{"pod":""}', b"\xff", b"[" * 99_999):
        with pytest.raises(BadRequestError, match="cannot be read"):
            await verbs.carry_out(EXPLAIN.name, bad)
    reading = msgspec.json.decode(await verbs.carry_out(METRICS.name), type=Reading)
    assert (reading.pid, len(reading.families)) == (os.getpid(), 3)
