"""Differences between ledger, kernel and cloud, and the repair of each."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from vcnd.core.drift import (
    Adopt,
    CloudRepair,
    EndLease,
    Forget,
    Gone,
    Moved,
    ReapLink,
    RestoreLease,
    SetNsgs,
    cloud_drift,
    kernel_drift,
    listed_drift,
    lost_sandboxes,
    nsg_drift,
)
from vcnd.model.family import Family
from vcnd.model.ids import OWN_CLASS, ClassName, PrivateIpId, SubnetId, VnicId
from vcnd.model.interface import PodLink
from vcnd.model.podnetwork import PodClass
from vcnd.model.sandbox import UNKNOWN_COOKIE, HostLink, Lease, PodRef, SandboxKey
from vcnd.model.vnic import CloudView, PrivateIp, Vnic

FOUR, SIX = "10.0.0.1", "fd00::1"
KEY, POD = SandboxKey("vcnd", "abc", "eth0"), PodRef(namespace="n", name="p", uid="u")


def private_ip(address: str, ocid: str = "", prefix_length: int = 0) -> PrivateIp:
    return PrivateIp(
        id=PrivateIpId(ocid or address),
        address=address,
        vnic_id=VnicId("v"),
        prefix_length=prefix_length,
    )


def lease(host_ifname: str, address: str, key: SandboxKey | None = None) -> Lease:
    return Lease(
        key=key or SandboxKey("vcnd", host_ifname, "eth0"),
        addresses=(address,),
        wiring=HostLink(ifname=host_ifname, netns_cookie=1),
    )


def unwired(*addresses: str) -> Lease:
    return Lease(key=KEY, addresses=addresses, wiring=None)


def link(host_ifname: str, *addresses: str, ours: bool = True) -> PodLink:
    return PodLink(host_ifname=host_ifname, ours=ours, addresses=addresses)


# The cloud

ONE, TWO = private_ip("10.0.0.1"), private_ip("10.0.0.2")
NEW_ONE = private_ip("10.0.0.1", "made later")
MOVED_ONE = replace(ONE, vnic_id=VnicId("another"))
BLOCK = private_ip("10.0.1.0", prefix_length=30)


@pytest.mark.parametrize(
    ("books", "cloud", "leased", "expected"),
    [
        ([], [], (), []),
        ([ONE, BLOCK], [BLOCK, ONE], ("10.0.0.1",), []),
        ([], [ONE], (), [Adopt(ONE)]),
        ([ONE], [], (), [Forget(ONE, leased=False)]),
        ([ONE, TWO], [TWO], ("10.0.0.2",), [Forget(ONE, leased=False)]),
        ([ONE], [], ("10.0.0.1",), [Forget(ONE, leased=True)]),
        ([BLOCK], [], ("10.0.1.3",), [Forget(BLOCK, leased=True)]),
        ([BLOCK], [], ("10.0.1.4",), [Forget(BLOCK, leased=False)]),
        # Deleted and created again: another object; the old one is forgotten first.
        ([ONE], [NEW_ONE], (), [Forget(ONE, leased=False), Adopt(NEW_ONE)]),
        ([ONE], [TWO], (), [Forget(ONE, leased=False), Adopt(TWO)]),
        ([ONE], [MOVED_ONE], ("10.0.0.1",), [Moved(ONE, MOVED_ONE)]),
        ([ONE], [ONE, MOVED_ONE], (), []),
        ([ONE], [MOVED_ONE, ONE], (), []),
    ],
)
def test_cloud_drift_is_adopted_or_forgotten(
    books: list[PrivateIp],
    cloud: list[PrivateIp],
    leased: Sequence[str],
    expected: list[CloudRepair],
) -> None:
    assert cloud_drift(books=books, cloud=cloud, leased={*leased}) == expected


# The kernel


@pytest.mark.parametrize(
    ("leases", "links", "busy", "expected"),
    [
        ([], [], (), []),
        ([lease("oci1", FOUR)], [link("oci1", FOUR)], (), []),
        # DEL removes a leased link without a pod (the pod has just ended).
        ([lease("oci1", FOUR)], [link("oci1")], (), []),
        ([lease("oci1", FOUR)], [], (), [EndLease(lease("oci1", FOUR))]),
        ([lease("oci1", FOUR)], [], ("oci1",), []),
        ([], [link("oci1")], (), [ReapLink("oci1")]),
        ([], [link("oci1")], ("oci1",), []),
        ([], [link("oci1", ours=False)], (), []),
        ([], [link("oci1", FOUR, ours=False)], (), []),
        ([], [link("oci1", FOUR)], ("oci1",), []),
        # The name of a lease's link is enough; its owner does not matter.
        ([lease("oci1", FOUR)], [link("oci1", ours=False)], (), []),
        # Another pod has that address too: it is unknown which of them owns it.
        ([lease("oci1", FOUR)], [link("oci1", FOUR), link("oci2", FOUR)], (), []),
        ([], [link("oci2"), link("oci1")], (), [ReapLink("oci1"), ReapLink("oci2")]),
        # The kernel is no witness of a lease without wiring.
        ([unwired(FOUR, SIX)], [], (), []),
        ([unwired(FOUR)], [link("oci1")], (), [ReapLink("oci1")]),
        ([unwired(FOUR)], [link("oci1", FOUR)], (), []),
    ],
)
def test_kernel_drift_is_ended_or_reaped(
    leases: list[Lease],
    links: list[PodLink],
    busy: Sequence[str],
    expected: list[EndLease | ReapLink],
) -> None:
    by_name = {found.host_ifname: found for found in links}
    repairs = kernel_drift(
        leases=leases, links=by_name, busy={*busy}, first=Family.IPV4
    )
    assert repairs == expected


def test_link_of_a_pod_outlives_the_older_lease_of_its_address() -> None:
    """The new lease is restored before the old one ends: no pod gets the address."""
    old, pod = lease("oci1", FOUR), link("oci2", FOUR)
    repairs = kernel_drift(
        leases=[old], links={"oci2": pod}, busy=set(), first=Family.IPV4
    )
    assert [type(r) for r in repairs] == [RestoreLease, EndLease]
    assert repairs[1] == EndLease(old)


@pytest.mark.parametrize(
    ("addresses", "first", "expected"),
    [
        ((FOUR,), Family.IPV4, (FOUR,)),
        ((FOUR,), Family.IPV6, (FOUR,)),
        ((SIX,), Family.IPV4, (SIX,)),
        ((FOUR, SIX), Family.IPV4, (FOUR, SIX)),
        ((FOUR, SIX), Family.IPV6, (SIX, FOUR)),
        ((SIX, FOUR), Family.IPV4, (FOUR, SIX)),
        # Of several addresses in a family, the first one of the link.
        ((FOUR, "10.0.0.2", SIX, "fd00::2"), Family.IPV4, (FOUR, SIX)),
    ],
)
def test_restored_lease_has_an_address_of_each_family(
    addresses: tuple[str, ...], first: Family, expected: tuple[str, ...]
) -> None:
    found = replace(link("oci1", *addresses), key=KEY, pod=POD, express=True)
    (repair,) = kernel_drift(leases=[], links={"oci1": found}, busy=set(), first=first)
    assert isinstance(repair, RestoreLease)
    restored = repair.lease
    assert restored.addresses == expected
    assert (restored.key, restored.pod) == (KEY, POD)
    assert restored.wiring == HostLink(ifname="oci1", netns_cookie=UNKNOWN_COOKIE)
    assert restored.express


def test_link_without_an_alias_gets_a_key_of_its_own() -> None:
    (repair,) = kernel_drift(
        leases=[], links={"oci1": link("oci1", FOUR)}, busy=set(), first=Family.IPV4
    )
    assert isinstance(repair, RestoreLease)
    assert repair.lease.key == SandboxKey.of_link("oci1")
    assert not repair.lease.express  # nothing says whether its pod may
    assert repair.lease.pod == PodRef()


# CNI GC

ETH0, NET1 = SandboxKey("vcnd", "abc", "eth0"), SandboxKey("vcnd", "abc", "net1")
ELSEWHERE = SandboxKey("other", "abc", "eth0")


@pytest.mark.parametrize(
    ("valid", "ended"),
    [
        ((), [ETH0, NET1]),
        ((("abc", "eth0"),), [NET1]),
        ((("abc", "net1"),), [ETH0]),
        ((("abc", "eth0"), ("abc", "net1")), []),
        ((("eth0", "abc"), ("xyz", "eth0")), [ETH0, NET1]),
    ],
)
def test_unlisted_attachments_of_the_network_end(
    valid: Sequence[tuple[str, str]], ended: list[SandboxKey]
) -> None:
    held = [lease(str(n), FOUR, k) for n, k in enumerate((ETH0, ELSEWHERE, NET1))]
    repairs = listed_drift(leases=held, network="vcnd", valid={*valid})
    assert [r.lease.key for r in repairs] == ended
    assert {r.gone for r in repairs} <= {Gone.UNLISTED}


# The kubelet's pods


@pytest.mark.parametrize(
    ("uids", "kept", "bound", "lost"),
    [
        ("ab", {"a", "b"}, (), ""),
        ("ab", {"a", "b", "c"}, (), ""),
        ("ab", {"a"}, (), "b"),
        ("abc", {"b"}, (), "ac"),
        # Kubernetes has bound it here: the kubelet may be about to keep it.
        ("ab", {"a"}, ("b",), ""),
        # Nobody can tell: no kubelet, or none that keeps any of our pods.
        ("ab", None, (), ""),
        ("ab", set(), (), ""),
        ("ab", {"c"}, (), ""),
        # A sandbox outside of Kubernetes has no pod.
        ("a.", {"a"}, (), ""),
        ("", {"a"}, (), ""),
    ],
)
def test_lease_of_a_pod_that_the_kubelet_does_not_keep_is_lost(
    uids: str, kept: set[str] | None, bound: Sequence[str], lost: str
) -> None:
    leases = [
        replace(lease(f"oci{n}", FOUR), pod=PodRef(name=uid, uid=uid.strip(".")))
        for n, uid in enumerate(uids)
    ]
    found = lost_sandboxes(
        leases=leases, kept=kept, is_bound=lambda pod: pod.uid in bound
    )
    assert "".join(x.pod.uid for x in found) == lost


# NSGs

OWN = PodClass(OWN_CLASS, ("a", "b"), ("red", "blue"))
SHOP = PodClass(ClassName("shop"), ("a",), ())


@pytest.mark.parametrize(
    ("pod_class", "subnet_id", "nsgs", "expected"),
    [
        ("", "a", ("red", "blue"), None),
        ("", "a", ("blue", "red"), None),
        ("", "a", (), ("red", "blue")),
        ("", "b", ("red",), ("red", "blue")),
        ("", "a", ("red", "blue", "green"), ("red", "blue")),
        ("shop", "a", ("red",), ()),
        ("shop", "a", (), None),
        # A subnet that the class lacks, and a class that no pod requests.
        ("shop", "b", ("red",), None),
        ("gone", "a", ("red",), None),
    ],
)
def test_vnics_get_the_nsgs_of_their_class(
    pod_class: str,
    subnet_id: str,
    nsgs: tuple[str, ...],
    expected: tuple[str, ...] | None,
) -> None:
    vnic = Vnic(
        id=VnicId("v"),
        mac="02:00:00:00:00:01",
        address="10.0.0.9",
        subnet_id=SubnetId(subnet_id),
        subnet_cidr="10.0.0.0/24",
        virtual_router="10.0.0.254",
        pod_class=ClassName(pod_class),
    )
    view = CloudView(
        primary=replace(vnic, id=VnicId("primary")),
        pod_vnics=(vnic,),
        nsgs={vnic.id: nsgs},
        private_ips=(),
        unlisted={},
        attached=(),
        attaching=0,
        vnic_limit=2,
    )
    repairs = nsg_drift(view, {c.name: c for c in (OWN, SHOP)})
    assert repairs == ([] if expected is None else [SetNsgs(vnic.id, expected)])
