"""Faults that operators meet are named by ``vcndctl status`` and ``vcndctl explain``.

Real daemon, kernel and fake cloud.  Each test names the cause and the object that an
operator must read to find the fault.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio

from integration.lab.ctl import ask
from integration.lab.faults import FAULTS, MISSING_NSG, refused_pod, scene
from integration.lab.node import Node
from vcnd.ctl.exits import Exit

SECONDS = 150.0
"""So long a fault may take until it is told: the slowest call is repeated for 60 s."""
TROUBLES = ("problems", "trying", "broken")

Answer = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What is told of a fault."""

    cause: str
    words: str
    """Names the object."""
    stage: str
    """Where the pod's way ends."""
    pod: str = "late"
    """``late``: a pod that is added meanwhile; ``web``: one that ran before."""
    in_status: bool = True


TOLD = {
    # OCI says LimitExceeded also of other limits.
    "subnet full": Told("limit_reached", "no room left in subnet", "address"),
    "NSG missing": Told("not_found", MISSING_NSG, "address"),
    "IMDS away": Told("unreachable", "IMDS", "address"),
    "429 storm": Told("throttled", "TooManyRequests", "address"),
    "policy statement missing": Told("not_found", "private-ips", "address"),
    "disk full": Told("disk_refused", "No space left", "lease"),
    # Until an audit the link alone is missed; then the pod's address is gone.
    "VNIC detached": Told("address_gone", "10.", "vnic", pod="web"),
    "API server away": Told("unreachable", "127.0.0.1", "bound", pod="web"),
    "MTU wrong": Told("kernel_differs", "1400", "link", pod="web", in_status=False),
}


def in_status(state: Answer, told: Told) -> bool:
    found = [x for part in TROUBLES for x in state[part]]
    return any(x["cause"] == told.cause and told.words in str(x) for x in found)


def in_way(answer: Answer, told: Told) -> bool:
    steps = [s for pod in answer["pods"] for s in pod["node"]["steps"]]
    return any(
        (s["stage"], s["cause"]) == (told.stage, told.cause) and told.words in str(s)
        for s in steps
    )


async def until_told(node: Node, told: Told, pod: str) -> None:
    """Return when status and explain name the fault."""
    code, state, answer = 0, Answer(), Answer()
    with trio.move_on_after(SECONDS):
        while True:
            _, state = await ask(node, "status")
            code, answer = await ask(node, "explain", pod)
            named = in_status(state, told) or not told.in_status
            if named and in_way(answer, told):
                break
            await trio.sleep(0.3)
    faults = {part: state.get(part) for part in TROUBLES}
    assert in_way(answer, told), json.dumps([answer, faults], indent=1)
    assert in_status(state, told) or not told.in_status, json.dumps(faults, indent=1)
    # What is not known is no fault of the pod.
    assert code == (Exit.FINE if told.stage == "bound" else Exit.WRONG)


@pytest.mark.parametrize("name", TOLD)
async def test_planted_fault_is_named(tmp_path: Path, name: str) -> None:
    told = TOLD[name]
    async with scene(FAULTS[name], tmp_path) as made:
        late = told.pod == "late"
        pod = await refused_pod(made.node) if late else told.pod
        await until_told(made.node, told, pod)


async def test_flushed_rules_are_told_with_their_author(tmp_path: Path) -> None:
    async with scene(FAULTS["rules flushed"], tmp_path) as made:
        with trio.fail_after(SECONDS):
            state = Answer(repaired=[])
            while not any(x["kind"] == "nft_table" for x in state["repaired"]):
                _, state = await ask(made.node, "status")
        repair = next(x for x in state["repaired"] if x["kind"] == "nft_table")
        assert repair["what"].startswith("inet vcnd")
        assert repair["by"].startswith("nft ")
        assert (await ask(made.node, "explain", "web"))[0] == Exit.FINE


def test_each_fault_has_a_test() -> None:
    assert {*TOLD, "rules flushed"} == {*FAULTS}
