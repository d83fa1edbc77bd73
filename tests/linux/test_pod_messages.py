"""A pod's filled templates hold its values, and none of another pod's."""

from functools import partial
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcnd.linux import pod_messages
from vcnd.linux.pod_messages import SETTINGS, u32
from vcnd.model.family import Family
from vcnd.model.interface import GATEWAYS, Destination
from vcnd.netlink import rtnetlink as rtnl
from vcnd.netlink import traffic_control
from vcnd.netlink.templates import Step, Template, requests

INDEXES = st.integers(1, 2**31 - 1)
MACS = st.binary(min_size=6, max_size=6).map(lambda b: b.hex(":"))
FOUR = st.integers(1, 2**32 - 1).map(lambda n: str(IPv4Address(n)))
SIX = st.integers(1, 2**128 - 1).map(lambda n: str(IPv6Address(n)))
NAMES = st.text("abcxyz0189", min_size=1, max_size=15)


DESTINATIONS = (
    *(Destination("0.0.0.0/0", 1500), Destination("10.0.0.0/8")),
    Destination("::/0"),
)


def plain(*steps: Step) -> bytes:
    return Template(requests(steps)).fill(5)


@given(INDEXES, MACS, FOUR, SIX)
def test_pod_end_is_as_built_plainly(index: int, mac: str, four: str, six: str) -> None:
    values = pod_messages.values_of([four, six])
    filled = pod_messages.pod_end((Family.IPV4, Family.IPV6), DESTINATIONS).fill(
        5, index=u32(index), mac=rtnl.mac_bytes(mac), **values
    )
    steps = [("up", rtnl.link_up(index))]
    for family, address in ((Family.IPV4, four), (Family.IPV6, six)):
        to = GATEWAYS[family]
        steps += [
            ("address", rtnl.new_address(index, address)),
            ("neighbour", rtnl.new_neighbour(index, to, mac)),
            ("gateway", rtnl.new_route(to, index=index, replace=False)),
        ]
    new_route = partial(rtnl.new_route, index=index, replace=False)
    by_four, by_six = GATEWAYS.values()
    steps += [
        ("default", new_route("", gateway=by_four, mtu=1500)),
        ("VCN", new_route("10.0.0.0/8", gateway=by_four)),
        ("default", new_route("", gateway=by_six)),
    ]
    assert filled == plain(*steps)


@given(INDEXES, st.booleans(), st.text("a/-", min_size=255, max_size=255))
def test_host_end_is_as_built_plainly(index: int, clsact: bool, alias: str) -> None:
    filled = pod_messages.host_end(clsact=clsact).fill(
        5, index=u32(index), alias=alias.encode()
    )
    # The qdisc comes before the link is up: else packets are lost.
    assert filled == plain(
        *([("qdisc", traffic_control.new_clsact(index))] if clsact else []),
        ("settings", rtnl.device_settings(index, SETTINGS, alias)),
        ("up", rtnl.link_up(index)),
    )


@given(INDEXES, MACS, FOUR, SIX)
def test_ways_to_a_pod_are_as_built_plainly(
    index: int, mac: str, four: str, six: str
) -> None:
    sources = ((Family.IPV4, "10.0.0.9"), (Family.IPV6, ""))
    filled = pod_messages.ways_to_pod(100, sources).fill(
        5,
        index=u32(index),
        mac=rtnl.mac_bytes(mac),
        **pod_messages.values_of([four, six]),
    )
    assert filled == plain(
        ("carrier", rtnl.get_link(index)),
        ("neighbour", rtnl.new_neighbour(index, four, mac)),
        ("neighbour", rtnl.new_neighbour(index, six, mac)),
        ("route", rtnl.new_route(four, index=index, source="10.0.0.9", table=100)),
        ("route", rtnl.new_route(six, index=index, table=100)),
    )


@given(FOUR)
def test_cut_is_as_built_plainly(four: str) -> None:
    name = "oci0123456789ab"
    filled = pod_messages.cut_off(100, 7, (Family.IPV4,)).fill(
        5, host=name.encode(), **pod_messages.values_of([four])
    )
    assert filled == plain(
        ("route", rtnl.delete_route(four, table=100)),
        ("reap", rtnl.link_into_group(name, 7)),
    )


@given(MACS, MACS, st.integers(68, 65535), st.integers(0, 1 << 20))
def test_veth_is_as_built_plainly(
    host_mac: str, pod_mac: str, mtu: int, netns: int
) -> None:
    host = rtnl.LinkEnd(name="oci0123456789ab", mac=host_mac, mtu=mtu)
    pod = rtnl.LinkEnd(name="a-long-name-015", mac=pod_mac, mtu=mtu)
    filled = pod_messages.veth().fill(
        5,
        host=host.name.encode(),
        pod=pod.name.encode(),
        host_mac=rtnl.mac_bytes(host_mac),
        pod_mac=rtnl.mac_bytes(pod_mac),
        mtu=u32(mtu),
        netns=u32(netns),
    )
    assert filled == plain(("create veth", rtnl.new_veth(host, pod, netns)))


@given(NAMES)
def test_short_name_is_padded(name: str) -> None:
    filled = pod_messages.veth().fill(5, host=name.encode())
    assert name.encode().ljust(16, b"\0") in filled
    with pytest.raises(ValueError, match="at most 15"):
        pod_messages.veth().fill(5, host=b"o" * 16)
