"""The cloud of a fleet."""

from collections.abc import Callable
from typing import Any

import trio

from fakeoci.api.service import Service
from fakeoci.world import worldfile
from sim.cloud import EPOCH
from sim.fleet.traits import Traits
from vcnd.model.family import Family

TEXT = """
[world]
seed = {seed}
[timing]
attach_seconds = 10.0
detach_seconds = 5.0
bulk_seconds = 1.0
imds_seconds = {imds_seconds}
consistency_seconds = {consistency_seconds}
latency_seconds = {latency_seconds}
latency_sigma = {latency_sigma}
latencies = {{ IMDS = 0.005 }}
[limits]
private_ips_per_vnic = {private_ips_per_vnic}
calls_per_second = 20.0
burst = 40
[behaviour]
has_bulk = {has_bulk}
bulk_is_atomic = {bulk_is_atomic}
[[vcns]]
name = "main"
cidrs = ["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"]
ipv6 = {has_ipv6}
[[vcns.nsgs]]
name = "pods"
[[vcns.nsgs]]
name = "web"
[[vcns.subnets]]
name = "nodes"
cidrs = ["10.0.0.0/20"]
[[vcns.subnets]]
name = "pods"
cidrs = ["10.1.0.0/{subnet_prefix}"]
ipv6 = {has_ipv6}
[[vcns.subnets]]
name = "more"
cidrs = ["10.2.0.0/16"]
ipv6 = {has_ipv6}
[[instances]]
name = "node"
count = {count}
subnet = "nodes"
ocpus = {ocpus}
"""


class FleetService(Service):
    """A region's endpoint that tells its requests and keeps no log of them."""

    hearer: Callable[[dict[str, Any]], None] = staticmethod(lambda _fields: None)

    def record(self, **fields: Any) -> None:
        """Tell a request."""
        self.hearer(fields)


def cloud(traits: Traits, instances: int, seed: int) -> FleetService:
    """Return a new cloud; the caller's run must have a virtual clock."""
    text = TEXT.format(
        seed=seed,
        count=instances,
        imds_seconds=traits.imds_seconds,
        consistency_seconds=traits.consistency_seconds,
        latency_seconds=traits.latency_seconds,
        latency_sigma=traits.latency_sigma,
        private_ips_per_vnic=traits.private_ips_per_vnic,
        has_bulk=str(traits.has_bulk).lower(),
        bulk_is_atomic=str(traits.bulk_is_atomic).lower(),
        has_ipv6=str(Family.IPV6 in traits.families).lower(),
        subnet_prefix=traits.subnet_prefix,
        ocpus=traits.ocpus,
    )
    return FleetService(worldfile.parse(text), lambda: EPOCH + trio.current_time())
