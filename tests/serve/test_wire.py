"""CNI's form: accepted calls, refused calls, and the code of each refusal."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.calling import interface_with
from vcnd.model.errors import BadRequestError, VcndError
from vcnd.model.family import Family
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.serve import cni_result, wire
from vcnd.serve.cni_call import COMMANDS, parse_call
from vcnd.serve.cni_config import ANNOTATIONS, VALID_ATTACHMENTS

ENVIRONMENT = {
    "CNI_COMMAND": "ADD",
    "CNI_CONTAINERID": "abc",
    "CNI_NETNS": "/run/netns/x",
    "CNI_IFNAME": "eth0",
    "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web;K8S_POD_UID=u1",
}
CONFIG: dict[str, Any] = {"cniVersion": "1.0.0", "name": "vcnd", "type": "vcnd-cni"}


def nest(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_add_is_understood() -> None:
    call = parse_call(ENVIRONMENT, CONFIG)
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
        ({"CNI_COMMAND": "CHECK"}, {"prevResult": None}, 7, "prevResult"),
        ({"CNI_COMMAND": "CHECK"}, {"prevResult": {"ips": None}}, 7, "prevResult"),
        ({"CNI_COMMAND": "CHECK"}, {"cniVersion": "0.3.1"}, 1, "CHECK needs"),
        ({"CNI_COMMAND": "CHECK"}, {"cniVersion": None}, 1, "CHECK needs"),
        ({}, {"cniVersion": 5}, 1, "cniVersion 5"),
        ({}, {"name": None}, 7, "network name None"),
        ({}, {"name": "n" * 254}, 7, "network name 'nnn"),
        ({"CNI_CONTAINERID": "a" * 254}, {}, 4, "CNI_CONTAINERID='aaa"),
        ({"CNI_IFNAME": "eth%d"}, {}, 4, "CNI_IFNAME='eth%d'"),
        ({"CNI_IFNAME": "\xe4" * 15}, {}, 4, "CNI_IFNAME="),
        ({"CNI_IFNAME": "all"}, {}, 4, "CNI_IFNAME='all'"),
        ({"CNI_IFNAME": "eth\udc80"}, {}, 4, "CNI_IFNAME='eth\\udc80'"),
        ({"CNI_NETNS": "/x\udc80"}, {}, 4, "CNI_NETNS='/x\\udc80'"),
        ({"CNI_COMMAND": "\udcff"}, {}, 4, "CNI_COMMAND='\\udcff'"),
        ({"CNI_ARGS": "K8S_POD_NAME=\udc80"}, {}, 4, "CNI_ARGS"),
        ({"CNI_ARGS": f"K8S_POD_UID={'u' * 254}"}, {}, 4, "CNI_ARGS"),
        ({}, {"runtimeConfig": []}, 7, "runtimeConfig"),
        ({}, {"runtimeConfig": {ANNOTATIONS: 1}}, 7, "runtimeConfig"),
        ({}, {"runtimeConfig": {ANNOTATIONS: {"a": 1}}}, 7, "runtimeConfig"),
        ({}, {"prevResult": []}, 7, "prevResult"),
        ({}, {"prevResult": {"interfaces": "eth0"}}, 7, "prevResult"),
        ({}, {"prevResult": {"routes": [1]}}, 7, "prevResult"),
        ({}, {"prevResult": {"x": nest(40)}}, 7, "prevResult is nested too deeply"),
        ({"CNI_COMMAND": "GC"}, {}, 7, "cni.dev/valid-attachments"),
        ({"CNI_COMMAND": "GC"}, {"cni.dev/valid-attachments": {}}, 7, "each needs"),
        (
            {"CNI_COMMAND": "GC"},
            {"cni.dev/valid-attachments": [{"containerID": 5, "ifname": "eth0"}]},
            7,
            "containerID",
        ),
        (
            {"CNI_COMMAND": "GC"},
            {"cni.dev/valid-attachments": [{"ifname": "eth0"}]},
            7,
            "containerID",
        ),
    ],
)
def test_malformed_call_is_refused_with_the_right_code(
    environment: dict[str, str], config: dict[str, Any], code: int, words: str
) -> None:
    with pytest.raises(BadRequestError) as caught:
        parse_call({**ENVIRONMENT, **environment}, {**CONFIG, **config})
    assert caught.value.code == code
    assert words in caught.value.message


@pytest.mark.parametrize(
    "key",
    [
        "runtimeConfig",
        "prevResult",
        "args",
        "capabilities",
        "dns",
        "ipam",
        "cniVersion",
    ],
)
def test_null_means_absent(key: str) -> None:
    expected = parse_call(ENVIRONMENT, {k: v for k, v in CONFIG.items() if k != key})
    assert parse_call(ENVIRONMENT, {**CONFIG, key: None}) == expected


def test_null_annotations_are_absent() -> None:
    for runtime, expected in (
        ({ANNOTATIONS: None}, None),
        ({ANNOTATIONS: {"a": None, "b": "c"}}, {"b": "c"}),
        ({"portMappings": None, "x": 1e300}, None),
    ):
        call = parse_call(ENVIRONMENT, {**CONFIG, "runtimeConfig": runtime})
        assert call.annotations == expected


def test_del_needs_nothing_that_it_does_not_use() -> None:
    """A value that only ADD uses must not keep a pod in Terminating."""
    environment = {
        **ENVIRONMENT,
        "CNI_COMMAND": "DEL",
        "CNI_NETNS": "/x\udc80",
        "CNI_ARGS": "K8S_POD_NAME=\udc80",
        "CNI_PATH": "\udc80",
    }
    config = {"name": "vcnd", "cniVersion": 7, "prevResult": 1, "runtimeConfig": 1}
    call = parse_call(environment, config)
    assert (call.key.container_id, str(call.pod)) == ("abc", "")


def test_gc_takes_the_older_name_of_its_list() -> None:
    environment = {"CNI_COMMAND": "GC"}
    listed = [{"containerID": "abc", "ifname": "eth0"}]
    for config in (
        {"cni.dev/attachments": listed},
        {"cni.dev/attachments": listed, "cni.dev/valid-attachments": None},
        {"cni.dev/attachments": [], "cni.dev/valid-attachments": listed},
    ):
        call = parse_call(environment, {**CONFIG, **config})
        assert call.valid_attachments == {("abc", "eth0")}


@pytest.mark.parametrize("listed", [None, []])
def test_gc_may_list_no_attachment(listed: list[Any] | None) -> None:
    """libcni writes both keys, and null for a nil slice (CRI-O without sandboxes)."""
    for keys in (VALID_ATTACHMENTS, VALID_ATTACHMENTS[:1], VALID_ATTACHMENTS[1:]):
        config = CONFIG | dict.fromkeys(keys, listed)
        call = parse_call({"CNI_COMMAND": "GC"}, config)
        assert call.valid_attachments == frozenset()


def test_del_is_lenient_with_versions_and_needs_no_namespace() -> None:
    environment = {**ENVIRONMENT, "CNI_COMMAND": "DEL", "CNI_NETNS": ""}
    call = parse_call(environment, {**CONFIG, "cniVersion": "9.9.9"})
    assert call.command == "DEL"


@given(st.binary(max_size=80))
def test_no_first_line_breaks_the_parser(line: bytes) -> None:
    try:
        wire.parse_header(line)
    except VcndError as error:
        assert error.code == 6


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        *("cniVersion", "name", "prevResult", "runtimeConfig", "args", "capabilities"),
        *("cni.dev/valid-attachments", "cni.dev/attachments"),
    ]
)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'"\x80"', id="not-utf8"),
        pytest.param(b'{"\xff": 1}', id="key-not-utf8"),
        pytest.param(b'{"a": "\xed\xa0\x80"}', id="surrogate-bytes"),
        pytest.param(b'{"a": "\\ud800"}', id="lone-surrogate"),
        pytest.param(b"[" * 100_000, id="deep-lists"),
        pytest.param(b'{"a":' * 100_000, id="deep-objects"),
        pytest.param(b"9" * 100_000, id="huge-integer"),
        pytest.param(b'{"a": 1e999}', id="huge-float"),
        pytest.param(b'{"a": NaN}', id="nan"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte-order-mark"),
        pytest.param(b"\0", id="nul"),
        pytest.param(b" ", id="blank"),
        pytest.param(b"null", id="null"),
    ],
)
def test_malformed_stdin_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequestError) as caught:
        wire.parse_config(data)
    assert caught.value.code == 6


@given(st.binary(max_size=200) | st.text(max_size=80).map(lambda t: f'"{t}"'.encode()))
def test_no_stdin_breaks_the_parser(data: bytes) -> None:
    try:
        assert isinstance(wire.parse_config(data), dict)
    except VcndError as error:
        assert error.code == 6


@given(st.binary(max_size=200))
def test_no_environment_breaks_the_parser(data: bytes) -> None:
    try:
        parse_call(wire.parse_environment(data), CONFIG)
    except VcndError as error:
        assert error.code == 4


@pytest.mark.slow
@given(
    st.sampled_from(COMMANDS),
    st.dictionaries(st.sampled_from([*ENVIRONMENT]), st.text(max_size=20)),
    st.dictionaries(KEYS | st.text(), JSON, max_size=4),
)
def test_no_configuration_breaks_the_parser(
    command: str, environment: dict[str, str], config: dict[str, Any]
) -> None:
    variables = {**ENVIRONMENT, "CNI_COMMAND": command, **environment}
    try:
        call = parse_call(variables, {**CONFIG, **config})
    except BadRequestError as error:
        answer = cni_result.render_error(wire.version_of(config), error)
        assert json.loads(answer)["code"] in (1, 4, 6, 7)
        return
    lease = Lease(key=call.key, addresses=("10.1.0.5",), wiring=None)
    interface = interface_with({Family.IPV4})
    if call.command == "ADD":
        json.loads(cni_result.render_result(call, lease, interface))


def test_oversized_request_is_refused_by_its_header() -> None:
    with pytest.raises(BadRequestError, match="oversized"):
        wire.parse_header(b"vcnd 1 100 99999999\n")


def test_another_protocol_is_named() -> None:
    with pytest.raises(BadRequestError, match="protocol 2"):
        wire.parse_header(b"vcnd 2 1 1\n")


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        ("00-" + "a" * 32 + "-" + "b" * 16 + "-01", "a" * 32),
        ("00-short-b-01", ""),
        ("", ""),
        ("x", ""),
    ],
)
def test_trace_context(header: str, trace: str) -> None:
    assert wire.trace_of({"TRACEPARENT": header}) == trace


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("0000000000001000000 2000000", {"shim": 0.001, "queue": 0.003}),
        ("5000000 5000000", {"shim": 0.0, "queue": 0.0}),
        ("", {}),
        ("1000000", {}),
        ("-1 2", {}),
        ("2000000 1000000", {}),  # its clock went backwards
        ("1000000 6000000", {}),  # it is ahead of ours
        ("1 2 3", {}),
        ("9" * 20 + " 1", {}),
    ],
)
def test_plugins_phases(told: str, expected: dict[str, float]) -> None:
    assert wire.shim_phases({"VCND_SHIM": told}, 5_000_000) == pytest.approx(expected)


def test_plugin_of_an_older_version_tells_no_phases() -> None:
    assert wire.shim_phases({}, 5_000_000) == {}
    assert wire.shim_phases({"VCND_SHIM": "1 2"}, 61 * 10**9) == {}
