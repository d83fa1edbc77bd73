"""The node's pool: its configuration, and what the cloud has of it."""

from collections.abc import Callable

import trio

from integration.checking import CheckError
from integration.crash import observed
from integration.crash.runtime import COOLING_SECONDS
from integration.lab.lab import Lab

BATCH = 4
POOL = {
    "batch": BATCH,
    "cooling_seconds": COOLING_SECONDS,
    "audit_seconds": 3600.0,
    "shrink_after_seconds": 0.2,
}
OBJECTS_PER_VNIC = 1
"""So a VNIC is full soon."""
OCI = {"addresses_per_vnic": OBJECTS_PER_VNIC}
"""The daemon knows it, as it knows OCI's number.  What it learns of a limit it forgets
when it is killed, and learns anew, by single addresses."""
POOL_SECONDS = 30.0
"""By then the pool has grown, or shrunk."""
POLL_SECONDS = 0.03


async def until_holds(lab: Lab, right: Callable[[list[int]], bool]) -> None:
    """Return when the cloud has the right numbers of addresses on the node's VNICs.

    Raises:
        CheckError: that takes too long.
    """
    held: list[int] = []
    with trio.move_on_after(POOL_SECONDS):
        while True:
            listed = observed.listed(await lab.cloud.world(), lab.nodes[0].name)
            held = sorted(map(len, listed.values()))
            if right(held):
                return
            await trio.sleep(POLL_SECONDS)
    raise CheckError(f"the VNICs have {held} addresses after {POOL_SECONDS:.0f} s")
