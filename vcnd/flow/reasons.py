"""Texts for people about problems, made from values.

CNI's error details, ``vcndctl status``, Events and the NativePodNetwork's status have
these texts.  No code compares them: keys are places and causes.
"""

from typing import assert_never

from vcnd.core.problems import Problem
from vcnd.flow.broken import BrokenPod
from vcnd.flow.pool import Pool
from vcnd.flow.shortage import find_shortage
from vcnd.model.cause import Cause
from vcnd.model.errors import CloudFullError, VcndError
from vcnd.model.family import Family
from vcnd.model.ids import OWN_CLASS, VnicId
from vcnd.model.place import Place, PlaceKind
from vcnd.model.request import Grant
from vcnd.model.vnic import Vnic

# Why there is no address


def why_empty(pool: Pool, grant: Grant | None = None) -> str:
    """Return why no address is free, for a grant or for any pod."""
    shortage = find_shortage(pool, grant)
    if shortage.cause is Cause.RELEASED:
        return "the node was released (vcndctl release); restart vcnd to use it again"
    if shortage.holder is not None and grant is not None:
        return f"fixed address {grant.fixed} is with pod {shortage.holder.pod} here"
    if shortage.problem is not None:
        why = of_problem(shortage.problem)
    elif shortage.cause is Cause.LIMIT_REACHED and grant is not None:
        return why_no_slot(pool, grant)
    elif shortage.cause is Cause.MAXIMUM_REACHED:
        why = f"the node holds its maximum of {pool.policy.maximum}"
    elif pool.conditions.observed:
        why = "addresses are on their way"
    else:
        why = "the cloud has not been reached yet"
    counts = pool.counts(shortage.family)
    # No target: each refused call of a flood would visit all others that wait.
    held = f"{counts.leased} leased, {counts.cooling} cooling"
    if len(pool.demand.network.families) > 1:
        held = f"{shortage.family}: {held}"
    return f"{why} ({held})"


def why_no_slot(pool: Pool, grant: Grant) -> str:
    """Return why the node takes no VNIC of a pod's class."""
    wanted = grant.pod_class
    return (
        f"the shape takes {pool.vnics.limit} VNICs and pods use all of them; pods of"
        f" subnet {', '.join(wanted.subnet_ids)} and NSGs"
        f" {', '.join(wanted.nsg_ids) or 'none'} need one of their own, which comes"
        " when another has no pods; or let them run on nodes with more VNICs"
    )


# Problems


def of_problem(problem: Problem) -> str:
    """Return a problem in one line: the place, the cause code and the text."""
    return f"{problem.place}: {problem.cause}: {problem.reason}"


def why_refused(
    pool: Pool, where: VnicId, place: Place, cause: Cause, error: VcndError
) -> str:
    """Return why a change of the cloud was refused, with its subject.

    Args:
        pool: the node's pool.
        where: the VNIC, or the instance, that was to be changed.
        place: the place that the change was for.
        cause: the cause, which may be more precise than OCI's.
        error: the refusal.
    """
    demand, slot = pool.demand, pool.vnics.slots.get(where)
    name, own = place.pod_class or OWN_CLASS, demand.network.own_class
    pod_class = demand.classes().get(name, own)
    subnet, holder = ", ".join(pod_class.subnet_ids), "instance"
    if not isinstance(error, CloudFullError):
        if place.kind is not PlaceKind.ATTACH:
            return str(error)
        nsgs = ", ".join(pod_class.nsg_ids) or "none"
        return f"in subnet {subnet} with NSGs {nsgs}: {error}"
    if slot is not None:
        six = place.family is Family.IPV6
        cidr = slot.vnic.ipv6_cidr if six else slot.vnic.subnet_cidr
        subnet, holder = f"{slot.vnic.subnet_id}, {cidr}", "VNIC"
    room = f"in subnet {subnet}"
    if cause is not Cause.SUBNET_FULL:
        room += f", or on this {holder}"  # OCI does not say which of the two it is
    return (
        f"no room left {room}:"
        " give pods a larger subnet or another one, or let nodes hold fewer"
        f" addresses with [pool] batch; {error}"
    )


def why_shape_is_full(pool: Pool, count: int, family: Family, per_vnic: int) -> str:
    """Return why a number of addresses do not fit on the instance.

    Args:
        pool: the node's pool.
        count: how many addresses are missing.
        family: their family.
        per_vnic: how many a new VNIC would take.
    """
    return (
        f"{count} more {family} addresses do not fit: the shape takes"
        f" {pool.vnics.limit} VNICs, {pool.vnics.attached} are"
        f" attached, each pod VNIC with up to {per_vnic}"
    )


def why_unlinked(vnic_id: VnicId) -> str:
    """Return the text for a VNIC without a link."""
    return (
        f"VNIC {vnic_id} has no link on the node: was it detached, or its"
        " interface removed? Its addresses are not given to pods"
    )


def why_retired(vnic: Vnic) -> str:
    """Return the text for a VNIC of a subnet that new pods do not get."""
    return (
        f"VNIC {vnic.id} is in subnet {vnic.subnet_id}, which the pod network does not"
        " name any more: its pods keep their addresses and NSGs, new pods get others."
        " It is detached when it has no pods: start them anew"
    )


def why_failed(error: BaseException) -> str:
    """Return the text for an unexpected exception; a group has its first member's."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def why_broken(found: BrokenPod) -> str:
    """Return why a pod's network cannot work, and what to do."""
    match found.cause:
        case Cause.ADDRESS_GONE:
            return (
                f"{found.address} is no longer a private IP of this node in OCI;"
                " delete the pod, and it gets another one"
            )
        case Cause.VNIC_GONE:
            return (
                f"VNIC {found.vnic_id} of {found.address} is no longer attached to"
                " this instance; delete the pod, and it gets another address"
            )
        case Cause.LINK_MISSING:
            return (
                f"VNIC {found.vnic_id} of {found.address} has no link on the node:"
                " was it detached, or its interface removed? Delete the pod if"
                " the link does not come back"
            )
        case _:
            assert_never(found.cause)
