"""Which destinations are outside the VCN, and the rules for packets to them."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcnd.linux.layout import Layout
from vcnd.linux.outside import inside
from vcnd.linux.ruleset import render
from vcnd.linux.vnic_link import VnicLink

PRIMARY = VnicLink(index=1, ifname="ens3", link_index=2)
LAYOUT = Layout(snat=True, snat_exempt=("172.16.0.0/12",))


def pod_vnic(index: int, *vcn_cidrs: str) -> VnicLink:
    return VnicLink(
        index=index,
        ifname=f"ens{index}",
        link_index=index + 1,
        networks=(f"10.{index}.0.0/20",),
        vcn_cidrs=vcn_cidrs,
    )


def test_the_vcns_and_exempt_networks_are_inside() -> None:
    two = pod_vnic(2, "10.0.0.0/15", "fd00::/56")
    vnics = [PRIMARY, two, pod_vnic(3, "10.3.0.0/16")]
    assert inside(LAYOUT, vnics) == [
        "10.0.0.0/15",
        "10.2.0.0/20",
        "10.3.0.0/16",
        "10.3.0.0/20",
        "172.16.0.0/12",
    ]


@pytest.mark.parametrize(
    ("layout", "vnics"),
    [
        (Layout(), [PRIMARY, pod_vnic(2, "10.0.0.0/8")]),
        (LAYOUT, [PRIMARY, pod_vnic(2, "10.0.0.0/8"), pod_vnic(3)]),
        (LAYOUT, [pod_vnic(2, "10.0.0.0/8")]),
        (LAYOUT, [PRIMARY]),
    ],
    ids=["switched off", "a VCN is unknown", "no primary VNIC", "no pod VNIC"],
)
def test_nothing_is_masqueraded(layout: Layout, vnics: list[VnicLink]) -> None:
    text = render(layout, vnics, [], marker="m")
    assert "fully-random" not in text
    assert "confirmed" not in text


def test_outside_is_decided_behind_the_source_check_and_the_guard() -> None:
    vnics = [PRIMARY, pod_vnic(2, "10.0.0.0/8")]
    lines = [x.strip() for x in render(LAYOUT, vnics, [], marker="m").splitlines()]
    decides = next(n for n, x in enumerate(lines) if x.endswith("jump outside"))
    assert lines.index("jump check_source") < decides
    assert next(n for n, x in enumerate(lines) if x.endswith("goto guard")) < decides
    assert lines[decides + 1] == "ct mark & 0xff == 0x1 jump via1"
    (translates,) = [x for x in lines if "fully-random" in x]
    assert "ct mark & 0xff == 0x1" in translates
    assert "meta nfproto ipv4" in translates


@given(
    st.lists(st.ip_addresses(v=4), min_size=1, max_size=5),
    st.integers(min_value=16, max_value=30),
    st.ip_addresses(v=4),
)
def test_an_address_is_inside_if_a_network_has_it(
    firsts: list[object], length: int, address: object
) -> None:
    cidrs = [str(ip_network(f"{first}/{length}", strict=False)) for first in firsts]
    found = inside(Layout(snat=True), [PRIMARY, pod_vnic(2, *cidrs)])
    networks = [*cidrs, "10.2.0.0/20"]
    held = any(ip_address(str(address)) in ip_network(n) for n in networks)
    assert any(ip_address(str(address)) in ip_network(n) for n in found) is held
