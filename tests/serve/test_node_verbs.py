"""What the daemon answers, and what it notes of a call once that is sent."""

import os
import time

from tests.calling import ADD, CONFIG, Verbs, node_verbs
from vcnd.log import log
from vcnd.model.errors import PoolEmptyError
from vcnd.model.phases import Phases
from vcnd.serve.cni_request import Request
from vcnd.serve.node_verbs import NodeVerbs


def add() -> Request:
    return Request(ADD, CONFIG, [os.dup(0)])


async def test_call_is_noted_after_its_reply() -> None:
    verbs = node_verbs(Verbs())
    request = add()
    with log.collected() as events, request:
        answer = await verbs.answer(request, Phases(time.perf_counter))
        assert events == []
        assert answer.note is not None
        answer.note()
    assert [(e["event"], e["command"]) for e in events] == [("call", "ADD")]


async def test_refused_call_is_traced_with_its_code() -> None:
    fake = Verbs()
    fake.failure = PoolEmptyError("no free VCN address")
    verbs = node_verbs(fake)
    request = add()
    with log.collected(), request:
        answer = await verbs.answer(request, Phases(time.perf_counter))
    assert answer.note is not None
    answer.note()
    traced = await verbs.answer(
        Request({"CNI_COMMAND": "VCND_TRACE"}, b"", []), Phases(time.perf_counter)
    )
    assert b'"code":11' in traced.reply


def test_only_add_ends_with_its_caller() -> None:
    assert NodeVerbs.ended_by_hang_up == {"ADD"}
