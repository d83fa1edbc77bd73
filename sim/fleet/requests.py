"""What pods of a fleet request, as annotations."""

from fakeoci.world.resources import Nsg, Subnet
from fakeoci.world.world import World
from sim.fleet.events import Asks
from vcnd.core.requests import FIXED_ADDRESS, IP_FAMILIES, NSG_IDS, SUBNET_IDS


def annotations(world: World, asks: Asks) -> dict[str, str]:
    """Return the annotations of a pod that requests something."""
    found = {}
    if asks.nsg:
        found[NSG_IDS] = world.named(Nsg, asks.nsg).id
    if asks.subnet:
        found[SUBNET_IDS] = world.named(Subnet, asks.subnet).id
    if asks.fixed:
        found[FIXED_ADDRESS] = asks.fixed
    if asks.families:
        found[IP_FAMILIES] = ",".join(asks.families)
    return found
