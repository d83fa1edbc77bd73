"""vcnd-policy over a fake API server and a fake kernel: its start, answers and end."""

import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import trio
from trio.testing import MockClock

from sim.policy.host import FakeDeniedLog, FakeHost
from tests.calling import exchange, request
from tests.doubles.apiserver import MemoryApiServer
from vcnd.config import Config, PolicySection
from vcnd.core.policy.denials import DeniedPacket
from vcnd.core.policy.drops import Counted, Drop, Why
from vcnd.core.policy.rule_set import OPEN
from vcnd.core.policy.tally import Tally
from vcnd.kube.policy.source import NAMESPACES, NETWORK_POLICIES, PODS, PolicySource
from vcnd.log import log
from vcnd.model.policy import Attached, Direction
from vcnd.model.policy_status import PolicyStatus
from vcnd.policy_daemon import FIRST_RULES_SECONDS, keep
from vcnd.serve.policies import PolicySocket
from vcnd.systemd import Systemd

CONFIG = Config(policy=PolicySection(enforcement="strict"))
HERE = Attached(link="oci1", addresses=("10.0.0.9",), namespace="default", name="a")
NAMESPACE = {"metadata": {"name": "default", "uid": "default"}}
POD = {
    "metadata": {"namespace": "default", "name": "a", "uid": "1"},
    "spec": {"nodeName": "one"},
    "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.9"}]},
}
FLAWED = {
    "metadata": {"namespace": "default", "name": "odd", "uid": "2"},
    "spec": {
        "podSelector": {"matchLabels": {"app": "none"}},
        "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/99"}}]}],
    },
}


class Running:
    """The process, as its unit and its callers see it."""

    def __init__(self, folder: Path, manager: socket.socket, config: Config) -> None:
        self.config = config
        self.api, self.host = MemoryApiServer(), FakeHost(HERE)
        self.denied = FakeDeniedLog()
        self.api.items = {
            PODS: [POD],
            NAMESPACES: [NAMESPACE],
            NETWORK_POLICIES: [FLAWED],
        }
        self.folder, self.manager = folder, manager
        self.path = folder / "policy.sock"
        self.stop, self.ended = trio.Event(), trio.Event()

    async def run(self, listener: socket.socket) -> None:
        await keep(
            self.config,
            source=PolicySource(self.api.client(self.folder), random=Random(1)),
            host=self.host,
            tally=Tally(),
            listen=lambda: self.denied,
            listeners=[listener],
            systemd=Systemd(notify_socket=str(self.folder / "notify")),
            allowed_uids=[os.getuid()],
            stop=self.stop,
        )
        self.ended.set()

    def told(self) -> list[bytes]:
        """Return what systemd was told since the last look."""
        found = list[bytes]()
        try:
            while True:
                found.append(self.manager.recv(100))
        except BlockingIOError:
            return found

    async def ask(self, verb: str) -> tuple[int, Any]:
        return await exchange(
            self.path, request({"CNI_COMMAND": verb}, b""), descriptors=0
        )

    async def status(self) -> PolicyStatus:
        code, answer = await self.ask("VCND_POLICY_STATUS")
        assert code == 0
        return msgspec.convert(answer, PolicyStatus)


@asynccontextmanager
async def running(
    folder: Path, *, silent: bool = False, config: Config = CONFIG
) -> AsyncIterator[Running]:
    """Start it; ``silent``: the API server answers no list."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener,
    ):
        manager.bind(str(folder / "notify"))
        made = Running(folder, manager, config)
        if silent:
            made.api.list_text = "{"
        for sock in (manager, listener):
            sock.settimeout(0.0)
        listener.bind(str(made.path))
        listener.listen()
        async with trio.open_nursery() as tasks:
            tasks.start_soon(made.run, listener)
            yield made
            tasks.cancel_scope.cancel()


async def test_the_unit_is_ready_once_rules_are_in_force(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    with log.collected() as events:
        async with running(tmp_path) as process:
            await trio.sleep(FIRST_RULES_SECONDS / 2)
            assert process.told() == [b"READY=1"]
            assert process.host.rules.egress == {"oci1": OPEN}
    (followed,) = [e for e in events if e["event"] == "policies_followed"]
    assert followed["in_force"] is True


async def test_a_silent_api_server_delays_the_unit_little(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path, silent=True) as process:
        await trio.sleep(FIRST_RULES_SECONDS / 2)
        assert process.told() == []
        await trio.sleep(FIRST_RULES_SECONDS)
        assert process.told() == [b"READY=1"]
        assert process.host.put_at == []
        status = await process.status()
        assert not status.cluster.synced
        assert PODS in [x.kind for x in status.cluster.awaited]
        await trio.sleep(60)
        told = (await process.status()).cluster.awaited
        assert all(x.reason for x in told)


async def test_newcomers_are_closed_before_the_unit_is_ready(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path, silent=True) as process:
        process.host.has_table = False
        process.host.put_seconds = 2 * FIRST_RULES_SECONDS
        await trio.sleep(process.host.put_seconds)
        assert process.told() == []
        await trio.sleep(FIRST_RULES_SECONDS + 1)
        assert process.told() == [b"READY=1"]
        assert len(process.host.put_at) == 1


async def test_a_kernel_that_refuses_does_not_hold_the_unit_back(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    with log.collected():
        async with running(tmp_path) as process:
            process.host.refuses = True
            await trio.sleep(FIRST_RULES_SECONDS + 1)
            assert process.told() == [b"READY=1"]


async def test_the_status_tells_cluster_and_rules(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path) as process:
        await trio.sleep(1)
        status = await process.status()
    assert status.enforcement == "strict"
    cluster = status.cluster
    assert cluster.synced
    assert (cluster.namespaces, cluster.pods, cluster.policies) == (1, 1, 1)
    (flawed,) = cluster.flawed
    assert "odd" in flawed.policy
    assert "cidr" in flawed.flaws[0]
    assert (status.rules.links, status.rules.changes) == (1, 1)


async def test_a_denied_packet_is_told_of_with_its_pod(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    packet = DeniedPacket(
        drop=Drop(direction=Direction.INGRESS, why=Why.UNKNOWN),
        link="oci1",
        address="10.0.0.9",
        peer="192.0.2.7",
        protocol="TCP",
        port=80,
    )
    with log.collected() as events:
        async with running(tmp_path) as process:
            await trio.sleep(1)
            process.denied.write(packet)
            await trio.sleep(1)
    (told,) = [e for e in events if e["event"] == "policy_denied"]
    assert told["pod"] == "default/a"


async def test_metrics_are_served_where_the_configuration_says(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    # An address of the loopback that no other process uses.
    host, port = f"127.1.{os.getpid() >> 8 & 0xFF}.{os.getpid() & 0xFF}", 9465
    section = msgspec.structs.replace(CONFIG.policy, metrics=f"{host}:{port}")
    config = msgspec.structs.replace(CONFIG, policy=section)
    async with running(tmp_path, config=config) as process:
        process.host.counted = {
            Counted(direction=Direction.INGRESS, why=Why.HELD): 3,
        }
        await trio.sleep(1)
        async with await trio.open_tcp_stream(host, port) as caller:
            await caller.send_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            body = b"".join([bytes(x) async for x in caller]).decode()
    held = '{direction="ingress",namespace="",why="held"} 3.0'
    for line in (
        f"vcnd_policy_denied_packets_total{held}",
        "vcnd_policy_synced 1.0",
        "vcnd_policy_flawed 1.0",
        'vcnd_policy_policies{tier="namespace"} 1.0',
        'vcnd_policy_rules_apply_seconds_bucket{le="+Inf"} 1.0',
    ):
        assert line in body


async def test_an_unknown_verb_is_refused(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path) as process:
        code, answer = await process.ask("ADD")
    assert code == 1
    assert "has no verb" in json.dumps(answer)


async def test_the_end_leaves_the_rules_as_they_are(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with running(tmp_path) as process:
        await trio.sleep(1)
        put = len(process.host.put_at)
        process.told()
        process.stop.set()
        await process.ended.wait()
        assert process.told() == [b"STOPPING=1"]
        assert len(process.host.put_at) == put


async def test_the_daemon_lends_its_gate(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    gate = os.memfd_create("gate")
    async with running(tmp_path) as process, trio.open_nursery() as nursery:

        async def made() -> int:
            return gate

        policies = PolicySocket(str(process.path), patience_seconds=1, strict=True)
        nursery.start_soon(policies.lend_gate, made, Random(1))
        await trio.sleep(60)
        assert process.host.gates == [os.fstat(gate).st_ino]
        nursery.cancel_scope.cancel()
    os.close(gate)
