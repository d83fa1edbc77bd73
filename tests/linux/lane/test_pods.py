"""Which pods are in the nft maps, and which in the express lane."""

from vcnd.linux.destinations import Reach
from vcnd.linux.lane.maps import Leg
from vcnd.linux.lane.pods import lane_pods, lane_vnics
from vcnd.linux.layout import Layout
from vcnd.linux.pod_elements import pod_elements
from vcnd.linux.ruleset import PodElement
from vcnd.linux.vnic_link import VnicLink
from vcnd.model.family import Family
from vcnd.model.ids import SubnetId, VnicId
from vcnd.model.sandbox import HostLink, Lease, SandboxKey
from vcnd.model.vnic import Vnic, VnicSlot

A, B, GONE = VnicId("a"), VnicId("b"), VnicId("gone")


def slot(index: int, vnic_id: VnicId, *, ipv6_router: str = "") -> VnicSlot:
    vnic = Vnic(
        id=vnic_id,
        mac=f"02:00:17:00:00:0{index}",
        address=f"10.{index}.0.2",
        subnet_id=SubnetId("s"),
        subnet_cidr=f"10.{index}.0.0/24",
        virtual_router=f"10.{index}.0.1",
        ipv6_router=ipv6_router,
        vcn_cidrs=("10.0.0.0/8",) if vnic_id == A else (),
    )
    return VnicSlot(index=index, vnic=vnic)


def lease(*addresses: str, express: bool = True) -> Lease:
    return Lease(
        key=SandboxKey("vcnd", "c", "eth0"),
        addresses=addresses,
        wiring=HostLink(ifname="oci1", netns_cookie=1),
        express=express,
    )


SLOTS = [slot(1, VnicId("primary")), slot(2, A, ipv6_router="fe80::1"), slot(3, B)]
LINKS = [VnicLink(index=1, ifname="ens3"), VnicLink(index=2, ifname="ens5")]


REACH = Reach(Layout(mtu=9000))


def test_a_pod_goes_by_the_vnic_of_each_address() -> None:
    plugged = {"oci1": (lease("10.2.0.9", "fd00::9"), {"10.2.0.9": A, "fd00::9": A})}
    assert lane_pods(plugged, SLOTS, LINKS, REACH) == {
        "oci1": {
            Family.IPV4: Leg("10.2.0.9", "ens5", "10.2.0.1", 1500),
            Family.IPV6: Leg("fd00::9", "ens5", "fe80::1", 1500),
        }
    }


def test_pods_without_a_usable_vnic_are_not_in_the_lane() -> None:
    plugged = {
        "oci1": (lease("10.3.0.9"), {"10.3.0.9": B}),  # its link is missing
        "oci2": (lease("10.3.0.8"), {"10.3.0.8": GONE}),
        "oci3": (lease("10.1.0.8"), {"10.1.0.8": VnicId("primary")}),
    }
    assert lane_pods(plugged, SLOTS, LINKS, REACH) == {}


def test_pods_that_stay_out_are_not_in_the_lane() -> None:
    plugged = {"oci1": (lease("10.2.0.9", express=False), {"10.2.0.9": A})}
    assert lane_pods(plugged, SLOTS, LINKS, REACH) == {}
    assert pod_elements(plugged, SLOTS, LINKS) != []


def test_only_pods_vnics_with_a_link_have_programs() -> None:
    assert lane_vnics(SLOTS, LINKS) == {"ens5"}


def test_a_leg_needs_a_router_of_its_family() -> None:
    links = [*LINKS, VnicLink(index=3, ifname="ens6")]
    plugged = {"oci1": (lease("10.3.0.9", "fd00::9"), {"10.3.0.9": B, "fd00::9": B})}
    found = lane_pods(plugged, SLOTS, links, REACH)
    assert found == {"oci1": {Family.IPV4: Leg("10.3.0.9", "ens6", "10.3.0.1")}}


def test_an_address_has_an_element_where_its_vnic_has_a_link() -> None:
    plugged = {
        "oci1": (lease("10.2.0.9", "fd00::9"), {"10.2.0.9": A, "fd00::9": B}),
        "oci2": (lease("10.3.0.8"), {"10.3.0.8": GONE}),
    }
    assert pod_elements(plugged, SLOTS, LINKS) == [
        PodElement(ifname="oci1", address="10.2.0.9", index=2)
    ]
