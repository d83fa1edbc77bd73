"""Valid requests of a NativePodNetwork, and reports of a node's state."""

import pytest
from msgspec.structs import replace

from vcnd.core.podnetwork import network_name, wanted
from vcnd.core.report import MOST_REASON, report
from vcnd.model.family import Family
from vcnd.model.ids import OWN_CLASS
from vcnd.model.podnetwork import PodClass, PodNetwork, VnicProfile

INSTANCE = "ocid1.instance.oc1.iad.abc"
SUBNET, NSG = "ocid1.subnet.oc1.iad.s", "ocid1.networksecuritygroup.oc1.iad.n"


def ask(
    spec_id: str = INSTANCE,
    subnet_ids: tuple[str, ...] = (SUBNET,),
    nsg_ids: tuple[str, ...] = (NSG,),
    maximum: int | None = 31,
    families: tuple[str, ...] = (),
    profiles: tuple[VnicProfile, ...] = (),
) -> PodNetwork:
    return wanted(
        instance_id=INSTANCE,
        spec_id=spec_id,
        subnet_ids=subnet_ids,
        nsg_ids=nsg_ids,
        families=families,
        profiles=profiles,
        maximum=maximum,
    )


def test_spec_is_read_as_a_pod_network() -> None:
    assert ask() == PodNetwork(subnet_ids=(SUBNET,), nsg_ids=(NSG,), maximum=31)
    assert ask(families=("IPv6", "IPv4")).families == (Family.IPV6, Family.IPV4)
    assert ask(nsg_ids=(), maximum=None) == PodNetwork(subnet_ids=(SUBNET,))


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"spec_id": "ocid1.instance.oc1.iad.other"}, "spec.id"),
        ({"spec_id": ""}, "spec.id is empty"),
        ({"subnet_ids": ()}, "podSubnetIds wants 1"),
        ({"subnet_ids": (SUBNET,) * 6}, "podSubnetIds wants 1 to 5"),
        ({"subnet_ids": ("pods",)}, "'pods' is no OCID"),
        ({"nsg_ids": (NSG,) * 6}, "at most 5"),
        ({"nsg_ids": (SUBNET,)}, "networkSecurityGroupIds"),
        ({"families": ("IPv4", "IPv5")}, "ipFamilies: 'IPv5'"),
        ({"maximum": 0}, "maxPodCount 0"),
        ({"maximum": 257}, "maxPodCount 257"),
    ],
)
def test_refusals_name_the_field(spec: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ask(**spec)  # type: ignore[arg-type]


def test_name_is_the_last_part() -> None:
    assert network_name(INSTANCE) == "abc"


@pytest.mark.parametrize(
    ("observed", "usable", "problem", "state", "reason"),
    [
        (False, 0, None, "IN_PROGRESS", "not been reached"),
        (True, 0, None, "IN_PROGRESS", "IN_PROGRESS"),
        (True, 0, "no subnet", "BACKOFF", "no subnet"),
        (False, 0, "IMDS away", "BACKOFF", "IMDS away"),
        (True, 3, None, "SUCCESS", "COMPLETED"),
        (False, 3, None, "SUCCESS", "COMPLETED"),
        (True, 3, "subnet full", "SUCCESS", "subnet full"),
    ],
)
def test_states(
    observed: bool, usable: int, problem: str | None, state: str, reason: str
) -> None:
    status = report(
        observed=observed, vnics=(), usable=usable, problem=problem, network=ask()
    )
    assert status.state == state
    assert reason in status.reason
    assert status.serves == (state == "SUCCESS")


@pytest.mark.parametrize(
    ("observed", "problem", "state"),
    [
        (True, None, "SUCCESS"),
        (True, "subnet full", "BACKOFF"),
        (False, None, "IN_PROGRESS"),
    ],
)
def test_node_that_holds_none_on_purpose_serves(
    observed: bool, problem: str | None, state: str
) -> None:
    status = report(
        observed=observed,
        vnics=(),
        usable=0,
        on_demand=True,
        problem=problem,
        network=ask(),
    )
    assert status.state == state


def test_reason_fits_a_column() -> None:
    status = report(
        observed=True, vnics=(), usable=0, problem="x" * 5000, network=ask()
    )
    assert len(status.reason) == MOST_REASON


GENERAL = VnicProfile(subnet_id=SUBNET, nsg_ids=(NSG,))
WEB = VnicProfile(subnet_id=SUBNET + "2", ip_count=8, application_resources=("web",))


def test_profiles_name_subnets_and_resources() -> None:
    network = ask(subnet_ids=(), nsg_ids=(), maximum=None, profiles=(GENERAL, WEB))
    assert network.own_class == PodClass(OWN_CLASS, (SUBNET,), (NSG,))
    assert network.maximum == 40
    (resource,) = network.resources
    assert (resource.name, resource.capacity) == ("web", 8)
    assert resource.pod_class.subnet_ids == (SUBNET + "2",)
    assert network.kept_warm == (network.own_class, resource.pod_class)
    alone = ask(subnet_ids=(), profiles=(WEB,))
    assert alone.kept_warm == (alone.resources[0].pod_class,)
    status = report(observed=True, vnics=(), usable=1, problem=None, network=alone)
    assert status.only_resources
    # A profile with the same subnet and NSGs is still another class.
    same = replace(GENERAL, application_resources=("web",))
    both = ask(profiles=(GENERAL, same))
    assert both.resources[0].pod_class.name != both.own_class.name


@pytest.mark.parametrize(
    ("profiles", "reason"),
    [
        ((GENERAL, replace(GENERAL, nsg_ids=())), "different nsgIds"),
        ((WEB, WEB), "two are for application resource web"),
        ((replace(GENERAL, ip_count=257),), "the sum of ipCount is 257"),
        ((replace(GENERAL, ip_count=0),), "each is at least 1"),
        ((GENERAL,) * 65, "at most 64"),
        ((replace(WEB, subnet_id="pods"),), "'pods' is no OCID"),
        ((replace(GENERAL, subnet_id="pods"),), "'pods' is no OCID"),
    ],
)
def test_malformed_profiles_are_refused(
    profiles: tuple[VnicProfile, ...], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        ask(profiles=profiles)
