"""The API in process: identity, form of answers, pages, retry tokens, faults."""

import time
from collections.abc import AsyncIterator

import httpx2
import pytest
import trio
import trio.lowlevel
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.types import Receive, Scope, Send

from fakeoci.api.app import build
from fakeoci.api.service import Fault, Service
from fakeoci.transport import FakeTransport
from fakeoci.world import worldfile
from fakeoci.world.resources import Instance, Subnet
from sim.cloud import signing_key
from vcnd.ociapi.signing import sign

Client = httpx2.AsyncClient
HOST = "iaas.us-ashburn-1.oraclecloud.com"
KEY = signing_key()
KEY_ID = "tenancy/user/aa:bb"


@pytest.fixture
def service() -> Service:
    made = Service(worldfile.parse(worldfile.default_text()), time.time)
    made.world.settings.timing.latency_seconds = 0.0
    made.identities.add_api_key(KEY_ID, KEY.public_key())
    return made


@pytest.fixture
async def client(service: Service) -> AsyncIterator[Client]:
    transport = FakeTransport(build(service), client_address="10.0.0.2", admin=True)
    async with httpx2.AsyncClient(transport=transport) as made:
        yield made


async def call(
    client: Client,
    method: str,
    target: str,
    body: bytes | None = None,
    *,
    key: rsa.RSAPrivateKey = KEY,
    key_id: str = KEY_ID,
    at: float | None = None,
    headers: dict[str, str] | None = None,
) -> httpx2.Response:
    target = f"/20160918{target}"
    signed = sign(
        method=method,
        target=target,
        host=HOST,
        body=body,
        key=key,
        key_id=key_id,
        now=at or time.time(),
    )
    return await client.request(
        method,
        f"https://{HOST}{target}",
        content=body,
        headers={**signed, **(headers or {})},
    )


@pytest.mark.slow
async def test_unsigned_and_wrongly_signed_are_refused(
    client: Client, service: Service
) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    target = f"/vcns?compartmentId={service.world.compartment_id}"
    unsigned = await client.get(f"https://{HOST}/20160918{target}")
    answers = [
        unsigned,
        await call(client, "GET", target, key=other),
        await call(client, "GET", target, key_id="nobody"),
        await call(client, "GET", target, key_id="ST$nonsense"),
        await call(client, "GET", target, at=time.time() - 400),
        await call(client, "GET", target, headers={"host": "elsewhere"}),
    ]
    for answer in answers:
        assert answer.status_code == 401
        assert answer.json()["code"] == "NotAuthenticated"
        assert answer.headers["opc-request-id"]
    assert (await call(client, "GET", target)).status_code == 200


async def test_a_changed_body_breaks_the_signature(client: Client) -> None:
    good = await call(client, "POST", "/privateIps", b"{}")
    assert good.status_code == 400
    assert good.json()["code"] == "MissingParameter"
    signed = dict(good.request.headers)
    url = str(good.request.url)
    tampered = await client.post(url, content=b"[]", headers=signed)
    assert tampered.status_code == 401


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "CannotParseRequest"),
        (b'{"instanceId": "x"}', "MissingParameter"),
        (
            b'{"instanceId": 5, "createVnicDetails": {"subnetId": "s"}}',
            "InvalidParameter",
        ),
        (
            b'{"instanceId": "x", "createVnicDetails": {"subnetId": "s", "no": 1}}',
            "InvalidParameter",
        ),
    ],
)
async def test_bodies_are_checked(client: Client, body: bytes, code: str) -> None:
    answer = await call(client, "POST", "/vnicAttachments", body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_retry_token_makes_one_object(client: Client, service: Service) -> None:
    instance = service.world.named(Instance, "node1").id
    subnet = service.world.named(Subnet, "pods").id
    body = (
        f'{{"instanceId":"{instance}","createVnicDetails":{{"subnetId":"{subnet}"}}}}'
    )
    token = {"opc-retry-token": "t1"}
    first = await call(client, "POST", "/vnicAttachments", body.encode(), headers=token)
    again = await call(client, "POST", "/vnicAttachments", body.encode(), headers=token)
    assert first.json()["id"] == again.json()["id"]
    assert "vnicId" not in first.json()
    assert len(service.world.vnics_of(instance)) == 2
    other = body.replace("}}", ',"displayName":"x"}}')
    refused = await call(
        client, "POST", "/vnicAttachments", other.encode(), headers=token
    )
    assert refused.json()["code"] == "InvalidatedRetryToken"
    without = await call(client, "POST", "/vnicAttachments", body.encode())
    assert (without.status_code, without.json()["code"]) == (409, "Conflict")


async def test_lists_have_pages(client: Client, service: Service) -> None:
    subnet = service.world.named(Subnet, "nodes").id
    seen, page = [], ""
    while True:
        answer = await call(
            client, "GET", f"/privateIps?subnetId={subnet}&limit=2{page}"
        )
        seen += [p["ipAddress"] for p in answer.json()]
        following = answer.headers.get("opc-next-page")
        if following is None:
            break
        page = f"&page={following}"
    assert seen == ["10.0.0.2", "10.0.0.3", "10.0.0.4"]


async def test_etag_guards_a_change(client: Client, service: Service) -> None:
    vnic = service.world.vnics_of(service.world.named(Instance, "node1").id)[0]
    etag = (await call(client, "GET", f"/vnics/{vnic.id}")).headers["etag"]
    change = b'{"displayName":"new"}'
    match = {"if-match": etag}
    first = await call(client, "PUT", f"/vnics/{vnic.id}", change, headers=match)
    assert first.json()["displayName"] == "new"
    second = await call(client, "PUT", f"/vnics/{vnic.id}", change, headers=match)
    assert (second.status_code, second.json()["code"]) == (412, "NoEtagMatch")


async def test_missing_and_forbidden_get_the_same_answer(client: Client) -> None:
    answer = await call(client, "GET", "/vnics/ocid1.vnic.oc1.iad.nothing")
    assert (answer.status_code, answer.json()["code"]) == (
        404,
        "NotAuthorizedOrNotFound",
    )


async def test_imds_knows_its_caller(client: Client, service: Service) -> None:
    base, bearer = "http://169.254.169.254/opc/v2", {"authorization": "Bearer Oracle"}
    instance = (await client.get(f"{base}/instance/", headers=bearer)).json()
    assert instance["id"] == service.world.named(Instance, "node1").id
    limit = await client.get(
        f"{base}/instance/shapeConfig/maxVnicAttachments", headers=bearer
    )
    assert limit.json() == 4
    vnics = (await client.get(f"{base}/vnics/", headers=bearer)).json()
    assert [v["privateIp"] for v in vnics] == ["10.0.0.2"]
    assert (await client.get(f"{base}/instance/")).status_code == 401
    forwarded = {**bearer, "x-forwarded-for": "1.2.3.4"}
    assert (await client.get(f"{base}/vnics/", headers=forwarded)).status_code == 403
    for path in ("nothing", "vnics/1", "vnics/-1", f"vnics/{'9' * 5000}"):
        answer = await client.get(f"{base}/{path}", headers=bearer)
        assert answer.status_code == 404


async def test_faults_come_as_asked_for(client: Client, service: Service) -> None:
    target = f"/vcns?compartmentId={service.world.compartment_id}"
    service.faults.append(Fault(operation="ListVcns", kind="before", status=503))
    assert (await call(client, "GET", target)).status_code == 503
    service.faults.append(Fault(operation="*", kind="cut"))
    with pytest.raises(httpx2.RemoteProtocolError):
        await call(client, "GET", target)
    assert (await call(client, "GET", target)).status_code == 200
    service.faults.append(Fault(operation="*", kind="reset"))
    with pytest.raises(httpx2.ReadError, match="reset"):
        await call(client, "GET", target)
    assert [r.status for r in service.records] == [503, 0, 200, 0]


async def test_throttle(client: Client, service: Service) -> None:
    limits = service.world.settings.limits
    limits.calls_per_second, limits.burst = 0.001, 2
    target = f"/vcns?compartmentId={service.world.compartment_id}"
    answers = [await call(client, "GET", target) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert "retry-after" not in answers[-1].headers


async def test_admin_is_not_for_everybody(client: Client, service: Service) -> None:
    assert (await client.get("http://fake/fake/v1/world")).status_code == 200
    transport = FakeTransport(build(service), client_address="10.0.0.2")
    async with httpx2.AsyncClient(transport=transport) as guest:
        assert (await guest.get("http://fake/fake/v1/world")).status_code == 404


async def test_an_endless_answer_comes_as_it_is_sent() -> None:
    """The transport streams, and closing it ends the app."""
    ended = trio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                part = {"type": "http.response.body", "body": b"x\n", "more_body": True}
                await send(part)
                await trio.lowlevel.checkpoint()
        finally:
            ended.set()

    async with httpx2.AsyncClient(transport=FakeTransport(app)) as client:
        with trio.CancelScope() as scope:
            async with client.stream("GET", "http://x/") as response:
                seen = 0
                async for _line in response.aiter_lines():
                    seen += 1
                    if seen == 3:
                        scope.cancel()
    assert ended.is_set()


async def test_request_log_has_duration_fault_and_retry_token(
    service: Service, client: Client, autojump_clock: trio.abc.Clock
) -> None:
    service.clock = trio.current_time
    service.world.settings.behaviour.verify_signatures = False
    slow = {"operation": "Core", "kind": "slow", "seconds": 3, "times": None}
    url = f"http://{HOST}/fake/v1/faults"
    assert (await client.post(url, json=slow)).status_code == 201
    target = f"http://{HOST}/20160918/vcns?compartmentId={service.world.compartment_id}"
    for _ in range(2):
        await client.get(target, headers={"opc-retry-token": "t"})
    await client.delete(url)
    await client.get(target)
    seen = [(r.seconds, r.fault, r.retry_token) for r in service.records]
    assert seen == [(3.0, "slow", "t"), (3.0, "slow", "t"), (0.0, "", "")]


async def test_admin_names_the_occupants_of_addresses(
    service: Service, client: Client
) -> None:
    url = f"http://{HOST}/fake/v1/occupants"
    await client.post(url, json={"10.1.0.5": "web", "10.1.0.6": "db"})
    await client.post(url, json={"10.1.0.6": ""})
    assert service.occupants == {"10.1.0.5": "web"}
    assert (await client.post(url, json={"10.1.0.5": 1})).status_code == 400


@pytest.mark.parametrize(
    "theirs",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-origin"},  # by a name that resolves to this machine
    ],
)
async def test_web_pages_cannot_use_the_admin_api(
    service: Service, client: Client, theirs: dict[str, str]
) -> None:
    base = f"http://{HOST}/fake/v1"
    fault = {"operation": "*", "kind": "cut"}
    answer = await client.post(f"{base}/faults", json=fault, headers=theirs)
    assert answer.status_code == 403
    assert service.faults == []
    assert (await client.get(f"{base}/world", headers=theirs)).status_code == 403
    typed = {"sec-fetch-site": "none"}  # a person who types the address
    assert (await client.get(f"{base}/world", headers=typed)).status_code == 200
