"""The express lane: packets of established connections that pass netfilter by."""

import msgspec

from vcnd.model.cause import Fault


class ExpressState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the express lane at one moment."""

    on: bool
    """True if the kernel has its programs and they may forward packets."""
    why: Fault | None = None
    """Why it is off; None while it is on."""
    pods: int = 0
    """How many plugged pods use it."""
    flows: int = 0
    """How many directions of connections are in it; some may have ended."""
    express_packets: int = 0
    """Packets that it has forwarded since it was loaded."""
    ordinary_packets: int = 0
    """Packets of its pods that went the ordinary way since then."""
