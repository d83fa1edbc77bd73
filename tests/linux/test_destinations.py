"""How long packets may be, by where they go."""

import msgspec
import pytest

from vcnd.linux.destinations import Reach, destinations, outside_mtu
from vcnd.linux.layout import Layout
from vcnd.model.family import Family
from vcnd.model.ids import SubnetId, VnicId
from vcnd.model.interface import Destination
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import Vnic, VnicSlot

VNIC = Vnic(
    id=VnicId("v"),
    mac="02:00:17:00:00:01",
    address="10.1.0.9",
    subnet_id=SubnetId("subnet"),
    subnet_cidr="10.1.0.0/24",
    virtual_router="10.1.0.1",
    ipv6_cidr="fd00:1::/64",
    further_cidrs=("10.1.4.0/24", "100.64.0.0/24"),
    vcn_cidrs=("10.1.0.0/16", "10.0.0.0/16", "fd00::/56"),
)
EXEMPT = Layout(outside_mtu_exempt=("172.16.0.0/12", "10.0.7.0/24", "fd01::/48"))


def seen(layout: Layout, family: Family, mtu: int = 9000) -> dict[str, int]:
    found = destinations(layout, VNIC, family, mtu=mtu)
    assert found[0].network == family.everywhere
    return {to.network: to.mtu for to in found}


def test_the_vcn_and_what_is_exempt_take_the_links_mtu() -> None:
    assert seen(EXEMPT, Family.IPV4) == {
        "0.0.0.0/0": 1500,
        "10.0.0.0/16": 0,
        "10.1.0.0/16": 0,
        # OCI has given the pod subnet a block that was read before the VCN's.
        "100.64.0.0/24": 0,
        "172.16.0.0/12": 0,
    }
    assert seen(EXEMPT, Family.IPV6) == {
        "::/0": 1500,
        "fd00::/56": 0,
        "fd00:1::/64": 0,
        "fd01::/48": 0,
    }


def test_further_networks_take_the_links_mtu() -> None:
    found = destinations(
        Layout(), VNIC, Family.IPV4, mtu=9000, further=("10.96.0.0/12",)
    )
    assert Destination("10.96.0.0/12") in found


def test_a_pod_reaches_services_by_each_family() -> None:
    lease = Lease(
        key=SandboxKey("vcnd", "c", "eth0"),
        addresses=("10.1.0.5", "fd00:1::5"),
        wiring=None,
    )
    reach = Reach(Layout(mtu=9000))
    reach.lead_to_services(["10.96.0.0/12", "fd00:9::/108"])
    slots = dict.fromkeys(lease.addresses, VnicSlot(index=2, vnic=VNIC))
    found = reach.of_pod(lease, slots)
    assert {Destination("10.96.0.0/12"), Destination("fd00:9::/108")} < {*found}
    assert [to.network for to in found if to.mtu] == ["0.0.0.0/0", "::/0"]
    assert reach.outside_mtu(VNIC) == 1500


@pytest.mark.parametrize(
    ("layout", "mtu", "outside"),
    [
        (Layout(), 9000, 1500),
        (Layout(), 0, 1500),  # not known yet
        (Layout(), 1500, 0),
        (Layout(), 1400, 0),
        (Layout(outside_mtu=0), 9000, 0),
        (Layout(outside_mtu=1400), 1500, 1400),
    ],
)
def test_a_link_that_takes_no_more_needs_one_route(
    layout: Layout, mtu: int, outside: int
) -> None:
    assert outside_mtu(layout, VNIC, mtu) == outside
    routes = destinations(layout, VNIC, Family.IPV4, mtu=mtu)
    assert (len(routes) == 1) == (outside == 0)


@pytest.mark.parametrize("cidrs", [(), msgspec.UNSET])
def test_nothing_is_outside_of_a_vcn_that_is_not_known(
    cidrs: tuple[str, ...] | msgspec.UnsetType,
) -> None:
    vnic = msgspec.structs.replace(VNIC, vcn_cidrs=cidrs)
    for family in Family:
        found = destinations(Layout(), vnic, family, mtu=9000)
        assert found == (Destination(family.everywhere),)
