"""Bodies of writes into Kubernetes."""

import msgspec
import pytest

from vcnd.core.requests import RESOURCE_PREFIX
from vcnd.kube import bodies
from vcnd.kube.wire import Container, PodSpec, Resources, Taint
from vcnd.model.ids import ClassName, SubnetId, VnicId
from vcnd.model.podnetwork import ApplicationResource, PodClass
from vcnd.model.report import NodeReport, VnicReport
from vcnd.model.vnic import Vnic

STARTUP, OTHER = (
    Taint(key="vcnd.io/not-ready", effect="NoSchedule"),
    Taint(key="gpu", effect="NoSchedule", value="yes"),
)
ONLY = Taint(key=bodies.ONLY_RESOURCES, effect="NoSchedule")


@pytest.mark.parametrize(
    ("present", "only", "expected"),
    [
        ([STARTUP, OTHER], False, ["gpu"]),
        ([OTHER], False, None),
        ([], True, [bodies.ONLY_RESOURCES]),
        ([STARTUP, OTHER], True, ["gpu", bodies.ONLY_RESOURCES]),
        ([OTHER, ONLY], True, None),
        ([ONLY], False, []),
    ],
)
def test_taints(present: list[Taint], only: bool, expected: list[str] | None) -> None:
    written = bodies.taints(present, STARTUP.key, only_resources=only)
    assert (written if written is None else [t["key"] for t in written]) == expected


def test_a_taint_that_stays_is_written_as_it_was_read() -> None:
    text = b"""{"key": "down", "effect": "NoExecute", "value": "x",
                "timeAdded": "2026-01-02T03:04:05Z"}"""
    evicts = msgspec.json.decode(text, type=Taint)
    written = bodies.taints([STARTUP, evicts], STARTUP.key, only_resources=False)
    assert written == [msgspec.json.decode(text)]


def test_capacity() -> None:
    web = ApplicationResource("web", PodClass(ClassName("x"), (), ()), 8)
    name, gone = f"{RESOURCE_PREFIX}web", f"{RESOURCE_PREFIX}old"
    assert bodies.capacity_change({}, [web]) == {name: "8"}
    assert bodies.capacity_change({name: "8", "cpu": "4"}, [web]) == {}
    assert bodies.capacity_change({name: "4", gone: "1"}, [web]) == {
        name: "8",
        gone: None,
    }
    assert bodies.capacity_change({gone: "0"}, []) == {}


def test_resources_of_all_containers() -> None:
    name = f"{RESOURCE_PREFIX}web"
    one = Container(resources=Resources(limits={"cpu": "1", name: "1"}))
    assert PodSpec(containers=[one]).resources(RESOURCE_PREFIX) == {name: "1"}
    assert PodSpec(init_containers=[one]).resources(RESOURCE_PREFIX) == {name: "1"}


def test_addresses_of_both_families_stand_side_by_side() -> None:
    vnic = Vnic(
        id=VnicId("v"),
        mac="02:00:00:00:00:01",
        address="10.1.0.9",
        subnet_id=SubnetId("s"),
        subnet_cidr="10.1.0.0/24",
        virtual_router="10.1.0.1",
        ipv6="fd00::9",
        ipv6_cidr="fd00::/64",
        ipv6_router="fe80::1",
    )
    addresses = ("10.1.0.2", "10.1.0.3", "fd00::2")
    report = NodeReport(
        state="SUCCESS", reason="", vnics=(VnicReport(vnic=vnic, addresses=addresses),)
    )
    (vnic,) = bodies.network_status(report)["vnics"]
    assert vnic["addresses"] == ["10.1.0.2", "10.1.0.3"]
    assert vnic["podAddresses"] == [
        {"v4": "10.1.0.2", "v6": "fd00::2"},
        {"v4": "10.1.0.3"},
    ]
    assert vnic["hostAddresses"] == [{"v4": "10.1.0.9", "v6": "fd00::9"}]
