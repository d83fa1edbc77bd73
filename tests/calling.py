"""A CNI server whose verbs answer as a test sets them, and calls to it."""

import array
import json
import os
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio

from tests.explained import POD
from vcnd.core.call_history import CallHistory
from vcnd.model.audit import AuditReport
from vcnd.model.cause import Cause
from vcnd.model.drain import DrainStatus
from vcnd.model.errors import NotServingError
from vcnd.model.family import Family
from vcnd.model.interface import Destination, PodInterface
from vcnd.model.metrics import Reading
from vcnd.model.permissions import PermissionsAnswer
from vcnd.model.place import PlaceKind
from vcnd.model.pod_explained import PodAnswer, PodQuestion
from vcnd.model.pod_path import PathAnswer, PathQuestion
from vcnd.model.sandbox import Lease, PodRef, SandboxKey
from vcnd.model.status import (
    BrokenStatus,
    ExpressStatus,
    FamilyStatus,
    LeaseStatus,
    NodeStatus,
    PoolStatus,
    ProblemStatus,
    VnicStatus,
)
from vcnd.model.traffic import FlowsAnswer, TrafficAnswer
from vcnd.serve.call_meter import CallMeter
from vcnd.serve.cni import CniVerbs
from vcnd.serve.control import ControlVerbs
from vcnd.serve.node_verbs import NodeVerbs
from vcnd.serve.server import Server
from vcnd.serve.traces import Traces

CONFIG = b'{"cniVersion":"1.0.0","name":"vcnd"}'
ADD = {
    "CNI_COMMAND": "ADD",
    "CNI_CONTAINERID": "abc",
    "CNI_NETNS": "/x",
    "CNI_IFNAME": "eth0",
}


def interface_with(leading: Collection[Family]) -> PodInterface:
    return PodInterface(
        host_ifname="oci1",
        host_mac="0e:00:00:00:00:01",
        pod_mac="0a::1",
        mtu=9000,
        destinations=tuple(Destination(f.everywhere) for f in leading),
    )


STATUS = NodeStatus(
    pool=PoolStatus(
        free=3,
        leased=1,
        cooling=2,
        deleting=0,
        doubted=0,
        demand=1,
        target=8,
        waiting=0,
    ),
    families={
        Family.IPV4: FamilyStatus(free=3, leased=1, cooling=2, deleting=0, doubted=0)
    },
    vnics=(
        VnicStatus(
            index=2,
            id="ocid1.vnic.abcdefghijkl",
            mac="02:00:17:00:00:01",
            address="10.1.0.2",
            ipv6="",
            subnet_id="ocid1.subnet.a",
            subnet_cidr="10.1.0.0/20",
            pod_class="",
            primary=False,
            addresses=6,
            blocks=(),
        ),
    ),
    vnic_limit=4,
    cloud_observed=True,
    leases=(
        LeaseStatus(
            network="vcnd",
            container_id="c1",
            ifname="eth0",
            address="10.1.0.5",
            addresses=("10.1.0.5",),
            host_ifname="oci1",
            pod="default/web",
            express=False,
        ),
    ),
    express=ExpressStatus(
        on=True,
        cause=None,
        reason="",
        pods=3,
        flows=12,
        express_packets=1200,
        ordinary_packets=34,
    ),
    broken=(
        BrokenStatus(
            pod="default/web",
            container_id="c1",
            ifname="eth0",
            address="10.1.0.5",
            cause=Cause.ADDRESS_GONE,
            reason="10.1.0.5 is gone",
        ),
    ),
    problems=(
        ProblemStatus(
            what="addresses of ocid1.vnic.abcdefghijkl",
            kind=PlaceKind.ADDRESSES,
            vnic_id="ocid1.vnic.abcdefghijkl",
            family=Family.IPV4,
            pod_class=None,
            name="",
            cause=Cause.SUBNET_FULL,
            reason="no room left",
            since_seconds=12.0,
            seconds_ago=3.5,
            count=2,
        ),
    ),
)


AUDIT = AuditReport(
    differences=(), repaired=(), unread={}, refused="", past=(), repairs={}
)


class Verbs:
    """Answers calls as the test sets it."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.drained: list[DrainStatus] = []
        """How far a drain is, call by call."""
        self.meter = CallMeter()
        self.added: list[SandboxKey] = []
        self.waits = False
        """True if ADD and DEL wait for ``go_on``."""
        self.waiting = trio.Event()
        self.go_on = trio.Event()
        self.ended: list[str] = []
        self.end = trio.Event()

    async def wait(self, command: str) -> None:
        if not self.waits:
            return
        self.waiting.set()
        try:
            await self.go_on.wait()
        except trio.Cancelled:
            self.ended.append(f"{command} cancelled")
            raise
        else:
            self.ended.append(f"{command} done")
        finally:
            self.end.set()

    async def add(
        self, key: SandboxKey, pod: PodRef, netns: int, *_: Any, **__: Any
    ) -> tuple[Lease, PodInterface]:
        assert os.fstat(netns)
        if self.failure:
            raise self.failure
        await self.wait("ADD")
        self.added.append(key)
        lease = Lease(key=key, addresses=("10.1.0.5",), wiring=None)
        interface = interface_with({Family.IPV4})
        return lease, interface

    async def delete(self, key: SandboxKey, **__: Any) -> Lease | None:
        await self.wait("DEL")
        return None

    async def check(self, *_: Any, **__: Any) -> None:
        raise AssertionError

    async def collect_garbage(
        self, network: str, valid: frozenset[tuple[str, str]]
    ) -> None:
        raise ZeroDivisionError

    def ready(self) -> None:
        raise NotServingError("not yet")

    async def report(self) -> NodeStatus:
        return STATUS

    async def release(self) -> None:
        pass

    async def metrics(self) -> Reading:
        return Reading(pid=os.getpid(), families=tuple(self.meter.families()))

    async def explain(self, question: PodQuestion) -> PodAnswer:
        return PodAnswer(pods=(POD,) if question.pod in POD.pod else ())

    async def path(self, question: PathQuestion) -> PathAnswer:
        return PathAnswer(pod=question.pod, ways=())

    async def traffic(self) -> TrafficAnswer:
        return TrafficAnswer(at=1.0, pods=(), express=True)

    async def flows(self) -> FlowsAnswer:
        return FlowsAnswer(flows=(), left_out=False, express_flows=2)

    async def permissions(self) -> PermissionsAnswer:
        return PermissionsAnswer(statements=())

    async def audit(self, *, repair: bool) -> AuditReport:
        return AUDIT if repair else msgspec.structs.replace(AUDIT, refused="not asked")

    async def drain(self, *, on: bool) -> DrainStatus:
        await trio.lowlevel.checkpoint()
        if on and self.drained:
            return self.drained.pop(0)
        return DrainStatus(draining=on, pods=(), held=0)

    async def switch_express(self, *, on: bool) -> ExpressStatus:
        return msgspec.structs.replace(STATUS.express, on=on)


def node_verbs(verbs: Verbs) -> NodeVerbs:
    traces = Traces(lambda: 1000.0)
    return NodeVerbs(
        cni=CniVerbs(
            sandboxes=verbs,
            collect_garbage=verbs.collect_garbage,
            ready=verbs.ready,
        ),
        control=ControlVerbs(
            report=verbs.report,
            release=verbs.release,
            switch_express=verbs.switch_express,
            traces=traces.latest,
            metrics=verbs.metrics,
            audit=verbs.audit,
            drain=verbs.drain,
            explain=verbs.explain,
            path=verbs.path,
            traffic=verbs.traffic,
            flows=verbs.flows,
            permissions=verbs.permissions,
        ),
        traces=traces,
        meter=verbs.meter,
        history=CallHistory(),
    )


def server_of(verbs: Verbs, *, allowed_uid: int | None = None) -> Server:
    uid = os.getuid() if allowed_uid is None else allowed_uid
    return Server(node_verbs(verbs), allowed_uids=[uid])


@asynccontextmanager
async def serving(
    verbs: Verbs, path: Path | str, *, allowed_uid: int | None = None
) -> AsyncIterator[None]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.settimeout(0.0)
        listener.bind(str(path))
        listener.listen(128)
        server = server_of(verbs, allowed_uid=allowed_uid)
        async with trio.open_nursery() as calls:
            calls.start_soon(server.serve, listener, calls)
            yield
            calls.cancel_scope.cancel()


def request_environment(environment: dict[str, str]) -> bytes:
    return b"".join(f"{k}={v}\0".encode() for k, v in environment.items())


def request(environment: dict[str, str], stdin: bytes = CONFIG) -> bytes:
    variables = request_environment(environment)
    return b"vcnd 1 %d %d\n" % (len(variables), len(stdin)) + variables + stdin


async def exchange(
    path: Path | str, data: bytes, *, descriptors: int = 1, half: bool = False
) -> tuple[int, Any]:
    """Send bytes; return exit code and JSON, or (-1, None) if no reply comes."""
    with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        await sock.connect(str(path))
        rights = []
        if descriptors:
            fds = array.array("i", [0] * descriptors)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds.tobytes())]
        await sock.sendmsg([data], rights)
        if half:
            sock.shutdown(socket.SHUT_WR)
        reply = b""
        while chunk := await sock.recv(65536):
            reply += chunk
    header, _, body = reply.partition(b"\n")
    if not header:
        return -1, None
    code, length = header.split()
    assert int(length) == len(body)
    return int(code), json.loads(body) if body else None
