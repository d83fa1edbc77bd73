"""Faults of network policies are named by ``vcndctl``'s status and explain."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from integration.lab.ctl import ask
from integration.lab.policy_faults import FAULTS, PolicyScene, policy_scene
from vcnd.ctl.exits import Exit

SECONDS = 180.0
"""vcndctl waits 20 s for a process that hangs, each time it asks."""

Answer = dict[str, Any]


async def ctl(scene: PolicyScene, *words: str) -> tuple[int, Answer]:
    """Return vcndctl's exit code, and what it printed as JSON."""
    return await ask(scene.node, *words, "--policy-socket", scene.socket)


def by_daemon(cause: str, words: str) -> Callable[[Answer, Answer], bool]:
    """Return what looks for a problem of the daemon, and a pod that stands there."""

    def told(state: Answer, pod: Answer) -> bool:
        problems = [p for p in state["problems"] if p["kind"] == "policies"]
        steps = [s for s in pod["node"]["steps"] if s["stage"] == "policy"]
        found = [*problems, *steps]
        named = [x["cause"] == cause and words in x["reason"] for x in found]
        return len(named) > 1 and all(named)

    return told


def is_flawed(state: Answer, pod: Answer) -> bool:
    flawed = [x["policy"]["status"]["cluster"]["flawed"] for x in (state, pod)]
    names = [[x["policy"] for x in some] for some in flawed]
    return names == [["default/odd"]] * 2 and "Sideways" in str(flawed)


def is_held(state: Answer, pod: Answer) -> bool:
    return state["policy"]["status"]["rules"]["held"] > 0 and bool(pod["shown"]["held"])


def is_awaited(state: Answer, pod: Answer) -> bool:
    awaited = [x["policy"]["status"]["cluster"]["awaited"] for x in (state, pod)]
    return all("missing" in str(some) for some in awaited)


TOLD: dict[str, Callable[[Answer, Answer], bool]] = {
    "process away": by_daemon("unreachable", "policy.sock"),
    "process hangs": by_daemon("timed_out", "did not answer within"),
    "policy flawed": is_flawed,
    "pod not known": is_held,
    "objects not listed": is_awaited,
}


@pytest.mark.parametrize("name", TOLD)
async def test_planted_policy_fault_is_named(tmp_path: Path, name: str) -> None:
    async with policy_scene(FAULTS[name], tmp_path) as scene:
        code, state, answer, named = 0, Answer(), Answer(), False
        with trio.move_on_after(SECONDS):
            while not named:
                _, state = await ctl(scene, "status")
                code, answer = await ctl(scene, "explain", "late")
                named = _named(name, state, answer["pods"][0])
        seen = {x: state.get(x) for x in ("problems", "policy")}
        assert named, json.dumps([seen, answer], indent=1)
        assert code == Exit.WRONG
        assert (await ctl(scene, "status", "--exit-code"))[0] == Exit.WRONG


def _named(name: str, state: Answer, pod: Answer) -> bool:
    try:
        return TOLD[name](state, pod)
    except (TypeError, KeyError):
        return False  # vcnd-policy has not answered yet


def test_each_policy_fault_has_a_test() -> None:
    assert {*TOLD} == {*FAULTS}
