"""The process vcnd-policy: it is killed, started again, stopped, and switched off."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fakeoci.fabric import netns
from integration.lab import streams
from integration.lab.apiserver import ApiServer
from integration.tests.policy_process import Process
from integration.tests.policy_stage import (
    DENY_ALL,
    FRIENDS,
    PORT,
    Stage,
    policy_stage,
    until,
)
from vcnd.install import policies
from vcnd.policy_daemon import OFF_STATUS


@pytest.fixture
def stage(server: ApiServer) -> Iterator[Stage]:
    with policy_stage(server) as made:
        yield made


@contextmanager
def no_loss(flow: streams.Datagrams) -> Iterator[None]:
    """Send packets all the time; none may be lost until the body has ended."""
    done, lost = threading.Event(), list[bool]()

    def send() -> None:
        while not done.wait(0.0005):
            lost.append(not flow.arrives() or not flow.arrives(back=True))

    sending = threading.Thread(target=send)
    sending.start()
    try:
        yield
    finally:
        done.set()
        sending.join()
    assert len(lost) > 100
    assert not any(lost)


async def closed(stage: Stage, process: Process) -> None:
    """Start pods and the process; only a is a friend of web."""
    stage.pod("web", app="web")
    stage.pod("a", role="friend")
    stage.pod("b")
    stage.policy("deny-all", **DENY_ALL)
    stage.policy("friends", **FRIENDS)
    process.start()
    await until(process.has_put)
    assert stage.reaches("a", "web")
    assert not stage.reaches("b", "web")


def talk(stage: Stage) -> streams.Datagrams:
    (mine,), (theirs,) = (stage.pods[x].addresses for x in ("a", "web"))
    return streams.talk(("a", (mine, PORT)), ("web", (theirs, PORT + 1)))


async def test_kill_and_restart_cost_no_packet(stage: Stage, process: Process) -> None:
    await closed(stage, process)
    with talk(stage) as flow, no_loss(flow):
        assert process.end(signal.SIGKILL) == -signal.SIGKILL
        assert stage.reaches("a", "web")
        assert not stage.reaches("b", "web")
        process.start()
        await until(process.has_put)
        assert stage.reaches("a", "web")
        assert not stage.reaches("b", "web")


async def test_stop_leaves_the_rules_in_force(stage: Stage, process: Process) -> None:
    await closed(stage, process)
    assert process.end(signal.SIGTERM) == 0
    assert not stage.reaches("b", "web")


async def test_missing_api_server_leaves_the_rules_in_force(
    stage: Stage, process: Process
) -> None:
    await closed(stage, process)
    process.end(signal.SIGKILL)
    stage.server.hold()
    try:
        process.start()
        await until(lambda: process.status() is not None)
        found = process.status()
        assert found is not None
        assert not found.cluster.synced
        assert found.rules.in_force_seconds is None
        assert stage.reaches("a", "web")
        assert not stage.reaches("b", "web")
    finally:
        stage.server.go_on()
    await until(process.has_put)


async def test_enforcement_off_takes_the_rules_away(
    stage: Stage, process: Process
) -> None:
    await closed(stage, process)
    process.end(signal.SIGTERM)
    netns.nft("node", "add table inet vcnd-policy-guard\n")
    process.start("off")
    assert process.ended() == OFF_STATUS
    assert stage.reaches("b", "web")
    assert "vcnd-policy" not in netns.nft_output("node", "list tables")


async def test_the_installer_deletes_the_rules(stage: Stage, process: Process) -> None:
    await closed(stage, process)
    process.end(signal.SIGTERM)
    for _ in range(2):  # the second time there is nothing
        policies.remove_rules()
        assert stage.reaches("b", "web")
        assert "vcnd-policy" not in netns.nft_output("node", "list tables")


async def test_status_counts_what_is_in_force(stage: Stage, process: Process) -> None:
    await closed(stage, process)
    found = process.status()
    assert found is not None
    assert (found.rules.links, found.rules.held) == (3, 0)
    assert (found.cluster.policies, found.cluster.pods) == (2, 3)
    assert found.rules.chains == 2
    assert os.stat(process.socket).st_mode & 0o777 == 0o600
