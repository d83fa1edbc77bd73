"""The CNI's form: what is understood, what is refused, and with which code."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcnd.model.errors import BadRequestError, VcndError
from vcnd.model.interface import PodInterface
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.serve import cni_wire

ENVIRONMENT = {
    "CNI_COMMAND": "ADD",
    "CNI_CONTAINERID": "abc",
    "CNI_NETNS": "/run/netns/x",
    "CNI_IFNAME": "eth0",
    "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web;K8S_POD_UID=u1",
}
CONFIG: dict[str, Any] = {"cniVersion": "1.0.0", "name": "vcnd", "type": "vcnd-cni"}


def test_add_is_understood() -> None:
    call = cni_wire.parse_call(ENVIRONMENT, CONFIG)
    assert call.key == SandboxKey("vcnd", "abc", "eth0")
    assert str(call.pod) == "ns/web"
    assert call.netns_path == "/run/netns/x"


@pytest.mark.parametrize(
    ("environment", "config", "code", "words"),
    [
        ({"CNI_COMMAND": "FLY"}, {}, 4, "CNI_COMMAND='FLY'"),
        ({"CNI_COMMAND": ""}, {}, 4, "CNI_COMMAND=''"),
        ({"CNI_CONTAINERID": ""}, {}, 4, "ADD needs CNI_CONTAINERID"),
        ({"CNI_CONTAINERID": "-a"}, {}, 4, "CNI_CONTAINERID='-a'"),
        ({"CNI_CONTAINERID": "a/b"}, {}, 4, "CNI_CONTAINERID='a/b'"),
        ({"CNI_IFNAME": "a" * 16}, {}, 4, "CNI_IFNAME="),
        ({"CNI_IFNAME": ".."}, {}, 4, "CNI_IFNAME='..'"),
        ({"CNI_IFNAME": "a b"}, {}, 4, "CNI_IFNAME='a b'"),
        ({"CNI_NETNS": ""}, {}, 4, "ADD needs CNI_NETNS"),
        ({}, {"cniVersion": "0.2.0"}, 1, "cniVersion '0.2.0'"),
        ({}, {"cniVersion": "9.9.9"}, 1, "cniVersion '9.9.9'"),
        ({}, {"name": "no/pe"}, 7, "network name 'no/pe'"),
        ({}, {"name": 5}, 7, "network name 5"),
        ({"CNI_COMMAND": "CHECK"}, {}, 7, "prevResult"),
        ({"CNI_COMMAND": "CHECK"}, {"prevResult": {"ips": [1]}}, 7, "prevResult"),
        ({"CNI_COMMAND": "GC"}, {}, 7, "cni.dev/valid-attachments"),
        (
            {"CNI_COMMAND": "GC"},
            {"cni.dev/valid-attachments": [{"ifname": "eth0"}]},
            7,
            "containerID",
        ),
    ],
)
def test_nonsense_is_refused_with_the_right_code(
    environment: dict[str, str], config: dict[str, Any], code: int, words: str
) -> None:
    with pytest.raises(BadRequestError) as caught:
        cni_wire.parse_call({**ENVIRONMENT, **environment}, {**CONFIG, **config})
    assert caught.value.code == code
    assert words in caught.value.message


def test_del_is_lenient_with_versions_and_needs_no_namespace() -> None:
    environment = {**ENVIRONMENT, "CNI_COMMAND": "DEL", "CNI_NETNS": ""}
    call = cni_wire.parse_call(environment, {**CONFIG, "cniVersion": "9.9.9"})
    assert call.command == "DEL"


@pytest.mark.parametrize("version", cni_wire.VERSIONS)
def test_result_has_the_form_of_its_version(version: str) -> None:
    call = cni_wire.parse_call(ENVIRONMENT, {**CONFIG, "cniVersion": version})
    lease = Lease(key=call.key, address="10.1.0.5", netns_cookie=1, host_ifname="oci1")
    interface = PodInterface(
        host_ifname="oci1", host_mac="0e:00:00:00:00:01", pod_mac="0a::1", mtu=9000
    )
    said = json.loads(cni_wire.render_result(call, lease, interface))
    assert said["cniVersion"] == version
    assert said["ips"][0]["address"] == "10.1.0.5/32"
    assert said["interfaces"][said["ips"][0]["interface"]]["sandbox"] == "/run/netns/x"
    assert ("version" in said["ips"][0]) == version.startswith("0.")
    assert ("mtu" in said["interfaces"][0]) == (version == "1.1.0")


@given(st.binary(max_size=80))
def test_no_first_line_breaks_the_parser(line: bytes) -> None:
    try:
        cni_wire.parse_header(line)
    except VcndError as error:
        assert error.code == 6


@given(st.binary(max_size=200))
def test_no_stdin_breaks_the_parser(data: bytes) -> None:
    try:
        assert isinstance(cni_wire.parse_config(data), dict)
    except VcndError as error:
        assert error.code == 6


def test_oversized_request_is_refused_by_its_header() -> None:
    with pytest.raises(BadRequestError, match="oversized"):
        cni_wire.parse_header(b"vcnd 1 100 99999999\n")


def test_another_protocol_is_named() -> None:
    with pytest.raises(BadRequestError, match="protocol 2"):
        cni_wire.parse_header(b"vcnd 2 1 1\n")


def test_error_repeats_the_callers_version() -> None:
    error = BadRequestError("no", details="because")
    said = json.loads(cni_wire.render_error("0.4.0", error))
    assert said == {"cniVersion": "0.4.0", "code": 6, "msg": "no", "details": "because"}


@pytest.mark.parametrize(
    ("said", "trace"),
    [
        ("00-" + "a" * 32 + "-" + "b" * 16 + "-01", "a" * 32),
        ("00-short-b-01", ""),
        ("", ""),
        ("x", ""),
    ],
)
def test_trace_context(said: str, trace: str) -> None:
    assert cni_wire.trace_of({"TRACEPARENT": said}) == trace
