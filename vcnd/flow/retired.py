"""Tells which VNICs of the node's own class are retired, as long as they have pods.

They are in subnets that the pod network does not name any more.  Nothing else makes
them go: the pods there may live for ever.
"""

from vcnd.core.classes import is_retired
from vcnd.flow.pool import Pool
from vcnd.flow.reasons import why_retired
from vcnd.model.cause import Cause
from vcnd.model.place import Place, PlaceKind


def tell_retired(pool: Pool) -> None:
    """Report each retired VNIC that has pods; clear the others' problems."""
    leased = pool.ledger.vnics_leased()
    now = {
        Place(kind=PlaceKind.OLD_SUBNET, vnic_id=s.vnic.id): s.vnic
        for s in pool.vnics.pod_slots
        if is_retired(s.vnic.pod_class) and s.vnic.id in leased
    }
    for place, vnic in now.items():
        pool.problems.report(place, Cause.RETIRED, why_retired(vnic))
    pool.problems.clear_where(
        lambda place: place.kind is PlaceKind.OLD_SUBNET and place not in now
    )
