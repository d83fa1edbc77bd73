"""The sandbox and the pod that a call's variables name."""

import pytest

from vcnd.model.errors import BadEnvironmentError
from vcnd.model.sandbox import PodRef
from vcnd.serve.cni_environment import attachment, is_name, pod_of, shown

WHOLE = {"CNI_CONTAINERID": "abc", "CNI_NETNS": "/run/netns/x", "CNI_IFNAME": "eth0"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("vcnd", True), ("0a.B_c-d", True), ("a" * 253, True)),
        *(("", False), ("-a", False), (".a", False), ("a/b", False), ("a b", False)),
        *(("a" * 254, False), ("ä", False), ("a\n", False), (None, False), (5, False)),
    ],
)
def test_name_of_a_network_or_container(value: object, *, expected: bool) -> None:
    assert is_name(value) is expected


@pytest.mark.parametrize(
    ("command", "left_out", "missing"),
    [
        *(("ADD", "CNI_NETNS", True), ("ADD", "CNI_CONTAINERID", True)),
        *(("ADD", "CNI_IFNAME", True), ("CHECK", "CNI_NETNS", True)),
        *(("CHECK", "CNI_IFNAME", True), ("DEL", "CNI_CONTAINERID", True)),
        *(("DEL", "CNI_IFNAME", True), ("DEL", "CNI_NETNS", False)),
        *(("GC", "CNI_CONTAINERID", False), ("STATUS", "CNI_IFNAME", False)),
    ],
)
@pytest.mark.parametrize("empty", [True, False])
def test_command_needs_its_variables(
    command: str, left_out: str, *, missing: bool, empty: bool
) -> None:
    given = {name: value for name, value in WHOLE.items() if name != left_out}
    if empty:
        given[left_out] = ""
    if missing:
        with pytest.raises(BadEnvironmentError, match=f"{command} needs {left_out}"):
            attachment(command, given)
    else:
        names = "CNI_CONTAINERID", "CNI_IFNAME"
        expected = tuple(given.get(name, "") for name in names)
        assert attachment(command, given) == expected


@pytest.mark.parametrize("ifname", ["eth0", "net1.5", "a" * 15, "-", "!", "~"])
def test_interface_name_of_the_kernel_is_taken(ifname: str) -> None:
    assert attachment("ADD", {**WHOLE, "CNI_IFNAME": ifname}) == ("abc", ifname)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        *(({"CNI_IFNAME": name}, "CNI_IFNAME=") for name in ("a" * 16, "a b", "a:b")),
        *(({"CNI_IFNAME": name}, "CNI_IFNAME=") for name in ("a/b", "eth%d", "ä")),
        *(({"CNI_IFNAME": name}, "CNI_IFNAME=") for name in (".", "..", "all")),
        ({"CNI_IFNAME": "default"}, "CNI_IFNAME='default' is not valid"),
        ({"CNI_CONTAINERID": "a/b"}, "CNI_CONTAINERID='a/b' is not valid"),
        ({"CNI_NETNS": "/x\n"}, "is no path"),
    ],
)
def test_malformed_variable_is_named(changed: dict[str, str], words: str) -> None:
    with pytest.raises(BadEnvironmentError, match=words):
        attachment("ADD", {**WHOLE, **changed})


ARGS = "IgnoreUnknown=1;K8S_POD_NAMESPACE=n;K8S_POD_NAME=p;K8S_POD_UID=u=1;X"


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (ARGS, PodRef(namespace="n", name="p", uid="u=1")),
        ("", PodRef()),
        ("K8S_POD_NAME=p", PodRef(name="p")),
    ],
)
def test_pod_is_read_from_cni_args(args: str, expected: PodRef) -> None:
    for strict in (True, False):
        assert pod_of({"CNI_ARGS": args}, strict=strict) == expected


@pytest.mark.parametrize("name", ["p" * 254, "\udc80", "a\nb"])
def test_malformed_pod_is_refused_or_none(name: str) -> None:
    environment = {"CNI_ARGS": f"K8S_POD_NAMESPACE=n;K8S_POD_NAME={name}"}
    with pytest.raises(BadEnvironmentError, match="names no pod"):
        pod_of(environment, strict=True)
    assert pod_of(environment, strict=False) == PodRef()


def test_long_value_is_cut() -> None:
    assert shown("a" * 500) == "'" + "a" * 79
