"""The adapter of OCI over the fake cloud, of whose answers one or two are damaged.

Each step is done or fails as ``CloudError``; after that, with good answers again, the
adapter sees the cloud as it is.
"""

import json
from collections.abc import Iterable, Sequence
from random import Random

import trio
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from trio.testing import MockClock

from fakeoci.api.app import build
from fakeoci.transport import FakeTransport
from fakeoci.world.resources import Subnet
from fakeoci.world.worldfile import bundled
from sim.cloud import cloud, user
from sim.world import World, settings
from tests.fuzz.choices import Choices, damaged, torn
from vcnd.daemon import oci_cloud
from vcnd.log import log
from vcnd.model.errors import CloudError
from vcnd.model.family import Family
from vcnd.model.ids import OWN_CLASS
from vcnd.model.podnetwork import PodClass
from vcnd.model.vnic import Known, PrivateIp
from vcnd.ociapi.network import READ_SECONDS, HttpClient
from vcnd.ports import Cloud

CALLS = 32
"""The walk makes some 28 calls."""
STATUSES = (200, 200, 200, 200, 400, 401, 404, 409, 412, 429, 500, 503)
HEADERS = (b"opc-request-id", b"etag", b"opc-work-request-id", b"opc-next-page")
FAMILIES = (Family.IPV4,)
NOTHING = Known(vnics={}, private_ips={})


class _Damaging:
    """An app whose answers are damaged where choices say."""

    def __init__(self, app: ASGIApp, choices: Choices) -> None:
        self._app = app
        self._number = 0
        self.harms = {
            choices.below(CALLS): choices.take(2 + choices.below(24))
            for _ in range(1 + choices.below(2))
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        harm = self.harms.pop(self._number, None)
        self._number += 1
        if harm is None:
            await self._app(scope, receive, send)
            return
        started: Message = {}
        body = bytearray()

        async def hold(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = message
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, hold)
        choices = Choices(harm)
        headers = dict(started["headers"])
        headers.pop(b"content-length", None)
        if choices.below(4) == 0:
            headers[choices.pick(HEADERS)] = choices.take(8)
        status = choices.pick((started["status"], *STATUSES))
        content = _harmed(bytes(body), choices)
        await send({**started, "status": status, "headers": list(headers.items())})
        await send({"type": "http.response.body", "body": content})


def _harmed(body: bytes, choices: Choices) -> bytes:
    try:
        document = json.loads(body)
    except ValueError:
        return torn(body, choices)
    if choices.below(8) == 0:
        return torn(body, choices)
    return json.dumps(damaged(document, choices)).encode()


def run(data: bytes) -> None:
    """Walk once through what the adapter does."""
    with log.collected():
        trio.run(_life, Choices(data), clock=MockClock(autojump_threshold=0))


async def _life(choices: Choices) -> None:
    service = cloud(bundled("default"))
    world = World(service)
    app = _Damaging(build(service), choices)
    transport = FakeTransport(app, client_address=world.address)
    async with HttpClient(
        verify=False, most=8, read_seconds=READ_SECONDS, transport=transport
    ) as way:
        ours = oci_cloud(settings(), way, Random(1), service.clock, user(service))
        try:
            await _walk(ours, service.world.named(Subnet, "pods").id)
        except CloudError as error:
            str(error).encode()
            if not str(error).isprintable():
                raise AssertionError(f"{error!r} moves a cursor") from error
        app.harms.clear()
        seen = await ours.observe(FAMILIES, NOTHING)
        there = {v.id for v in world.pod_vnics()}
        if {v.id for v in seen.pod_vnics} - there:
            raise AssertionError("a VNIC is seen that is not there")


async def _ignored(_work: str | None, _deleted: Sequence[PrivateIp]) -> None:
    """Hear of a work request."""


async def _walk(ours: Cloud, subnet_id: str) -> None:
    await ours.observe(FAMILIES, NOTHING)
    wanted = PodClass(name=OWN_CLASS, subnet_ids=(subnet_id,), nsg_ids=())
    vnic = await ours.attach_vnic(wanted, FAMILIES, "token")
    made = await ours.create_addresses(vnic.id, 3, Family.IPV4)
    await ours.observe(FAMILIES, NOTHING)
    await ours.delete_addresses(vnic.id, made, _ignored)
    await ours.detach_vnic(vnic.id)


def seeds() -> Iterable[bytes]:
    """Return a harm of each call."""
    for number in range(CALLS - 4):
        yield bytes([0, number, 4, 1, 0, 1, 0, 1, 0])
        yield bytes([0, number, 8, 1, 1, 1, 3, 3, 2, 9, 1, 0])
