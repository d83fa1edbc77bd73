"""How the kernel is asked for a route, and its answer."""

import socket

import pytest

from vcnd.netlink import route_lookup as rl
from vcnd.netlink import rtnetlink as rtnl
from vcnd.netlink.listed import ROUTE_HEAD
from vcnd.netlink.messages import NetlinkError, attribute, attributes, u32


@pytest.mark.parametrize(
    ("source", "destination", "family", "bits"),
    [
        ("10.1.0.5", "8.8.8.8", socket.AF_INET, 32),
        ("fd00::5", "2001:db8::1", socket.AF_INET6, 128),
    ],
)
def test_request_names_source_link_and_mark(
    source: str, destination: str, family: int, bits: int
) -> None:
    kind, _, body = rl.lookup(destination, source=source, arrived_by=7, mark=2)
    head = ROUTE_HEAD.unpack_from(body)
    assert (kind, head[:3]) == (rtnl.RTM_GETROUTE, (family, bits, bits))
    assert head[-1] == rl.LOOKUP_TABLE | rl.FIB_MATCH
    assert attributes(body[ROUTE_HEAD.size :]) == {
        rtnl.RTA_DST: rtnl.ip_bytes(destination),
        rl.RTA_SRC: rtnl.ip_bytes(source),
        rl.RTA_IIF: (7).to_bytes(4, "little"),
        rl.RTA_MARK: (2).to_bytes(4, "little"),
    }


def test_packet_of_the_node_has_neither_source_nor_link() -> None:
    _, _, body = rl.lookup("8.8.8.8", source="", arrived_by=0, mark=0)
    assert attributes(body[ROUTE_HEAD.size :]) == {rtnl.RTA_DST: b"\x08\x08\x08\x08"}


def test_answer_names_table_route_and_link() -> None:
    head = ROUTE_HEAD.pack(socket.AF_INET, 24, 0, 0, 254, 4, 0, 1, 0)
    body = head + attribute(rtnl.RTA_DST, b"\x0a\x01\x00\x00")
    body += u32(rtnl.RTA_OIF, 3) + u32(rtnl.RTA_TABLE, 1102)
    body += attribute(rtnl.RTA_GATEWAY, b"\x0a\x01\x00\x01")
    assert rl.read_lookup(body) == rl.Lookup(
        table=1102,
        destination="10.1.0.0/24",
        gateway="10.1.0.1",
        link_index=3,
        kind=1,
    )
    default = rl.read_lookup(ROUTE_HEAD.pack(2, 0, 0, 0, 102, 4, 0, rl.BLACKHOLE, 0))
    assert (default.destination, default.kind) == ("default", rl.BLACKHOLE)


def test_answer_that_is_cut_is_refused() -> None:
    with pytest.raises(NetlinkError):
        rl.read_lookup(b"\x02\x00")
