"""The reverse path filter of the primary VNIC's link, which is the image's own link.

An answer from a pod elsewhere to a connection that came in by a pod VNIC arrives here
and leaves there: its mark leads the filter's look-up to the other link, and a strict
filter drops it.  Loose is enough, and none is left as it is.
"""

import socket
from pathlib import Path

from vcnd.linux.vnics import set_device
from vcnd.netlink import rtnetlink

STRICT, LOOSE = 1, 2
CONF = Path("/proc/sys/net/ipv4/conf")


def loosen(link: str) -> bool:
    """Make a strict filter loose; return True if it was strict."""
    # The greater of the two counts.
    if max(_value("all"), _value(link)) != STRICT:
        return False
    _set(link, LOOSE)
    return True


def put_back(link: str) -> None:
    """Make a link's filter strict again where the image's are."""
    if _value(link) == LOOSE and _value("default") == STRICT:
        _set(link, STRICT)


def _value(name: str) -> int:
    return int((CONF / name / "rp_filter").read_text())


def _set(link: str, value: int) -> None:
    set_device(socket.if_nametoindex(link), {rtnetlink.DEVCONF_RP_FILTER: value})
