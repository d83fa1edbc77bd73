"""Oracle's CLI, Go and TypeScript SDKs judge the fake: operations and protocol."""

from collections.abc import Iterator
from itertools import count

import pytest

from fakeoci.api.certificates import pem
from fakeoci.api.operations.table import OPERATIONS
from fakeoci.api.service import Fault
from fakeoci.world.resources import Subnet
from integration.contract.caller import Caller
from integration.contract.chapters import CHAPTERS
from integration.contract.cloud import Cloud
from integration.contract.conftest import FINGERPRINT, KEY, USER
from integration.contract.judges import LANGUAGES, Language, running


def settings(cloud: Cloud, principal: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return a judge's settings and its environment."""
    world = cloud.service.world
    details = {
        "endpoint": cloud.url,
        "metadata": cloud.instance_url,
        "principal": principal,
        "tenancy": world.tenancy_id,
        "user": USER,
        "fingerprint": FINGERPRINT,
        "region": world.region,
        "key": pem(KEY).decode(),
    }
    return details, {
        "OCI_METADATA_BASE_URL": f"{cloud.instance_url}/opc/v2",
        "OCI_SDK_AUTH_CLIENT_REGION_URL": cloud.url,
    }


@pytest.fixture(params=LANGUAGES, ids=lambda one: one.name)
def language(request: pytest.FixtureRequest) -> Language:
    one: Language = request.param
    if not one.present:
        pytest.skip(f"{one.name}: no {one.tool} on this machine, or no judge built")
    return one


@pytest.fixture
def caller(cloud: Cloud, language: Language) -> Iterator[Caller]:
    """A judge with an API key; the cloud's slow states are short, in real time."""
    timing = cloud.service.world.settings.timing
    timing.attach_seconds = timing.detach_seconds = timing.instance_seconds = 0.2
    timing.bulk_seconds = 0.05
    key_id = f"{cloud.service.world.tenancy_id}/{USER}/{FINGERPRINT}"
    cloud.service.identities.add_api_key(key_id, KEY.public_key())
    with running(language, *settings(cloud, "api_key")) as judge:
        yield Caller(judge, cloud)


def test_every_operation(caller: Caller) -> None:
    for chapter in CHAPTERS:
        chapter(caller)
    ours = {operation.name for operation in OPERATIONS}
    called = {record.operation for record in caller.cloud.service.records}
    assert ours - caller.judge.lacking - called == set()


def test_pages(caller: Caller) -> None:
    where = {"compartmentId": caller.compartment, "limit": 2}
    vcn = {"compartmentId": caller.compartment, "cidrBlocks": ["10.50.0.0/20"]}
    made = {caller.make("CreateVcn", vcn) for _ in range(5)}
    seen: list[str] = []
    page: dict[str, str] = {}
    for number in count(1):  # noqa: B007 - used after the loop
        answer = caller.call("ListVcns", **where, **page)
        seen += [one["id"] for one in answer.data]
        if "opc-next-page" not in answer.headers:
            break
        page = {"page": answer.headers["opc-next-page"]}
    assert number == 4
    assert made < set(seen)
    assert len(seen) == len(set(seen)) == 7


def test_a_query_is_signed_as_it_is_sent(caller: Caller, language: Language) -> None:
    where = {"compartmentId": caller.compartment}
    names = ["a b", "a/b", "~*(,:;)", "a+b", "ä", "a&b=c", "it's", "100%"]
    # The TypeScript SDK does not escape the other names in a query.
    for name in names[:3] if language.name == "typescript" else names:
        body = {**where, "cidrBlocks": ["10.50.0.0/20"], "displayName": name}
        made = caller.make("CreateVcn", body)
        (listed,) = caller.get("ListVcns", displayName=name, **where)
        assert (listed["id"], listed["displayName"]) == (made, name)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("before", 429, "TooManyRequests"),
        ("before", 500, "InternalServerError"),
        ("reset", 0, ""),
    ],
)
def test_retries(caller: Caller, kind: str, status: int, code: str) -> None:
    fault = Fault(operation="ListVcns", kind=kind, status=status, code=code, times=2)
    caller.cloud.service.faults.append(fault)
    assert caller.call("ListVcns", compartmentId=caller.compartment, retry=True).data
    statuses = [r.status for r in caller.cloud.service.records]
    assert statuses == [status, status, 200]


def test_waiters(caller: Caller, language: Language) -> None:
    caller.cloud.service.world.settings.timing.provision_seconds = 0.3
    body = {"compartmentId": caller.compartment, "cidrBlocks": ["10.50.0.0/20"]}
    if language.name == "cli":  # its commands wait for the objects that they create
        waited = caller.get("CreateVcn", body, until="AVAILABLE")
    else:
        made = caller.get("CreateVcn", body)
        assert made["lifecycleState"] == "PROVISIONING"
        waited = caller.get("GetVcn", vcnId=made["id"], until="AVAILABLE")
    assert waited["lifecycleState"] == "AVAILABLE"
    seen = [r.operation for r in caller.cloud.service.records]
    assert seen.count("GetVcn") > 1


def test_a_retry_token_makes_one_object(caller: Caller, language: Language) -> None:
    if language.name == "cli":
        pytest.skip("cli: it makes its retry tokens itself")
    body = {"subnetId": caller.named(Subnet, "pods"), "lifetime": "RESERVED"}
    where = {"opc_retry_token": "A" * 30}
    first, second = (caller.make("CreatePrivateIp", body, **where) for _ in range(2))
    assert first == second
    again = caller.judge.call("CreatePrivateIp", {**body, "displayName": "x"}, **where)
    assert (again.status, again.code) == (409, "InvalidatedRetryToken")


def test_missing_objects_are_not_found(caller: Caller) -> None:
    answer = caller.judge.call("GetVnic", vnicId="ocid1.vnic.oc1.iad.none")
    assert (answer.status, answer.code) == (404, "NotAuthorizedOrNotFound")
    assert answer.message


def test_an_unknown_key_is_refused(cloud: Cloud, language: Language) -> None:
    with running(language, *settings(cloud, "api_key")) as judge:
        compartment = cloud.service.world.compartment_id
        answer = judge.call("ListVcns", compartmentId=compartment)
    assert (answer.status, answer.code) == (401, "NotAuthenticated")


def test_instance_principal(cloud: Cloud, language: Language) -> None:
    with running(language, *settings(cloud, "instance")) as judge:
        caller = Caller(judge, cloud)
        assert caller.get("ListVcns", compartmentId=caller.compartment)
    last = cloud.service.records[-1]
    assert (last.operation, last.principal.split(".")[1]) == ("ListVcns", "instance")
