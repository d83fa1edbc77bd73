"""The pod network: what a NativePodNetwork asks for, and what is said of ours."""

from collections.abc import Sequence

from vcnd.model.family import Family
from vcnd.model.podnetwork import NodeReport, PodNetwork, VnicReport

SUBNET, NSG = "ocid1.subnet.", "ocid1.networksecuritygroup."
MOST_SUBNETS, MOST_NSGS, MOST_PODS = 5, 5, 256
MOST_REASON = 400
"""Characters of a reason: it is a column of ``kubectl get npn``."""


def wanted(
    *,
    instance_id: str,
    spec_id: str,
    subnet_ids: Sequence[str],
    nsg_ids: Sequence[str],
    families: Sequence[str],
    maximum: int | None,
) -> PodNetwork:
    """Return what the spec of a NativePodNetwork asks for.

    Raises:
        ValueError: it cannot be meant; says which field and why.
    """
    if spec_id != instance_id:
        raise ValueError(
            f"spec.id is {spec_id or 'empty'}, and this instance is {instance_id}"
        )
    if not 1 <= len(subnet_ids) <= MOST_SUBNETS:
        raise ValueError(f"spec.podSubnetIds wants 1 to {MOST_SUBNETS} subnets")
    if len(nsg_ids) > MOST_NSGS:
        raise ValueError(f"spec.networkSecurityGroupIds takes at most {MOST_NSGS}")
    for field, prefix, ids in (
        ("podSubnetIds", SUBNET, subnet_ids),
        ("networkSecurityGroupIds", NSG, nsg_ids),
    ):
        for ocid in ids:
            if not ocid.startswith(prefix):
                raise ValueError(f"spec.{field}: {ocid!r} is no OCID {prefix}…")
    if maximum is not None and not 1 <= maximum <= MOST_PODS:
        raise ValueError(f"spec.maxPodCount {maximum} is not in 1..{MOST_PODS}")
    unknown = [f for f in families if f not in [*Family]]
    if unknown:
        raise ValueError(f"spec.ipFamilies: {unknown[0]!r} is neither IPv4 nor IPv6")
    return PodNetwork(
        subnet_ids=tuple(subnet_ids),
        nsg_ids=tuple(nsg_ids),
        families=tuple(Family(f) for f in dict.fromkeys(families)) or (Family.IPV4,),
        maximum=maximum,
    )


def network_name(instance_id: str) -> str:
    """Return the name of an instance's NativePodNetwork: its OCID's last part."""
    return instance_id.rpartition(".")[2]


def report(
    *,
    observed: bool,
    vnics: Sequence[VnicReport],
    usable: int,
    trouble: str | None,
) -> NodeReport:
    """Return how the node's pod network stands.

    Args:
        observed: whether the cloud has been asked since the daemon started.
        vnics: the pod VNICs.
        usable: addresses that pods have or could have at once.
        trouble: why something cannot be had just now.
    """
    if usable:
        # A node that serves is a success, even while a wish of its pool is refused:
        # OKE's tools take anything else for a node that is not there yet.
        reason = "COMPLETED" if trouble is None else f"COMPLETED; {trouble}"
        state = "SUCCESS"
    elif trouble is not None:
        state, reason = "BACKOFF", trouble
    elif observed:
        state, reason = "IN_PROGRESS", "IN_PROGRESS"
    else:
        state, reason = "IN_PROGRESS", "the cloud has not been reached yet"
    return NodeReport(state=state, reason=reason[:MOST_REASON], vnics=tuple(vnics))
