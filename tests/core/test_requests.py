"""Pods' requests, namespace policies and grants."""

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from vcnd.core import requests
from vcnd.core.classes import named_class
from vcnd.core.requests import (
    BANDWIDTH,
    EXPRESS,
    FIXED_ADDRESS,
    IP_FAMILIES,
    NSG_IDS,
    RESOURCE_PREFIX,
    SUBNET_IDS,
)
from vcnd.model.errors import RequestRefusedError
from vcnd.model.family import Family
from vcnd.model.ids import ClassName
from vcnd.model.podnetwork import ApplicationResource, PodClass, PodNetwork
from vcnd.model.request import AddressRequest, Grant, NamespacePolicy, PodRequest
from vcnd.model.sandbox import PodRef

POD = PodRef(namespace="shop", name="web-0", uid="u")
S1, S2, S3 = (f"ocid1.subnet.oc1.iad.{n}" for n in "abc")
N1, N2 = (f"ocid1.networksecuritygroup.oc1.iad.{n}" for n in "ab")
FIVE = tuple(f"{S1}{n}" for n in range(5))
FOUR, SIX = Family.IPV4, Family.IPV6
WEB = f"{RESOURCE_PREFIX}web"


def read(
    annotations: Mapping[str, str] | None = None,
    resources: Mapping[str, str] | None = None,
) -> AddressRequest:
    given = PodRequest(annotations=annotations or {}, resources=resources or {})
    return requests.read(POD, given)


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, AddressRequest()),
        ({"other.io/subnet-ids": "x"}, AddressRequest()),
        ({SUBNET_IDS: S1}, AddressRequest(subnet_ids=(S1,))),
        ({SUBNET_IDS: f" {S2} , {S1},"}, AddressRequest(subnet_ids=(S2, S1))),
        ({SUBNET_IDS: f"{S2},{S1},{S2}"}, AddressRequest(subnet_ids=(S2, S1))),
        ({SUBNET_IDS: " , "}, AddressRequest()),
        ({SUBNET_IDS: ",".join(FIVE)}, AddressRequest(subnet_ids=FIVE)),
        ({NSG_IDS: f"{N2},{N1}"}, AddressRequest(nsg_ids=(N2, N1))),
        ({IP_FAMILIES: "IPv6"}, AddressRequest(families=(SIX,))),
        ({IP_FAMILIES: "IPv6, IPv4,IPv6"}, AddressRequest(families=(SIX, FOUR))),
        ({IP_FAMILIES: ""}, AddressRequest()),
        ({FIXED_ADDRESS: "true"}, AddressRequest(fixed="shop/web-0")),
        ({FIXED_ADDRESS: " db.main-1 "}, AddressRequest(fixed="shop/db.main-1")),
        ({FIXED_ADDRESS: "a" * 251}, AddressRequest(fixed=f"shop/{'a' * 251}")),
        ({FIXED_ADDRESS: ""}, AddressRequest()),
        ({EXPRESS: "false"}, AddressRequest(express=False)),
        ({EXPRESS: " true "}, AddressRequest()),
        ({EXPRESS: ""}, AddressRequest()),
        ({BANDWIDTH[0]: "10M"}, AddressRequest(express=False)),
        ({BANDWIDTH[1]: "10M", EXPRESS: "true"}, AddressRequest(express=False)),
        ({BANDWIDTH[1]: ""}, AddressRequest()),
    ],
)
def test_annotations_are_read(
    annotations: Mapping[str, str], expected: AddressRequest
) -> None:
    assert read(annotations) == expected


@pytest.mark.parametrize(
    ("resources", "name"), [({}, ""), ({"cpu": "2"}, ""), ({WEB: "1", "x": "2"}, "web")]
)
def test_application_resource_is_read(resources: Mapping[str, str], name: str) -> None:
    assert read(resources=resources) == AddressRequest(resource=name)
    assert read(annotations=resources) == AddressRequest()  # no resource


@pytest.mark.parametrize(
    "resources",
    [{WEB: "2"}, {WEB: "0"}, {WEB: "1", f"{RESOURCE_PREFIX}db": "1"}],
)
def test_several_application_resources_are_refused(resources: dict[str, str]) -> None:
    words = "one application resource, and for one of it"
    with pytest.raises(RequestRefusedError, match=words):
        read(resources=resources)


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        ({SUBNET_IDS: f"{S1},pods"}, "subnet-ids: 'pods' is no OCID ocid1.subnet."),
        ({SUBNET_IDS: N1}, "subnet-ids: 'ocid1.networksecuritygroup"),
        ({SUBNET_IDS: ",".join(f"{S1}{n}" for n in range(6))}, "at most 5, 6 are"),
        ({NSG_IDS: S1}, "nsg-ids: 'ocid1.subnet"),
        ({NSG_IDS: ",".join(f"{N1}{n}" for n in range(6))}, "at most 5, 6 are"),
        ({IP_FAMILIES: "IPv5"}, "ip-families: 'IPv5'"),
        ({IP_FAMILIES: "ipv4"}, "ip-families: 'ipv4'"),
        ({FIXED_ADDRESS: "True"}, "fixed-address: 'True' is no name"),
        ({FIXED_ADDRESS: "-a"}, "'-a' is no name"),
        ({EXPRESS: "no"}, "express: 'no' is neither true nor false"),
        ({FIXED_ADDRESS: "a."}, "'a.' is no name"),
        ({FIXED_ADDRESS: "other/name"}, "'other/name' is no name"),
        ({FIXED_ADDRESS: "a" * 254}, "is no name"),
        # The address's tag has namespace and name.
        ({FIXED_ADDRESS: "a" * 252}, "namespace 257 characters, at most 256"),
    ],
)
def test_malformed_annotation_is_refused_by_name(
    annotations: Mapping[str, str], words: str
) -> None:
    with pytest.raises(RequestRefusedError, match=words):
        read(annotations)


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [([], False), (["shop"], True), (["*"], True), (["other"], False)],
)
def test_namespace_may_request_if_a_policy_names_it(
    namespaces: list[str], *, expected: bool
) -> None:
    allowed = [NamespacePolicy(namespace=n) for n in namespaces]
    assert requests.may_request("shop", allowed) is expected


WEB_CLASS = PodClass(ClassName("web"), (S3,), ())
NETWORK = PodNetwork(
    subnet_ids=(S1,),
    nsg_ids=(N2, N1),
    families=(FOUR, SIX),
    resources=(ApplicationResource("web", WEB_CLASS, 8),),
)
OWN = NETWORK.own_class
ALL = NamespacePolicy(
    namespace="shop",
    subnet_ids=frozenset({"*"}),
    nsg_ids=frozenset({"*"}),
    fixed_addresses=True,
)


def grant(
    request: AddressRequest,
    *allowed: NamespacePolicy,
    network: PodNetwork = NETWORK,
) -> Grant:
    return requests.grant(request, namespace="shop", allowed=allowed, network=network)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (AddressRequest(), Grant(OWN, (FOUR, SIX))),
        (AddressRequest(families=(SIX,)), Grant(OWN, (SIX,))),
        (AddressRequest(families=(SIX, FOUR)), Grant(OWN, (SIX, FOUR))),
        (AddressRequest(fixed="shop/a"), Grant(OWN, (FOUR, SIX), "shop/a")),
        (AddressRequest(express=False), Grant(OWN, (FOUR, SIX), express=False)),
        # The subnets and NSGs of the node's own class make no other class.
        (AddressRequest(subnet_ids=(S1,), nsg_ids=(N1, N2)), Grant(OWN, (FOUR, SIX))),
        (
            AddressRequest(subnet_ids=(S2,)),
            Grant(named_class((S2,), (N1, N2)), (FOUR, SIX)),
        ),
        (
            AddressRequest(nsg_ids=(N1,)),
            Grant(named_class((S1,), (N1,)), (FOUR, SIX)),
        ),
        (AddressRequest(resource="web"), Grant(WEB_CLASS, (FOUR, SIX))),
    ],
)
def test_allowed_request_is_granted(request_: AddressRequest, expected: Grant) -> None:
    assert grant(request_, ALL) == expected


def test_request_of_nothing_needs_no_policy() -> None:
    assert grant(AddressRequest()) == Grant(OWN, (FOUR, SIX))
    assert grant(AddressRequest(families=(SIX,))) == Grant(OWN, (SIX,))
    assert grant(AddressRequest(resource="web")).pod_class == WEB_CLASS


SOME = NamespacePolicy(namespace="shop", subnet_ids=frozenset({S2}))
MORE = NamespacePolicy(namespace="*", nsg_ids=frozenset({N1}))
OTHERS = replace(ALL, namespace="other")


@pytest.mark.parametrize(
    ("request_", "allowed", "words"),
    [
        (AddressRequest(subnet_ids=(S2,)), [], r"shop may not use subnet .*\.b:"),
        (AddressRequest(subnet_ids=(S2,)), [OTHERS], "may not use subnet"),
        (AddressRequest(subnet_ids=(S2, S3)), [SOME], r"may not use subnet .*\.c:"),
        (AddressRequest(subnet_ids=(S2,), nsg_ids=(N1,)), [SOME], "may not use NSG"),
        (AddressRequest(nsg_ids=(N1, N2)), [SOME, MORE], r"may not use NSG .*\.b:"),
        (AddressRequest(fixed="shop/a"), [SOME, MORE], "may not have fixed addresses"),
        (AddressRequest(fixed="shop/a"), [OTHERS], "may not have fixed addresses"),
        (
            AddressRequest(fixed="shop/a", families=(SIX,)),
            [ALL],
            "fixed address is IPv4",
        ),
        (AddressRequest(resource="db"), [ALL], "no secondary VNIC profile .* for db"),
        (
            AddressRequest(resource="web", nsg_ids=(N1,)),
            [ALL],
            "subnet and NSGs already",
        ),
        (AddressRequest(resource="web", subnet_ids=(S1,)), [ALL], "NSGs already"),
    ],
)
def test_other_request_is_refused(
    request_: AddressRequest, allowed: list[NamespacePolicy], words: str
) -> None:
    with pytest.raises(RequestRefusedError, match=words):
        grant(request_, *allowed)


def test_policies_of_a_namespace_add_up() -> None:
    both = AddressRequest(subnet_ids=(S2,), nsg_ids=(N1,))
    assert grant(both, SOME, MORE).pod_class == named_class((S2,), (N1,))


def test_family_that_the_network_lacks_is_refused() -> None:
    four = replace(NETWORK, families=(FOUR,))
    with pytest.raises(RequestRefusedError, match="no IPv6 addresses"):
        grant(AddressRequest(families=(FOUR, SIX)), ALL, network=four)


def test_network_of_resources_alone_serves_their_pods_alone() -> None:
    alone = replace(NETWORK, subnet_ids=())
    with pytest.raises(RequestRefusedError, match="for application resources"):
        grant(AddressRequest(), ALL, network=alone)
    assert grant(AddressRequest(resource="web"), network=alone).pod_class == WEB_CLASS
    chosen = grant(AddressRequest(subnet_ids=(S2,)), ALL, network=alone)
    assert chosen.pod_class.subnet_ids == (S2,)
