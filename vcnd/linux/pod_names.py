"""The names of a pod's link: its name, its MACs, its alias.  Pure.

A link is ours when its MAC is the one that its name gives, or its alias says whose it
is and gives the same name.  A name that begins with our prefix is not enough: others
use such names too.
"""

import hashlib
from functools import lru_cache

from vcnd.linux.layout import Layout
from vcnd.model.sandbox import Lease, PodRef, SandboxKey
from vcnd.netlink.listed import Link

ALIAS_PREFIX = "vcnd"
ORDINARY = "ordinary"
"""The last word of the alias of a link whose packets stay out of the express lane."""
MOST_ALIAS_BYTES = 255
HASH_DIGITS = 11
DIGITS = frozenset("0123456789abcdef")


@lru_cache(maxsize=512)  # asked for several times in each call
def host_ifname(layout: Layout, key: SandboxKey) -> str:
    """Return the host's end for a sandbox: the prefix and 11 hex digits."""
    whole = f"{key.network}/{key.container_id}/{key.ifname}"
    digest = hashlib.sha256(whole.encode()).hexdigest()
    return layout.link_prefix + digest[:HASH_DIGITS]


def macs(ifname: str) -> tuple[str, str]:
    """Return the host's and the pod's MAC: local, unicast, fixed for a name."""
    digest = hashlib.sha256(b"mac " + ifname.encode()).digest()
    return bytes([0x0E, *digest[:5]]).hex(":"), bytes([0x0A, *digest[5:10]]).hex(":")


def alias(lease: Lease) -> str:
    """Return the alias that says whose a link is; empty where the kernel takes none.

    It has the uid alone where the pod's names are too long.  Without an alias the link
    is still found by its name, which is made of the same.
    """
    key, pod = lease.key, lease.pod
    sandbox = f"{ALIAS_PREFIX} {key.network}/{key.container_id}/{key.ifname}"
    last = "" if lease.express else f" {ORDINARY}"
    whole = f" {pod.namespace}/{pod.name}/{pod.uid}" if pod.uid else ""
    uid_alone = f" //{pod.uid}" if pod.uid else ""
    for whose in (whole, uid_alone, ""):
        text = sandbox + whose + last
        if len(text.encode()) <= MOST_ALIAS_BYTES:
            return text
    return ""


def owner(layout: Layout, name: str, text: str) -> tuple[SandboxKey, PodRef] | None:
    """Return the owner that a link's alias names; None if it names none."""
    match text.split(" "):
        case [prefix, sandbox, *rest] if prefix == ALIAS_PREFIX:
            parts = sandbox.split("/")
        case _:
            return None
    if len(parts) != 3:  # noqa: PLR2004
        return None
    key = SandboxKey(*parts)
    if host_ifname(layout, key) != name:
        return None
    names = rest[0].split("/") if rest else []
    if len(names) != 3:  # noqa: PLR2004
        return key, PodRef()
    return key, PodRef(namespace=names[0], name=names[1], uid=names[2])


def may_express(text: str) -> bool:
    """Return True if a link's alias says nothing against the express lane."""
    return not text.endswith(f" {ORDINARY}")


def is_ours(layout: Layout, link: Link) -> bool:
    """Return True if vcnd made the link."""
    name, prefix = link.name, layout.link_prefix
    digits = name.removeprefix(prefix)
    # The name goes into rules, so it has no other characters.
    if name == digits or len(digits) != HASH_DIGITS or not DIGITS.issuperset(digits):
        return False
    return link.mac == macs(name)[0] or owner(layout, name, link.alias) is not None
