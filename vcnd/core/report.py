"""The status of the node's pod network, from its addresses and problems."""

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
    on_demand: bool = False,
    problem: str | None,
    network: PodNetwork,
) -> NodeReport:
    """Return the status of the node's pod network.

    Args:
        observed: True if the cloud has answered since the daemon's start.
        vnics: the pod VNICs.
        usable: the number of addresses that pods have or could get at once.
        on_demand: True if the node is to hold none, and can create one for a pod.
        problem: why addresses are missing, if they are.
        network: the pod network.
    """
    if usable:
        # A node that serves has SUCCESS, even while further addresses are refused:
        # OKE's tools take another state for a node that is not ready yet.
        reason = "COMPLETED" if problem is None else f"COMPLETED; {problem}"
        state = "SUCCESS"
    elif problem is not None:
        state, reason = "BACKOFF", problem
    elif observed and on_demand:
        state, reason = "SUCCESS", "COMPLETED; addresses are created for each pod"
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
