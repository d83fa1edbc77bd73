"""What ADD learns of vcnd-policy, and what happens to a pod's packets then."""

import signal
from collections.abc import Iterator

import pytest

from integration.lab.apiserver import ApiServer
from integration.tests.kube import make_pod
from integration.tests.policy_process import Process
from integration.tests.policy_stage import (
    DENY_ALL,
    FRIENDS,
    Stage,
    policy_stage,
    until,
)
from vcnd.model.cause import Cause
from vcnd.serve.policies import PolicySocket

PATIENCE = 30.0
"""On a busy machine."""


@pytest.fixture
def stage(server: ApiServer) -> Iterator[Stage]:
    with policy_stage(server) as made:
        yield made


async def closed(stage: Stage, process: Process) -> None:
    """Let web be isolated, but for friends."""
    stage.pod("web", app="web")
    stage.policy("deny-all", **DENY_ALL)
    stage.policy("friends", **FRIENDS)
    process.start()
    await until(process.has_put)


def bind(stage: Stage, name: str, **labels: str) -> None:
    """Bind a pod; it has no link yet."""
    make_pod(stage.server, name)
    path = f"/api/v1/namespaces/default/pods/{name}"
    stage.patch(path, {"metadata": {"labels": labels}})


async def admit(
    stage: Stage, process: Process, name: str, *, patience: float = PATIENCE
) -> Cause | None:
    """Ask as ADD does; return why the policies are not in force."""
    asking = PolicySocket(process.socket, patience_seconds=patience, strict=True)
    fault = await asking.admit(stage.pods[name])
    return None if fault is None else fault.cause


async def test_rules_are_in_force_once_add_is_answered(
    stage: Stage, process: Process
) -> None:
    """Of a pod whose status does not tell its address."""
    await closed(stage, process)
    for number in range(5):
        name = f"friend{number}"
        bind(stage, name, role="friend")
        stage.plug(name, told=False)
        assert await admit(stage, process, name) is None
        assert stage.reaches(name, "web")
        assert not stage.reaches("web", name)


async def test_a_pod_is_closed_while_the_process_is_away(
    stage: Stage, process: Process
) -> None:
    await closed(stage, process)
    assert process.end(signal.SIGKILL) == -signal.SIGKILL
    bind(stage, "friend", role="friend")
    stage.plug("friend", told=False)
    assert await admit(stage, process, "friend") is Cause.UNREACHABLE
    assert not stage.reaches("friend", "web")
    process.start()
    await until(process.has_put)
    assert await admit(stage, process, "friend") is None
    assert stage.reaches("friend", "web")


async def test_a_pod_is_closed_while_the_process_hangs(
    stage: Stage, process: Process
) -> None:
    await closed(stage, process)
    process.signal(signal.SIGSTOP)
    bind(stage, "friend", role="friend")
    stage.plug("friend", told=False)
    cause = await admit(stage, process, "friend", patience=0.3)
    assert cause is Cause.TIMED_OUT
    assert not stage.reaches("friend", "web")
    process.signal(signal.SIGCONT)
    assert await admit(stage, process, "friend") is None
    assert stage.reaches("friend", "web")
