"""The status of the node's pod network, from what is held and what failed."""

from collections.abc import Sequence

from vcnd.model.podnetwork import PodNetwork
from vcnd.model.report import NodeReport, VnicReport

MOST_REASON = 400
"""Characters of a reason: it is a column of ``kubectl get npn``."""


def report(
    *,
    observed: bool,
    vnics: Sequence[VnicReport],
    usable: int,
    problem: str | None,
    network: PodNetwork,
) -> NodeReport:
    """Return how the node's pod network stands.

    Args:
        observed: whether the cloud has been asked since the daemon started.
        vnics: the pod VNICs.
        usable: addresses that pods have or could have at once.
        problem: why something cannot be had just now.
        network: what pods here shall be given.
    """
    if usable:
        # A node that serves is a success, even while a wish of its pool is refused:
        # OKE's tools take anything else for a node that is not there yet.
        reason = "COMPLETED" if problem is None else f"COMPLETED; {problem}"
        state = "SUCCESS"
    elif problem is not None:
        state, reason = "BACKOFF", problem
    elif observed:
        state, reason = "IN_PROGRESS", "IN_PROGRESS"
    else:
        state, reason = "IN_PROGRESS", "the cloud has not been reached yet"
    return NodeReport(
        state=state,
        reason=reason[:MOST_REASON],
        vnics=tuple(vnics),
        resources=network.resources,
        only_resources=bool(network.resources) and not network.subnet_ids,
    )
