"""Requests without an operation: refused in OCI's form, by name, and logged."""

import time

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fakeoci.api.app import build
from fakeoci.api.service import Fault, Service
from fakeoci.api.unsupported import known_as
from fakeoci.transport import FakeTransport
from fakeoci.world import worldfile

HOST = "https://iaas.us-ashburn-1.oraclecloud.com"


def cloud() -> Service:
    made = Service(worldfile.parse(worldfile.default_text()), time.time)
    made.world.settings.timing.latency_seconds = 0.0
    return made


async def ask(service: Service, method: str, path: str) -> httpx2.Response:
    transport = FakeTransport(build(service), client_address="10.0.0.2", admin=True)
    async with httpx2.AsyncClient(transport=transport) as client:
        return await client.request(
            method, f"{HOST}{path}", headers={"opc-request-id": "mine"}
        )


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/20160918/vlans", "ListVlans"),
        ("GET", "/20160918/vlans/ocid1.vlan.oc1", "GetVlan"),
        ("POST", "/20160918/volumes", "CreateVolume"),
        ("POST", "/20160918/drgs/x/actions/upgrade", "UpgradeDrg"),
    ],
)
async def test_an_operation_that_the_fake_lacks_is_named(
    method: str, path: str, name: str
) -> None:
    service = cloud()
    answer = await ask(service, method, path)
    assert answer.status_code == 501
    error = answer.json()
    assert error["code"] == "MethodNotImplemented"
    assert f"{name} ({method} {path})" in error["message"]
    assert answer.headers["opc-request-id"].startswith("mine/")
    record = service.records[-1]
    assert (record.operation, record.status, record.code) == (
        name,
        501,
        "MethodNotImplemented",
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("PATCH", "/20160918/vcns"),
        ("GET", "/20160918/nonsense"),
        ("GET", "/20160918/vcns/"),
        ("POST", "/opc/v2/instance/"),
        ("DELETE", "/20200101/vcns"),
    ],
)
async def test_path_unknown_to_oracle_is_refused_by_method_and_path(
    method: str, path: str
) -> None:
    service = cloud()
    answer = await ask(service, method, path)
    assert answer.status_code == 501
    assert f"{method} {path}" in answer.json()["message"]
    assert service.records[-1].operation == f"{method} {path}"


async def test_head_is_refused_without_a_body() -> None:
    service = cloud()
    answer = await ask(service, "HEAD", "/20160918/nonsense")
    assert (answer.status_code, answer.content) == (501, b"")
    assert "opc-request-id" in answer.headers


async def test_a_fault_can_mean_an_operation_that_the_fake_lacks() -> None:
    service = cloud()
    service.faults.append(Fault(operation="ListVlans", kind="before", status=429))
    answers = [await ask(service, "GET", "/20160918/vlans") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [429, 501]


@given(st.text(alphabet="ab/{}.", max_size=20))
def test_operation_is_named_for_whole_paths_alone(text: str) -> None:
    assert known_as("GET", f"/20160918/vlans/{text}") == (
        "GetVlan" if text and "/" not in text else ""
    )


async def test_a_shells_own_routes_come_before_the_refusal() -> None:
    async def answer(_request: Request) -> Response:
        return Response("packets")

    app = build(cloud(), [Route("/fake/v1/fabric", answer)])
    async with httpx2.AsyncClient(transport=FakeTransport(app)) as client:
        assert (await client.get(f"{HOST}/fake/v1/fabric")).text == "packets"
        assert (await client.get(f"{HOST}/fake/v1/nothing")).status_code == 501
