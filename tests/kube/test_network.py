"""A NativePodNetwork's spec as the pod network that it requests."""

import pytest

from vcnd.kube.network import asked
from vcnd.kube.wire import (
    CreateVnicDetails,
    NativePodNetwork,
    NetworkSpec,
    SecondaryVnic,
)
from vcnd.kubeapi.wire import Meta
from vcnd.model.errors import PodNetworkError
from vcnd.model.family import Family
from vcnd.model.ids import OWN_CLASS
from vcnd.model.podnetwork import PodClass, PodNetwork

INSTANCE = "ocid1.instance.oc1.iad.abc"
SUBNET, NSG = "ocid1.subnet.oc1.iad.s", "ocid1.networksecuritygroup.oc1.iad.n"


def network(spec: NetworkSpec) -> NativePodNetwork:
    return NativePodNetwork(metadata=Meta(name="abc"), spec=spec)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            NetworkSpec(id=INSTANCE, pod_subnet_ids=[SUBNET]),
            PodNetwork(subnet_ids=(SUBNET,)),
        ),
        (
            NetworkSpec(
                id=INSTANCE,
                pod_subnet_ids=[SUBNET],
                network_security_group_ids=[NSG],
                ip_families=["IPv6", "IPv4"],
                max_pod_count=31,
            ),
            PodNetwork(
                subnet_ids=(SUBNET,),
                nsg_ids=(NSG,),
                families=(Family.IPV6, Family.IPV4),
                maximum=31,
            ),
        ),
    ],
)
def test_each_field_of_the_spec_is_read(
    spec: NetworkSpec, expected: PodNetwork
) -> None:
    assert asked(network(spec), INSTANCE) == expected


def test_profiles_replace_the_lists() -> None:
    details = CreateVnicDetails(subnet_id=SUBNET, nsg_ids=[NSG], ip_count=16)
    web = CreateVnicDetails(
        subnet_id=f"{SUBNET}2", ip_count=8, application_resources=["web"]
    )
    spec = NetworkSpec(
        id=INSTANCE,
        pod_subnet_ids=["ocid1.subnet.oc1.iad.ignored"],
        secondary_vnics=[
            SecondaryVnic(create_vnic_details=details),
            SecondaryVnic(create_vnic_details=web),
        ],
    )
    found = asked(network(spec), INSTANCE)
    assert found.own_class == PodClass(OWN_CLASS, (SUBNET,), (NSG,))
    assert found.maximum == 24
    (resource,) = found.resources
    assert (resource.name, resource.capacity) == ("web", 8)
    assert resource.pod_class.subnet_ids == (f"{SUBNET}2",)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (NetworkSpec(id="ocid1.instance.oc1.iad.other"), "spec.id is ocid1"),
        (NetworkSpec(id=INSTANCE), "spec.podSubnetIds wants 1 to 5"),
        (NetworkSpec(id=INSTANCE, pod_subnet_ids=["s"]), "spec.podSubnetIds: 's'"),
    ],
)
def test_refusal_names_the_object_and_the_field(spec: NetworkSpec, words: str) -> None:
    with pytest.raises(PodNetworkError, match=f"^NativePodNetwork abc: {words}"):
        asked(network(spec), INSTANCE)
