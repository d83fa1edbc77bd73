"""Replies of a daemon, as vcndctl reads and shows them: a value, or ``AskError``."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from tests.calling import STATUS
from tests.explained import POD
from tests.fuzz.choices import Choices, document, seed
from tests.policy.samples import STATUS as POLICY_STATUS
from vcnd.ctl import explain_text
from vcnd.ctl.node import describe_express, describe_traces
from vcnd.ctl.policy_text import describe_status
from vcnd.ctl.status_text import describe
from vcnd.ctl.telling import plain
from vcnd.model.phases import CallTrace
from vcnd.model.pod_explained import PodExplained
from vcnd.model.policy_status import PolicyStatus
from vcnd.model.status import ExpressStatus, NodeStatus
from vcnd.serve.ask import AskError, answer_of

SAMPLES: tuple[Any, ...] = (
    msgspec.to_builtins(STATUS),
    msgspec.to_builtins(POLICY_STATUS),
    msgspec.to_builtins(POD),
    {"cniVersion": "1.1.0", "code": 11, "msg": "no", "details": "why"},
    [],
)


def explained(pod: PodExplained) -> str:
    """Return what ``vcndctl explain`` shows of a pod."""
    return explain_text.describe("web", [explain_text.Explained(node=pod)])


SHOWN = (
    (PodExplained, explained),
    (NodeStatus, describe),
    (ExpressStatus, describe_express),
    (list[CallTrace], describe_traces),
    (PolicyStatus, describe_status),
)
WHOLE = 32


def run(data: bytes) -> None:
    """Read a reply."""
    choices = Choices(data)
    kind = choices.below(256)
    body = document(choices, SAMPLES)
    reply = b"%d %d\n%s" % (kind % 3, len(body), body) if kind >= WHOLE else body
    try:
        answer = answer_of(reply)
    except AskError as error:
        _check(plain(str(error)))
        return
    json.dumps(answer)
    for wanted, words in SHOWN:
        try:
            state: Any = msgspec.convert(answer, wanted)
        except msgspec.ValidationError:
            continue
        _check(words(state))


def _check(shown: str) -> None:
    if not shown or not shown.replace("\n", "").isprintable():
        raise AssertionError(f"{shown!r} says nothing, or moves a cursor")


def seeds() -> Iterable[bytes]:
    """Return each sample, as an answer and as a refusal."""
    for sample in range(len(SAMPLES)):
        for kind in range(WHOLE, WHOLE + 3):
            yield bytes([kind]) + seed(sample)
    yield b"\0\0" + b'1 41\n{"cniVersion":"1.0.0","code":11,"msg":"no"}'
    yield b"\0\0" + b"0 3\n{}"
