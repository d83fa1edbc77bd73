"""Annotations and resources of pods and Nodes.

A request makes sense or is refused by name; early addresses read what they write.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from tests.fuzz.choices import Choices, damaged, document, seed
from vcnd.core import requests
from vcnd.kube import early
from vcnd.model.errors import RequestRefusedError
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.request import EVERY, NamespacePolicy, PodRequest
from vcnd.model.sandbox import PodRef

SUBNET, NSG = "ocid1.subnet.oc1.iad.a", "ocid1.networksecuritygroup.oc1.iad.a"
VALUES = (
    *("", "true", "false", "IPv4", "IPv6,IPv4", SUBNET, f"{SUBNET},{SUBNET}b", NSG),
    *("null", "[]", f'["{SUBNET}"]', "web-0", "a.b", "x" * 257, " ", "\0", "\ud800"),
)
NAMES = (
    *(requests.SUBNET_IDS, requests.NSG_IDS, requests.IP_FAMILIES),
    *(requests.FIXED_ADDRESS, requests.EXPRESS, *requests.BANDWIDTH),
    f"{requests.OWN_PREFIX}unknown",
)
EARLY: list[Any] = [{"u1": ["10.0.0.1", "fd00::1"], "u2": []}, {}]
POD = PodRef(namespace="blue", name="web-0", uid="u1")
ALL = NamespacePolicy(
    namespace=EVERY,
    subnet_ids=frozenset([EVERY]),
    nsg_ids=frozenset([EVERY]),
    fixed_addresses=True,
)
NETWORK = PodNetwork(subnet_ids=(SUBNET,), nsg_ids=(NSG,))


def run(data: bytes) -> None:
    """Read a request and a Node's annotation."""
    choices = Choices(data)
    request = PodRequest(
        annotations={
            choices.pick(NAMES): _value(choices) for _ in range(choices.below(5))
        },
        resources={
            f"{requests.RESOURCE_PREFIX}{_value(choices)}": _value(choices)
            for _ in range(choices.below(3))
        },
    )
    allowed = choices.pick([(), (ALL,)])
    try:
        found = requests.read(POD, request)
        granted = requests.grant(
            found, namespace=POD.namespace, allowed=allowed, network=NETWORK
        )
    except RequestRefusedError as error:
        if not error.message:
            raise AssertionError("a refusal that says nothing") from error
    else:
        if not allowed and (granted.pod_class != NETWORK.own_class or granted.fixed):
            raise AssertionError(f"{granted} without a policy that allows it")
    _early(document(choices, EARLY).decode("utf-8", "surrogateescape"))
    _written(damaged(EARLY[0], choices))


def _value(choices: Choices) -> str:
    return choices.pick(VALUES) if choices.below(2) else choices.text()


def _early(text: str) -> None:
    """Read an annotation's value; what was read is written and read alike."""
    try:
        found = early.decode(text)
    except ValueError:
        return
    _written({uid: list(some) for uid, some in found.items()})


def _written(body: Any) -> None:
    try:
        addresses = msgspec.convert(body, dict[str, list[str]])
        value = early.encode(addresses)
    except (msgspec.ValidationError, UnicodeEncodeError):
        return  # no addresses by uid
    read = early.decode(value) if value is not None else {}
    if read != {uid: tuple(some) for uid, some in addresses.items()}:
        raise AssertionError(f"{addresses} is read back as {read}")


def seeds() -> Iterable[bytes]:
    """Return each annotation with each value."""
    for name in range(len(NAMES)):
        for value in range(len(VALUES)):
            yield bytes([1, name, 1, value, 0])
    yield bytes([0, 1, 1, 2, 1, 1, 0]) + seed(0)
