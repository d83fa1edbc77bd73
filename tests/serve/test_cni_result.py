"""Answers to CNI calls: results and errors."""

import json
from typing import Any

import msgspec
import pytest

from tests.calling import interface_with
from vcnd.model.errors import BadRequestError
from vcnd.model.family import Family
from vcnd.model.interface import Destination
from vcnd.model.sandbox import Lease
from vcnd.serve import cni_result, wire
from vcnd.serve.cni_call import parse_call

ENVIRONMENT = {
    "CNI_COMMAND": "ADD",
    "CNI_CONTAINERID": "abc",
    "CNI_NETNS": "/run/netns/x",
    "CNI_IFNAME": "eth0",
}
CONFIG: dict[str, Any] = {"cniVersion": "1.0.0", "name": "vcnd", "type": "vcnd-cni"}


def test_result_keeps_the_previous_plugins_result() -> None:
    """CNI: prevResult is passed on or changed, never dropped."""
    before: dict[str, Any] = {
        "cniVersion": "1.0.0",
        "interfaces": [{"name": "dummy0", "sandbox": "/run/netns/x"}],
        "ips": [{"address": "192.0.2.7/24", "interface": 0, "later": [1]}],
        "routes": [{"dst": "192.0.2.0/24"}],
        "dns": {"nameservers": ["192.0.2.53"]},
    }
    call = parse_call(ENVIRONMENT, {**CONFIG, "prevResult": before})
    lease = Lease(key=call.key, addresses=("10.1.0.5",), wiring=None)
    interface = interface_with({Family.IPV4})
    result = json.loads(cni_result.render_result(call, lease, interface))
    assert result["interfaces"][0] == before["interfaces"][0]
    assert result["ips"][0] == before["ips"][0]
    assert result["routes"][0] == before["routes"][0]
    assert result["dns"] == before["dns"]
    ours = result["ips"][1]
    assert ours["address"] == "10.1.0.5/32"
    assert result["interfaces"][ours["interface"]]["name"] == "eth0"


@pytest.mark.parametrize("led", [[], [Family.IPV6], [Family.IPV4, Family.IPV6]])
def test_result_names_the_default_routes_that_were_made(led: list[Family]) -> None:
    """CHECK reads them back: a route that ADD did not make is not missing."""
    call = parse_call({**ENVIRONMENT, "CNI_IFNAME": "net1"}, CONFIG)
    lease = Lease(key=call.key, addresses=("10.1.0.5", "fd00::5"), wiring=None)
    result = json.loads(cni_result.render_result(call, lease, interface_with(led)))
    assert [r["dst"] for r in result["routes"]] == [f.everywhere for f in led]
    assert all(ip["gateway"] for ip in result["ips"])
    check = {**ENVIRONMENT, "CNI_COMMAND": "CHECK"}
    result["routes"] += [{"dst": "0.0.0.0/0", "gw": "192.0.2.1"}, {"dst": "::/0"}, {}]
    read = parse_call(check, {**CONFIG, "prevResult": result})
    assert list(read.previous_destinations) == [f.everywhere for f in led]
    assert read.previous_addresses == ["10.1.0.5", "fd00::5"]


@pytest.mark.parametrize("version", wire.VERSIONS)
def test_check_reads_back_the_mtus_that_a_result_tells(version: str) -> None:
    call = parse_call(ENVIRONMENT, {**CONFIG, "cniVersion": version})
    lease = Lease(key=call.key, addresses=("10.1.0.5",), wiring=None)
    routes = Destination("0.0.0.0/0", 1500), Destination("10.0.0.0/16")
    interface = msgspec.structs.replace(interface_with([]), destinations=routes)
    result = json.loads(cni_result.render_result(call, lease, interface))
    read = msgspec.structs.replace(call, previous=result).previous_destinations
    told = version == "1.1.0"
    mtus = (1500, 0) if told else (None, None)
    assert read == dict(zip(("0.0.0.0/0", "10.0.0.0/16"), mtus, strict=True))
    assert ("mtu" in result["routes"][0]) == told


@pytest.mark.parametrize("version", wire.VERSIONS)
def test_result_has_the_form_of_its_version(version: str) -> None:
    call = parse_call(ENVIRONMENT, {**CONFIG, "cniVersion": version})
    lease = Lease(key=call.key, addresses=("10.1.0.5",), wiring=None)
    interface = interface_with({Family.IPV4})
    answer = json.loads(cni_result.render_result(call, lease, interface))
    assert answer["cniVersion"] == version
    assert answer["ips"][0]["address"] == "10.1.0.5/32"
    assert (
        answer["interfaces"][answer["ips"][0]["interface"]]["sandbox"] == "/run/netns/x"
    )
    assert ("version" in answer["ips"][0]) == version.startswith("0.")
    assert ("mtu" in answer["interfaces"][0]) == (version == "1.1.0")


def test_an_error_is_never_longer_than_the_shim_takes() -> None:
    config = {**CONFIG, "cniVersion": "\n" * 900_000, "name": "\n" * 900_000}
    with pytest.raises(BadRequestError) as caught:
        parse_call(ENVIRONMENT, config)
    version = wire.version_of(config)
    assert len(cni_result.render_error(version, caught.value)) < 1000
    loud = BadRequestError("\0" * 900_000, details="\udc80" * 900_000)
    assert len(cni_result.render_error(version, loud)) < 1 << 17


def test_error_repeats_the_callers_version() -> None:
    error = BadRequestError("no", details="because")
    answer = json.loads(cni_result.render_error("0.4.0", error))
    assert answer == {
        "cniVersion": "0.4.0",
        "code": 6,
        "msg": "no",
        "details": "because",
    }
