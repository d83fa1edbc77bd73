"""Invariants (docs/invariants.md), as checks of a node and its cloud."""

from sim.world import World
from vcnd.model.vnic import PRIMARY_INDEX
from vcnd.node import Node


def check_invariants(w: World, node: Node) -> None:
    """Check I1 and I2: no address twice; every lease's address is ours in OCI."""
    leases = node.pool.ledger.leases()
    assert len({x.address for x in leases}) == len(leases)
    listed = w.secondary()
    assert {x.address for x in leases} <= listed.keys()
    known = {a for p in node.pool.ledger.private_ips() for a in p.addresses}
    assert known <= listed.keys()
    assert all(s.index != PRIMARY_INDEX for s in node.pool.vnics.pod_slots)
