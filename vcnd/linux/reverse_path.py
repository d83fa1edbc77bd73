"""The reverse path filters of VNICs' links, which the image sets up.

A pod VNIC's is off: the rule set checks its packets, for less.  Where the image's
``all`` switches every link's filter on, the pod VNIC's is loose: answers to pods come
in there, and the route to their source is another's.

The primary VNIC's is loose where the image made it strict.  An answer from a pod of
another node to a connection that came in by a pod VNIC arrives by the primary VNIC.
Its mark leads the filter's look-up to the pod VNIC's link, so a strict filter drops
it.  A loose filter passes it.  A filter that is off stays off.
"""

import socket
from pathlib import Path

from vcnd.linux.kernel import set_device
from vcnd.netlink import rtnetlink

OFF, STRICT, LOOSE = 0, 1, 2
CONF = Path("/proc/sys/net/ipv4/conf")


def for_pod_vnics() -> int:
    """Return the filter that pod VNICs' links need."""
    # The greater of the two counts.
    return OFF if _value("all") == OFF else LOOSE


def loosen(link: str) -> bool:
    """Make a strict filter loose; return True if it was strict."""
    # The greater of the two counts.
    if max(_value("all"), _value(link)) != STRICT:
        return False
    _set(link, LOOSE)
    return True


def put_back(link: str) -> None:
    """Make a link's filter strict again where the image's are; a link may be gone."""
    try:
        loose = _value(link) == LOOSE
    except FileNotFoundError:
        return
    if loose and _value("default") == STRICT:
        _set(link, STRICT)


def _value(name: str) -> int:
    return int((CONF / name / "rp_filter").read_text())


def _set(link: str, value: int) -> None:
    set_device(socket.if_nametoindex(link), {rtnetlink.DEVCONF_RP_FILTER: value})
