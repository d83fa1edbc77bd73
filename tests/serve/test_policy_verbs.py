"""What vcnd-policy answers."""

import time

import msgspec

from vcnd.log import log
from vcnd.model.phases import Phases
from vcnd.model.policy_status import FollowedStatus, PolicyStatus, RulesStatus
from vcnd.serve.cni_request import Request
from vcnd.serve.policy_verbs import STATUS, PolicyVerbs

REPORT = PolicyStatus(
    enforcement="strict",
    cluster=FollowedStatus(
        synced=True,
        awaited=(),
        namespaces=1,
        pods=2,
        policies=3,
        cluster_policies=0,
        flawed=(),
    ),
    rules=RulesStatus(
        in_force_seconds=1.5,
        links=2,
        held=0,
        chains=1,
        sets=1,
        elements=4,
        changes=7,
        last_change_seconds=0.01,
        refused="",
    ),
)


async def reply(verbs: PolicyVerbs, command: str) -> tuple[bytes, bytes]:
    request = Request({"CNI_COMMAND": command}, b"", [])
    answer = await verbs.answer(request, Phases(time.perf_counter))
    first, _, body = answer.reply.partition(b"\n")
    return first.split()[0], body


async def test_status_is_answered_in_json() -> None:
    code, body = await reply(PolicyVerbs(report=lambda: REPORT), STATUS)
    assert code == b"0"
    assert msgspec.json.decode(body, type=PolicyStatus) == REPORT


async def test_verbs_of_cni_are_refused() -> None:
    with log.collected() as events:
        code, body = await reply(PolicyVerbs(report=lambda: REPORT), "ADD")
    assert code == b"1"
    assert b"no verb 'ADD'" in body
    assert [e["event"] for e in events] == ["call_refused"]


async def test_defect_is_answered_without_internals() -> None:
    def fails() -> PolicyStatus:
        raise ZeroDivisionError("secret")

    with log.collected():
        code, body = await reply(PolicyVerbs(report=fails), STATUS)
    assert code == b"1"
    assert b"secret" not in body
