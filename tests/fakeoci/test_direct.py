"""The way without HTTP: its answers are those of HTTP, and so are its failures."""

import json
from collections.abc import Callable
from email.utils import formatdate

import pytest
import trio
from trio.testing import MockClock

from fakeoci.api.app import build
from fakeoci.api.operations.table import OPERATIONS
from fakeoci.api.service import Fault, Service
from fakeoci.direct import Answered, Asked, BrokenError, DirectWay
from fakeoci.world import worldfile
from fakeoci.world.resources import Vcn
from tests.fakeoci.accepted import CORE, NEEDS_ETAG, MadeCloud, accepted

HOST, VERSION = CORE.removeprefix("https://").split("/")
OPERATION_NAMES = [operation.name for operation in OPERATIONS]


def asked(
    method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> Asked:
    kind = {"content-type": "application/json"} if body else {}
    return Asked(
        method=method,
        host=HOST,
        target=f"/{VERSION}{target}",
        headers=kind | (headers or {}),
        body=body,
    )


async def send(service: Service, request: Asked) -> Answered:
    async with DirectWay(build(service), client_address="10.0.0.2") as way:
        return await way.send(request, read_seconds=60.0)


@pytest.mark.parametrize("operation", OPERATION_NAMES)
async def test_answers_are_those_of_http(operation: str, cloud: MadeCloud) -> None:
    method, target, body = accepted(operation, cloud.ids)
    headers = {"if-match": "*"} if operation in NEEDS_ETAG else {}
    http = await cloud.ask(method, target, body, headers)
    cloud.put_back()
    content = b"" if body is None else json.dumps(body).encode()
    direct = await send(cloud.service, asked(method, target, content, headers))
    assert direct.status == http.status_code
    assert direct.body == http.content
    assert dict(direct.headers) == dict(http.headers)


@pytest.fixture
def service() -> Service:
    made = Service(worldfile.parse(worldfile.default_text()), trio.current_time)
    made.world.settings.behaviour.verify_signatures = False
    return made


def lists(service: Service) -> Asked:
    return asked("GET", f"/vcns?compartmentId={service.world.compartment_id}")


def creates(service: Service) -> Asked:
    body = {"compartmentId": service.world.compartment_id, "cidrBlock": "10.9.0.0/16"}
    return asked("POST", "/vcns", json.dumps(body).encode())


def vcns(service: Service) -> int:
    return sum(1 for _ in service.world.all(Vcn))


@pytest.mark.parametrize(
    ("kind", "words", "is_done"),
    [
        ("cut", "broke off", False),
        ("reset", "reset by peer", False),
        ("after", "broke off", True),
        ("hang", "no answer in 60.0 s", False),
        ("slow", "no answer in 60.0 s", False),
    ],
)
async def test_connections_break_as_asked_for(
    kind: str, words: str, is_done: bool, service: Service, autojump_clock: MockClock
) -> None:
    before = vcns(service)
    service.faults.append(Fault(operation="CreateVcn", kind=kind, seconds=61.0))
    with pytest.raises(BrokenError, match=words):
        await send(service, creates(service))
    await trio.sleep(60.0)
    assert vcns(service) == before + is_done


async def test_late_answer_is_not_awaited(
    service: Service, autojump_clock: MockClock
) -> None:
    service.world.settings.timing.latency_seconds = 61.0
    with pytest.raises(BrokenError, match=r"no answer in 60\.0 s"):
        await send(service, lists(service))
    assert not service.records


async def test_slow_answer_comes(service: Service, autojump_clock: MockClock) -> None:
    service.faults.append(Fault(operation="*", kind="slow", seconds=30.0))
    assert (await send(service, lists(service))).status == 200
    assert 30.0 < trio.current_time() < 31.0


async def test_refusals_come_as_asked_for(
    service: Service, autojump_clock: MockClock
) -> None:
    service.faults.append(Fault(operation="*", kind="before", status=503))
    answer = await send(service, lists(service))
    assert answer.status == 503
    assert answer.headers["date"] == formatdate(trio.current_time(), usegmt=True)


async def test_request_goes_on_without_its_sender(
    service: Service, autojump_clock: MockClock
) -> None:
    before = vcns(service)
    service.world.settings.timing.latency_seconds = 2.0
    async with DirectWay(build(service), client_address="10.0.0.2") as way:
        with trio.move_on_after(1.0):
            await way.send(creates(service))
        assert vcns(service) == before
        await trio.sleep(1.5)
        assert vcns(service) == before + 1


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda s: setattr(s.world.settings.limits, "body_bytes", 4), 413),
        (lambda s: setattr(s.world.settings.limits, "head_bytes", 4), 431),
    ],
)
async def test_sizes_are_limited(
    change: Callable[[Service], None],
    status: int,
    service: Service,
    autojump_clock: MockClock,
) -> None:
    change(service)
    assert (await send(service, creates(service))).status == status


async def test_metadata_knows_its_caller(
    service: Service, autojump_clock: MockClock
) -> None:
    request = Asked(
        method="GET",
        host="169.254.169.254",
        target="/opc/v2/instance/displayName",
        headers={"authorization": "Bearer Oracle"},
        body=b"",
    )
    assert (await send(service, request)).body == b"node1"


async def test_garbled_answer_is_refused(
    service: Service, autojump_clock: MockClock
) -> None:
    service.faults.append(Fault(operation="*", kind="garbled", how="page"))
    with pytest.raises(BrokenError, match="clients of HTTP"):
        await send(service, lists(service))
