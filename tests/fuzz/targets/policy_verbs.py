"""Bytes at vcnd-policy's socket.

Each whole request gets a reply in CNI's form; only a question that is whole is asked.
"""

import json
import os
from collections.abc import Iterable
from typing import Any

import msgspec

from tests.fuzz.choices import RAW, Choices, document, seed
from tests.fuzz.conversation import exchange
from tests.policy.samples import STATUS as REPORT
from vcnd.model.admission import Admission
from vcnd.model.metrics import Reading
from vcnd.model.policy_answers import DryRunAnswer, ExplainAnswer, PodShown, WayShown
from vcnd.model.policy_questions import DryRunQuestion, ExplainQuestion, ShowQuestion
from vcnd.serve.policies import ADMIT, GATE
from vcnd.serve.policy_verbs import (
    DRY_RUN,
    EXPLAIN,
    METRICS,
    SHOW,
    STATUS,
    PolicyVerbs,
)

COMMANDS = (
    ADMIT,
    SHOW,
    EXPLAIN,
    DRY_RUN,
    STATUS,
    GATE,
    METRICS,
    "",
    "ADD",
    "VCND_STATUS",
)
QUESTIONS: tuple[dict[str, Any], ...] = (
    {"link": "oci1", "addresses": ["10.0.0.9"], "namespace": "a", "name": "b"},
    {"pod": "shop/web"},
    {"source": "a/b", "destination": "10.0.0.1", "protocol": "UDP", "port": 53},
    {"objects": [{"kind": "NetworkPolicy", "spec": {}}], "most": 10},
)
WAY = WayShown(isolated=False, policies=())


class _Asked:
    """Answers each question, and keeps it."""

    def __init__(self) -> None:
        self.questions = list[msgspec.Struct]()

    def take_gate(self, descriptor: int) -> None:
        if not os.fstat(descriptor):
            raise AssertionError("the gate is closed")

    async def admit(self, question: Admission) -> None:
        self.questions.append(question)

    async def show(self, question: ShowQuestion) -> PodShown:
        self.questions.append(question)
        return PodShown(
            pod=question.pod, addresses=(), node="", ingress=WAY, egress=WAY
        )

    async def explain(self, question: ExplainQuestion) -> ExplainAnswer:
        self.questions.append(question)
        return ExplainAnswer(connections=())

    async def dry_run(self, question: DryRunQuestion) -> DryRunAnswer:
        self.questions.append(question)
        return DryRunAnswer(
            added=(),
            replaced=(),
            connections=len(question.objects),
            judged=0,
            denied=0,
            groups=(),
            left_out=0,
        )

    async def metrics(self) -> Reading:
        return Reading(pid=1, families=())


def run(data: bytes) -> None:
    """Ask."""
    choices = Choices(data)
    command, cuts = choices.pick(COMMANDS), Choices(choices.take(4))
    stdin = document(choices, QUESTIONS)
    variables = f"CNI_COMMAND={command}\0".encode()
    content = b"vcnd 1 %d %d\n%s%s" % (len(variables), len(stdin), variables, stdin)
    asked = _Asked()
    verbs = PolicyVerbs(
        report=lambda: REPORT,
        admit=asked.admit,
        show=asked.show,
        explain=asked.explain,
        dry_run=asked.dry_run,
        take_gate=asked.take_gate,
        metrics=asked.metrics,
    )
    found = exchange(verbs, content, cuts)
    if found.code == -1:
        return
    answer = json.loads(found.body)
    if found.code == 1 and (answer["code"] != 6 or asked.questions):
        raise AssertionError(f"a refusal with {answer}")
    for question in asked.questions:
        again = msgspec.json.decode(msgspec.json.encode(question), type=type(question))
        if again != question:
            raise AssertionError(f"{question} is read back as {again}")


def seeds() -> Iterable[bytes]:
    """Return each verb with each question."""
    for command in range(len(COMMANDS)):
        for question in range(len(QUESTIONS)):
            yield bytes([command, 1, 0, 0, 0]) + seed(question)
        yield bytes([command, 1, 0, 0, 0, RAW - 1])
