"""What vcnd-policy answers."""

import time

import msgspec
import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from tests.policy.samples import STATUS as REPORT
from vcnd.log import log
from vcnd.model.admission import Admission
from vcnd.model.metrics import Reading
from vcnd.model.phases import Phases
from vcnd.model.policy import Protocol
from vcnd.model.policy_answers import (
    DryRunAnswer,
    ExplainAnswer,
    PodShown,
    WayShown,
)
from vcnd.model.policy_questions import DryRunQuestion, ExplainQuestion, ShowQuestion
from vcnd.model.policy_status import PolicyStatus
from vcnd.serve.cni_request import Request
from vcnd.serve.policies import ADMIT, GATE
from vcnd.serve.policy_verbs import (
    DRY_RUN,
    EXPLAIN,
    METRICS,
    SHOW,
    STATUS,
    PolicyVerbs,
)

POD = PodShown(
    pod="shop/web",
    addresses=(),
    node="one",
    ingress=WayShown(isolated=False, policies=()),
    egress=WayShown(isolated=False, policies=()),
)
TRIED = DryRunAnswer(
    added=(), replaced=(), connections=0, judged=0, denied=0, groups=(), left_out=0
)


async def show(question: ShowQuestion) -> PodShown:
    return replace(POD, pod=question.pod)


async def explain(question: ExplainQuestion) -> ExplainAnswer:
    assert (question.protocol, question.port) == (Protocol.UDP, 53)
    return ExplainAnswer(connections=())


async def dry_run(question: DryRunQuestion) -> DryRunAnswer:
    return replace(TRIED, connections=len(question.objects))


ADMISSION = Admission(link="oci1", addresses=("10.0.0.9",), namespace="a", name="b")


async def admit(pod: Admission) -> None:
    assert pod == ADMISSION


READING = Reading(pid=7, families=())


async def metrics() -> Reading:
    return READING


VERBS = PolicyVerbs(
    report=lambda: REPORT,
    admit=admit,
    show=show,
    explain=explain,
    dry_run=dry_run,
    take_gate=lambda _: None,
    metrics=metrics,
)


async def reply(
    verbs: PolicyVerbs, command: str, stdin: bytes = b"", *descriptors: int
) -> tuple[bytes, bytes]:
    request = Request({"CNI_COMMAND": command}, stdin, [*descriptors])
    answer = await verbs.answer(request, Phases(time.perf_counter))
    first, _, body = answer.reply.partition(b"\n")
    return first.split()[0], body


async def test_metrics_are_answered_in_json() -> None:
    code, body = await reply(VERBS, METRICS)
    assert (code, msgspec.json.decode(body, type=Reading)) == (b"0", READING)


async def test_status_is_answered_in_json() -> None:
    code, body = await reply(VERBS, STATUS)
    assert code == b"0"
    assert msgspec.json.decode(body, type=PolicyStatus) == REPORT


@pytest.mark.parametrize(
    ("verb", "question", "answer"),
    [
        (SHOW, b'{"pod":"a/b"}', replace(POD, pod="a/b")),
        (
            EXPLAIN,
            b'{"source":"a","destination":"b","protocol":"UDP","port":53}',
            ExplainAnswer(connections=()),
        ),
        (DRY_RUN, b'{"objects":[{},7]}', replace(TRIED, connections=2)),
    ],
)
async def test_questions_are_answered_in_json(
    verb: str, question: bytes, answer: msgspec.Struct
) -> None:
    code, body = await reply(VERBS, verb, question)
    assert code == b"0"
    assert msgspec.json.decode(body, type=type(answer)) == answer


@pytest.mark.parametrize(
    "stdin", [b"", b"{", b"{}", b"[]", b'{"pod":7}', b"[" * 100_000]
)
async def test_a_question_that_cannot_be_read_is_refused(stdin: bytes) -> None:
    with log.collected() as events:
        code, body = await reply(VERBS, SHOW, stdin)
    assert code == b"1"
    assert b"the question cannot be read" in body
    assert [e["event"] for e in events] == ["call_refused"]


async def test_verbs_of_cni_are_refused() -> None:
    with log.collected() as events:
        code, body = await reply(VERBS, "ADD")
    assert code == b"1"
    assert b"no verb 'ADD'" in body
    assert [e["event"] for e in events] == ["call_refused"]


async def test_admission_is_answered_once_policies_are_in_force() -> None:
    stdin = msgspec.json.encode(ADMISSION)
    assert await reply(VERBS, ADMIT, stdin) == (b"0", b"{}")


@pytest.mark.parametrize(
    "stdin", [b"", b"[]", b"{}", b'{"link": 1, "addresses": []}', b"\xff", b'{"link"']
)
async def test_question_that_cannot_be_read_is_refused(stdin: bytes) -> None:
    with log.collected() as events:
        code, body = await reply(VERBS, ADMIT, stdin)
    assert code == b"1"
    assert b"the question cannot be read" in body
    assert [e["event"] for e in events] == ["call_refused"]


async def test_question_ends_when_its_caller_hangs_up() -> None:
    assert ADMIT in VERBS.ended_by_hang_up


async def test_defect_is_answered_without_internals() -> None:
    def fails() -> PolicyStatus:
        raise ZeroDivisionError("secret")

    with log.collected():
        code, body = await reply(replace(VERBS, report=fails), STATUS)
    assert code == b"1"
    assert b"secret" not in body


async def test_what_the_kernel_refuses_is_told() -> None:
    async def fails(question: ShowQuestion) -> PodShown:
        raise PermissionError(1, "Operation not permitted")

    with log.collected() as events:
        code, body = await reply(replace(VERBS, show=fails), SHOW, b'{"pod":"a"}')
    assert code == b"1"
    assert b"Operation not permitted" in body
    assert [e["event"] for e in events] == ["call_refused"]


async def test_a_gate_is_taken_and_its_lender_gets_no_answer(
    autojump_clock: MockClock,
) -> None:
    taken = list[int]()
    verbs = replace(VERBS, take_gate=taken.append)
    with trio.move_on_after(3600) as scope:
        await reply(verbs, GATE, b"", 7)
    assert scope.cancelled_caught
    assert taken == [7]
    assert GATE in verbs.ended_by_hang_up


@pytest.mark.parametrize("descriptors", [(), (7, 8)])
async def test_a_gate_is_one_descriptor(descriptors: tuple[int, ...]) -> None:
    code, body = await reply(VERBS, GATE, b"", *descriptors)
    assert code == b"1"
    assert f"{len(descriptors)} descriptors" in body.decode()


async def test_what_is_no_gate_is_refused() -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(f"no map of BPF: {descriptor}")

    code, body = await reply(replace(VERBS, take_gate=refuse), GATE, b"", 7)
    assert code == b"1"
    assert "no map of BPF" in body.decode()
