"""Names of pods' links, and the links that are ours."""

import pytest
from msgspec.structs import replace

from tests.core.test_ledger import lease as lease_of
from vcnd.linux.layout import Layout
from vcnd.linux.pod_names import (
    MOST_ALIAS_BYTES,
    alias,
    host_ifname,
    is_ours,
    macs,
    may_express,
    owner,
)
from vcnd.model.sandbox import Lease, PodRef, SandboxKey
from vcnd.netlink.listed import Link

LAYOUT = Layout()
KEY = SandboxKey("vcnd", "abc", "eth0")
POD = PodRef(namespace="shop", name="web-0", uid="1234")
NAME = host_ifname(LAYOUT, KEY)


def lease(key: SandboxKey = KEY, pod: PodRef = POD, *, express: bool = True) -> Lease:
    return replace(lease_of(key, "10.0.0.1"), pod=pod, express=express)


def test_names_are_the_same_in_every_version() -> None:
    """An earlier version may have named the links of running pods."""
    assert NAME == "oci8acc7a16089"
    assert macs(NAME) == ("0e:bb:69:6c:c9:30", "0a:63:11:14:d3:bb")
    assert host_ifname(Layout(link_prefix="pod"), KEY) == "pod8acc7a16089"


LONG = SandboxKey("n" * 200, "c" * 40, "eth0")
LONGEST = PodRef(namespace="s" * 63, name="n" * 253, uid="1234")
"""Kubernetes allows no longer names."""
TOO_LONG = SandboxKey("n" * 250, "abc", "eth0")


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (lease(), "vcnd vcnd/abc/eth0 shop/web-0/1234"),
        (lease(pod=PodRef()), "vcnd vcnd/abc/eth0"),
        (lease(pod=PodRef(namespace="shop", name="web-0")), "vcnd vcnd/abc/eth0"),
        (lease(express=False), "vcnd vcnd/abc/eth0 shop/web-0/1234 ordinary"),
        (lease(pod=PodRef(), express=False), "vcnd vcnd/abc/eth0 ordinary"),
        # The uid alone if the names are too long, then no pod; empty if the key is.
        (lease(pod=LONGEST), "vcnd vcnd/abc/eth0 //1234"),
        (lease(pod=LONGEST, express=False), "vcnd vcnd/abc/eth0 //1234 ordinary"),
        (lease(LONG), f"vcnd {'n' * 200}/{'c' * 40}/eth0"),
        (lease(TOO_LONG), ""),
        (lease(LONG, express=False), ""),
        (lease(SandboxKey("ä" * 125, "", "")), ""),
    ],
)
def test_alias_says_sandbox_and_pod(held: Lease, expected: str) -> None:
    assert alias(held) == expected
    assert len(expected.encode()) <= MOST_ALIAS_BYTES


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (NAME, alias(lease()), (KEY, POD)),
        (NAME, alias(lease(pod=PodRef())), (KEY, PodRef())),
        (NAME, alias(lease(express=False)), (KEY, POD)),
        (NAME, alias(lease(pod=LONGEST)), (KEY, PodRef(uid="1234"))),
        (NAME, alias(lease(pod=PodRef(), express=False)), (KEY, PodRef())),
        (NAME, "vcnd vcnd/abc/eth0 shop/web-0", (KEY, PodRef())),
        (NAME, "vcnd vcnd/abc/eth0 a/b/c/d", (KEY, PodRef())),
        # An alias of another link: its key gives another name.
        ("oci00000000000", alias(lease()), None),
        (NAME, "vcnd vcnd/abc/eth1", None),
        (NAME, "vcnd vcnd/abc", None),
        (NAME, "vcnd vcnd/abc/eth0/x", None),
        (NAME, "other vcnd/abc/eth0", None),
        (NAME, "vcnd", None),
        (NAME, "", None),
    ],
)
def test_owner_is_read_from_the_alias(
    name: str, text: str, expected: tuple[SandboxKey, PodRef] | None
) -> None:
    assert owner(LAYOUT, name, text) == expected


@pytest.mark.parametrize("pod", [POD, PodRef()])
@pytest.mark.parametrize("express", [True, False])
def test_alias_says_whether_the_pod_may_use_the_lane(
    pod: PodRef, *, express: bool
) -> None:
    assert may_express(alias(lease(pod=pod, express=express))) is express


OURS, THEIRS = macs(NAME)[0], "02:00:00:00:00:01"
ODD = NAME[:-1] + "*"
SHOUTED = NAME[:3] + NAME[3:].upper()


@pytest.mark.parametrize(
    ("name", "mac", "text", "expected"),
    [
        (NAME, OURS, "", True),
        (NAME, THEIRS, alias(lease()), True),
        (NAME, OURS, "somebody's", True),
        (NAME, THEIRS, "", False),
        (NAME, macs(NAME)[1], "", False),
        (NAME, THEIRS, "vcnd vcnd/abc/eth1", False),
        # Our prefix, and no digits of ours: others may choose the MAC, too.
        (ODD, macs(ODD)[0], "", False),
        (SHOUTED, macs(SHOUTED)[0], "", False),
        # A wrong name alone: its length, its prefix.
        (NAME[:-1], macs(NAME[:-1])[0], "", False),
        (NAME + "0", macs(NAME + "0")[0], "", False),
        ("eth" + NAME[3:], macs("eth" + NAME[3:])[0], "", False),
        (NAME[3:], macs(NAME[3:])[0], "", False),
    ],
)
def test_our_links_are_known_by_name_and_mac_or_alias(
    name: str, mac: str, text: str, *, expected: bool
) -> None:
    link = Link(index=4, name=name, mac=mac, alias=text, mtu=0, up=True, group=0)
    assert is_ours(LAYOUT, link) is expected
