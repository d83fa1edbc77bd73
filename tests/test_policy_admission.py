"""ADD's question, over the socket of vcnd-policy, to rules in force."""

import json
from pathlib import Path

import trio
from trio.testing import MockClock

from tests.calling import exchange, request
from tests.test_policy_daemon import Running, running
from vcnd.core.policy.rule_set import HOLD, OPEN
from vcnd.kube.policy.source import PODS
from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.policy import Attached
from vcnd.model.sandbox import HostLink, Lease, PodRef, SandboxKey
from vcnd.serve.policies import ADMIT, PolicySocket

PATIENCE = 0.3


def lease(number: int) -> Lease:
    return Lease(
        key=SandboxKey("vcnd", f"container{number}", "eth0"),
        addresses=(f"10.0.1.{number}",),
        wiring=HostLink(ifname=f"oci{number}", netns_cookie=number),
        pod=PodRef(namespace="default", name=f"pod{number}", uid=f"u{number}"),
    )


def plug(process: Running, pod: Lease) -> None:
    """Give a pod its link; nobody hears of it."""
    process.host.links.append(
        Attached(
            link=pod.host_ifname,
            addresses=pod.addresses,
            namespace=pod.pod.namespace,
            name=pod.pod.name,
        )
    )


def bind(process: Running, *pods: Lease) -> None:
    """Let the API server list pods; their status tells no address."""
    process.api.items[PODS] += [
        {
            "metadata": {"namespace": "default", "name": x.pod.name, "uid": x.pod.uid},
            "spec": {"nodeName": "one"},
            "status": {"phase": "Pending"},
        }
        for x in pods
    ]


def asking(process: Running) -> PolicySocket:
    return PolicySocket(str(process.path), patience_seconds=PATIENCE, strict=True)


async def test_a_hundred_adds_at_once_share_a_change(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    leases = [lease(n) for n in range(100)]
    faults: list[object] = []

    async def add(pod: Lease) -> None:
        faults.append(await asking(process).admit(pod))

    async with running(tmp_path) as process:
        bind(process, *leases)
        await trio.sleep(1)
        for pod in leases:
            plug(process, pod)
        before, process.host.put_seconds = len(process.host.put_at), 0.05
        async with trio.open_nursery() as calls:
            for pod in leases:
                calls.start_soon(add, pod)
        # Some may come while the first ones' rules are on their way.
        assert len(process.host.put_at) - before <= 2
        assert process.host.rules.egress["oci99"] == OPEN
    assert faults == [None] * len(leases)


async def test_an_unknown_pod_is_held_and_its_question_ends_with_its_caller(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    stray, known = lease(1), lease(2)
    async with running(tmp_path) as process:
        bind(process, known)
        await trio.sleep(1)
        plug(process, stray)
        with log.collected() as events:
            fault = await asking(process).admit(stray)
            await trio.sleep(1)
        assert fault is not None
        assert fault.cause is Cause.TIMED_OUT
        assert process.host.rules.egress["oci1"] == HOLD
        assert [e["event"] for e in events] == ["caller_hung_up"]
        plug(process, known)
        assert await asking(process).admit(known) is None


async def test_a_process_that_ends_answers_nobody(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    stray = lease(1)
    faults: list[object] = []

    async def add() -> None:
        fault = await asking(process).admit(stray)
        faults.append(fault and fault.cause)

    async with running(tmp_path) as process:
        await trio.sleep(1)
        async with trio.open_nursery() as calls:
            calls.start_soon(add)
            await trio.sleep(PATIENCE / 2)
            process.stop.set()
    assert faults == [Cause.UNREACHABLE]


async def test_a_question_that_cannot_be_read_is_refused(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path) as process:
        ask = request({"CNI_COMMAND": ADMIT}, b'{"link": 7}')
        code, answer = await exchange(process.path, ask, descriptors=0)
    assert code == 1
    assert "the question cannot be read" in json.dumps(answer)
