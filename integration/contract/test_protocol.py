"""Facts about every operation: bodies, paths, retries, pages, consistency."""

import importlib
import inspect
import re
from pkgutil import iter_modules

import msgspec
import oci
import pytest
from oci.core import BlockstorageClient, ComputeClient, VirtualNetworkClient, models
from oci.exceptions import ServiceError
from oci.identity import IdentityClient
from oci.work_requests import WorkRequestClient

from fakeoci.api import details
from fakeoci.api.details.base import Details
from fakeoci.api.operations.table import OPERATIONS
from fakeoci.api.service import Fault, Operation
from integration.contract.conftest import Oracle

CLIENTS = (
    VirtualNetworkClient,
    ComputeClient,
    BlockstorageClient,
    IdentityClient,
    WorkRequestClient,
)
FILES = [
    importlib.import_module(f"{details.__name__}.{file.name}")
    for file in iter_modules(details.__path__)
]
BODIES = [
    kind
    for file in FILES
    for kind in vars(file).values()
    if isinstance(kind, type)
    and issubclass(kind, Details)
    and kind.__module__ == file.__name__
    and hasattr(models, kind.__name__)
]


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


@pytest.mark.parametrize("kind", BODIES, ids=lambda k: k.__name__)
def test_a_body_has_the_sdks_fields_and_no_others(kind: type[Details]) -> None:
    model = getattr(models, kind.__name__)()
    theirs = set(model.attribute_map.values())
    ours = {f.encode_name for f in msgspec.structs.fields(kind)}
    assert ours == theirs


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
def test_an_operation_is_where_the_sdk_calls_it(operation: Operation) -> None:
    methods = [
        method
        for client in CLIENTS
        if (method := getattr(client, snake(operation.name), None)) is not None
    ]
    assert methods, f"the SDK has no {snake(operation.name)}"
    source = inspect.getsource(methods[0])
    path = re.search(r'resource_path = "([^"]+)"', source)
    verb = re.search(r'method = "([A-Z]+)"', source)
    assert path is not None
    assert verb is not None
    assert verb[1] == operation.method
    assert re.sub(r"{\w+}", "{id}", path[1]) == operation.path


def test_unknown_fields_and_wrong_types_are_refused(oracle: Oracle) -> None:
    base = oracle.network.base_client
    for body, code in (
        ({"vnicId": "x", "colour": "red"}, "InvalidParameter"),
        ({"vnicId": 5}, "InvalidParameter"),
        ([], "InvalidParameter"),
    ):
        with pytest.raises(ServiceError) as caught:
            base.call_api(
                resource_path="/privateIps",
                method="POST",
                header_params={"content-type": "application/json"},
                body=body,
            )
        assert (caught.value.status, caught.value.code) == (400, code)


def list_vcns_at_once(oracle: Oracle, times: int) -> None:
    never = oci.retry.NoneRetryStrategy()
    for _ in range(times):
        oracle.network.list_vcns(oracle.compartment, retry_strategy=never)


def test_the_sdks_retries_wait_out_a_throttle(oracle: Oracle) -> None:
    limits = oracle.cloud.service.world.settings.limits
    limits.calls_per_second, limits.burst = 0.5, 2
    for _ in range(5):
        oracle.network.list_vcns(
            oracle.compartment, retry_strategy=oci.retry.DEFAULT_RETRY_STRATEGY
        )
    statuses = [r.status for r in oracle.cloud.service.records]
    assert statuses.count(200) == 5
    assert 429 in statuses
    with pytest.raises(ServiceError) as caught:
        list_vcns_at_once(oracle, 5)
    assert caught.value.status == 429
    assert "retry-after" not in {h.lower() for h in caught.value.headers}
    # Another operation has a bucket of its own.
    assert oracle.network.get_vcn(oracle.vcn()).status == 200


def test_a_retry_token_makes_one_object(oracle: Oracle) -> None:
    vnic = oracle.attached()
    details = models.CreatePrivateIpDetails(vnic_id=vnic, display_name="one")
    token = "A" * 30
    made = {
        oracle.network.create_private_ip(details, opc_retry_token=token).data.id
        for _ in range(3)
    }
    assert len(made) == 1
    details.display_name = "two"
    with pytest.raises(ServiceError) as caught:
        oracle.network.create_private_ip(details, opc_retry_token=token)
    assert caught.value.code == "InvalidatedRetryToken"


def test_a_lost_answer_is_found_by_its_token(oracle: Oracle) -> None:
    vnic = oracle.attached()
    faults = oracle.cloud.service.faults
    faults.append(Fault(operation="CreatePrivateIp", kind="after"))
    strategy = oci.retry.DEFAULT_RETRY_STRATEGY
    details = models.CreatePrivateIpDetails(vnic_id=vnic)
    made = oracle.network.create_private_ip(details, retry_strategy=strategy).data
    listed = oracle.network.list_private_ips(vnic_id=vnic).data
    assert [p.id for p in listed if not p.is_primary] == [made.id]


def test_consistency_is_eventual_if_requested(oracle: Oracle) -> None:
    vnic = oracle.attached()
    oracle.cloud.service.world.settings.timing.consistency_seconds = 8.0
    made = oracle.network.create_private_ip(
        models.CreatePrivateIpDetails(vnic_id=vnic)
    ).data

    def listed() -> set[str]:
        return {p.id for p in oracle.network.list_private_ips(vnic_id=vnic).data}

    assert made.id not in listed()
    oracle.cloud.clock.sleep(9.0)
    assert made.id in listed()


def test_request_ids_come_back(oracle: Oracle) -> None:
    answer = oracle.network.list_private_ips(subnet_id=oracle.subnet("nodes"))
    assert re.fullmatch(r"[0-9A-F]{32}/[0-9A-F]{32}", answer.request_id)


def test_a_malformed_page_is_refused(oracle: Oracle) -> None:
    with pytest.raises(ServiceError) as caught:
        oracle.network.list_vcns(oracle.compartment, page="???")
    assert (caught.value.status, caught.value.code) == (400, "InvalidParameter")


def test_new_networks_are_provisioning_if_requested(oracle: Oracle) -> None:
    oracle.cloud.service.world.settings.timing.provision_seconds = 40.0
    network, where = oracle.network, {"compartment_id": oracle.compartment}
    details = models.CreateVcnDetails(cidr_blocks=["10.50.0.0/20"], **where)
    made = network.create_vcn(details)
    got = network.get_vcn(made.data.id)
    assert (made.data.lifecycle_state, got.data.lifecycle_state) == (
        "PROVISIONING",
        "PROVISIONING",
    )
    listed = network.list_vcns(oracle.compartment, lifecycle_state="PROVISIONING").data
    assert [v.id for v in listed] == [made.data.id]
    oci.wait_until(network, got, "lifecycle_state", "AVAILABLE")
    routes = network.get_route_table(made.data.default_route_table_id).data
    assert routes.lifecycle_state == "AVAILABLE"
    assert network.get_vcn(oracle.vcn()).data.lifecycle_state == "AVAILABLE"
