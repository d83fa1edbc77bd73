"""The fake refuses what OCI refuses, with its status and code; nothing changes."""

import json
import time
from dataclasses import dataclass
from functools import cache

import httpx2
import pytest
from starlette.applications import Starlette

from fakeoci.api.app import build
from fakeoci.api.service import Service
from fakeoci.transport import FakeTransport
from fakeoci.world import state, worldfile
from fakeoci.world.resources import Subnet
from fakeoci.world.world import World
from tests.fakeoci.refusals import (
    Row,
    filled,
    instances,
    lists,
    malformed,
    names_in,
    networks,
    parts,
    vtaps,
)

CORE = "https://iaas.us-ashburn-1.oraclecloud.com/20160918"
ROWS = (
    *(*instances.ROWS, *lists.ROWS, *malformed.ROWS),
    *(*networks.ROWS, *parts.ROWS, *vtaps.ROWS),
)


def cloud() -> Service:
    service = Service(worldfile.parse(worldfile.default_text()), time.time)
    service.world.settings.timing.latency_seconds = 0.0
    service.world.settings.behaviour.verify_signatures = False
    return service


@cache
def app_of(service: Service) -> Starlette:
    return build(service)


async def ask(service: Service, row: Row, ids: dict[str, str]) -> httpx2.Response:
    method, target = filled(row.ask, ids).split(" ", 1)
    body = filled(row.body, ids)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {} if body is None else {"content-type": "application/json"}
    transport = FakeTransport(app_of(service), client_address="10.0.0.2")
    async with httpx2.AsyncClient(transport=transport) as client:
        return await client.request(
            method,
            CORE + target,
            content=None if body is None else content,
            headers=headers | filled(row.headers, ids),
        )


def snapshot(world: World) -> object:
    """Return all state that a request can change, except the generator of names."""
    document = json.loads(state.dump(world, []))
    free = [
        [s.taken.count for s in world.blocks(subnet.id)] for subnet in world.all(Subnet)
    ]
    return document["objects"], free, dict(world.busy), world.next_due


@dataclass(frozen=True, slots=True)
class Made:
    """A cloud with the objects that rows name, and the document that restores it."""

    service: Service
    ids: dict[str, str]
    document: bytes


@pytest.fixture(scope="module")
def made() -> Made:
    service = cloud()
    ids = names_in(service)
    return Made(service, ids, state.dump(service.world, []))


@pytest.mark.matrix(fast=12)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
async def test_answered_as_oci_does(row: Row, made: Made) -> None:
    service, ids = made.service, made.ids
    state.restore(service.world, made.document, service.clock())
    before = snapshot(service.world)
    answer = await ask(service, row, ids)
    status, code = row.answer
    answered = (
        answer.status_code,
        answer.json().get("code", "") if status >= 400 else "",
    )
    assert answered == (status, code), f"{answer.text} ({row.source})"
    if status >= 400:
        assert answer.json().keys() == {"code", "message"}
        assert answer.json()["message"]
        assert answer.headers["opc-request-id"]
        assert snapshot(service.world) == before


def test_every_row_has_a_name_of_its_own() -> None:
    names = [row.what + row.ask for row in ROWS]
    assert len(names) == len(set(names))
    assert all(row.source for row in ROWS)
