"""Changes of kernel settings, as events report them."""

import struct

import pytest

from vcnd.linux import settings
from vcnd.linux.settings import Change
from vcnd.netlink.messages import attribute, message

NETCONF, FAMILY = 80, b"\x02\0\0\0"
INDEX, FORWARDING, RP_FILTER, PROXY_NEIGH = 1, 2, 3, 5


def event(*changed: int, index: int | None = 7, kind: int = NETCONF) -> bytes:
    """Return an event as in linux/netconf.h: family, then int32 attributes."""
    parts = [] if index is None else [attribute(INDEX, struct.pack("=i", index))]
    parts += [attribute(name, struct.pack("=i", 1)) for name in changed]
    return message(kind, 0, FAMILY + b"".join(parts))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (event(), []),
        (event(PROXY_NEIGH), []),
        (event(RP_FILTER), [Change(7, RP_FILTER)]),
        (event(FORWARDING, index=-1), [Change(-1, FORWARDING)]),
        (
            message(NETCONF, 0, FAMILY + attribute(INDEX, b"\7") + attribute(3, b"")),
            [Change(7, RP_FILTER)],  # an index that is cut
        ),
        (event(FORWARDING, RP_FILTER), [Change(7, FORWARDING), Change(7, RP_FILTER)]),
        (event(RP_FILTER, index=None), [Change(0, RP_FILTER)]),
        (event(RP_FILTER, kind=16), []),
        (
            event(PROXY_NEIGH) + event(RP_FILTER, index=3) + event(FORWARDING),
            [Change(3, RP_FILTER), Change(7, FORWARDING)],
        ),
    ],
)
def test_changes_are_read_from_events(data: bytes, expected: list[Change]) -> None:
    assert list(settings._changes(data)) == expected


@pytest.mark.parametrize(
    ("change", "forwarding", "filtered"),
    [
        (Change(-1, FORWARDING), True, set()),
        (Change(7, FORWARDING), False, set()),
        (Change(-1, RP_FILTER), False, {-1}),
        (Change(7, RP_FILTER), False, {7}),
    ],
)
def test_change_concerns_forwarding_or_a_filter(
    change: Change, *, forwarding: bool, filtered: set[int]
) -> None:
    assert change.concerns_forwarding is forwarding
    assert settings._filtered([change]) == filtered


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (settings.IPV4_FORWARD, "net.ipv4.ip_forward"),
        (settings.IPV6_FORWARD, "net.ipv6.conf.all.forwarding"),
    ],
)
def test_setting_is_named_as_sysctl_names_it(path: str, name: str) -> None:
    assert settings._name(path) == name
