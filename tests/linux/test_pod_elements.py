"""The elements of the nft maps that plugged pods have."""

from vcnd.linux.pod_elements import in_maps, pod_elements
from vcnd.linux.vnic_link import VnicLink
from vcnd.model.ids import ClassName, SubnetId, VnicId
from vcnd.model.sandbox import HostLink, Lease, SandboxKey
from vcnd.model.vnic import Vnic, VnicSlot
from vcnd.netlink import nftables, rtnetlink

FOUR, SIX = "10.2.0.5", "fd00::5"
LEASE = Lease(
    key=SandboxKey("vcnd", "abc", "eth0"),
    addresses=(FOUR, SIX),
    wiring=HostLink(ifname="oci1", netns_cookie=1),
)
VNIC = Vnic(
    id=VnicId("v"),
    mac="02:00:00:00:00:02",
    address="10.2.0.2",
    subnet_id=SubnetId("s"),
    subnet_cidr="10.2.0.0/24",
    virtual_router="10.2.0.1",
)
PODS = {"oci1": (LEASE, {FOUR: VNIC.id, SIX: VNIC.id})}
LINK = VnicLink(index=2, ifname="ens5", pod_class=ClassName("shop"))


def test_a_pod_without_a_link_of_its_vnic_has_no_elements() -> None:
    slots = [VnicSlot(index=2, vnic=VNIC)]
    assert len(pod_elements(PODS, slots, [LINK])) == 2
    assert pod_elements(PODS, slots, []) == []


def test_elements_are_as_the_kernel_lists_them() -> None:
    elements = pod_elements(PODS, [VnicSlot(index=2, vnic=VNIC)], [LINK])
    found = in_maps(elements, [LINK], {})
    assert found == {
        "pods4": {nftables.interface_and_address("oci1", FOUR): "via2"},
        "pods6": {nftables.interface_and_address("oci1", SIX): "via2"},
        "classes4": {},
        "classes6": {},
    }
    strict = in_maps(elements, [LINK], {ClassName("shop"): 2})
    assert strict["classes4"] == {rtnetlink.ip_bytes(FOUR): "class2"}
    assert strict["classes6"] == {rtnetlink.ip_bytes(SIX): "class2"}
