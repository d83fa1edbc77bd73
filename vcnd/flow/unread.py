"""Reports what OCI did not tell, though the node was compared with it."""

from vcnd.flow.problems import Problems
from vcnd.model.cause import Cause
from vcnd.model.family import Family
from vcnd.model.place import PREFIXES, VCN, Place, PlaceKind
from vcnd.model.vnic import CloudView


def tell_unread(problems: Problems, view: CloudView) -> None:
    """Report families that were not listed, and networks that rules need."""
    for family in Family:
        place = Place(kind=PlaceKind.AUDIT, family=family)
        if family in view.unlisted:
            problems.report(place, Cause.NOT_FOUND, view.unlisted[family])
        else:
            problems.clear(place)
    fault = view.prefix_fault
    if fault is None:
        problems.clear(PREFIXES)
    else:
        why = f"an IPv6 prefix is not known, so no rules are for it: {fault.reason}"
        problems.report(PREFIXES, fault.cause, why)
    fault = view.vcn_fault
    if fault is None:
        problems.clear(VCN)
    else:
        known = all(v.vcn_cidrs for v in view.pod_vnics)
        what = "may be out of date" if known else "are not known"
        problems.report(VCN, fault.cause, f"the VCN's CIDRs {what}: {fault.reason}")
