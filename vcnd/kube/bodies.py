"""What we write into Kubernetes, as bodies of requests."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from vcnd.core.podnetwork import network_name
from vcnd.core.requests import RESOURCE_PREFIX
from vcnd.kube import events
from vcnd.kube.events import timestamp
from vcnd.kube.wire import NetworkSpec, Node, Taint
from vcnd.model.family import Family, family_of
from vcnd.model.podnetwork import ApplicationResource, PodNetwork
from vcnd.model.report import ClusterEvent, NodeReport, VnicReport

COMPONENT = "vcnd"
GROUP_VERSION = "oci.oraclecloud.com/v1beta1"
NETWORKS = f"/apis/{GROUP_VERSION}/nativepodnetworks"
MANAGED_BY = "app.kubernetes.io/managed-by"
CONDITION = "NetworkUnavailable"
ONLY_RESOURCES = "oci.oraclecloud.com/application-resource-only"
"""OKE's taint of nodes all of whose profiles are for application resources."""
DEFAULT_MAXIMUM = 110
PODS = "pods"
"""The capacity that kubelet's maxPods becomes."""


def network(instance_id: str, wanted: PodNetwork, node: Node) -> dict[str, Any]:
    """Return a NativePodNetwork of ours; it goes with its Node."""
    meta = node.metadata
    owner = {"apiVersion": "v1", "kind": "Node", "name": meta.name, "uid": meta.uid}
    return {
        "apiVersion": GROUP_VERSION,
        "kind": "NativePodNetwork",
        "metadata": {
            "name": network_name(instance_id),
            "labels": {MANAGED_BY: COMPONENT},
            "ownerReferences": [owner],
        },
        "spec": network_spec(instance_id, wanted),
    }


def network_spec(instance_id: str, wanted: PodNetwork) -> dict[str, Any]:
    """Return the spec of a NativePodNetwork."""
    return {
        "id": instance_id,
        "maxPodCount": wanted.maximum or DEFAULT_MAXIMUM,
        "podSubnetIds": list(wanted.subnet_ids),
        "networkSecurityGroupIds": list(wanted.nsg_ids),
        "ipFamilies": list(wanted.families),
    }


def matches(spec: NetworkSpec, wanted: Mapping[str, Any]) -> bool:
    """Return True if a spec of ours says what we want; the maximum may be anybody's."""
    there = {
        "podSubnetIds": spec.pod_subnet_ids,
        "networkSecurityGroupIds": spec.network_security_group_ids,
        "ipFamilies": spec.ip_families or ["IPv4"],
    }
    return there.items() <= wanted.items()


def network_status(report: NodeReport) -> dict[str, Any]:
    """Return the status of a NativePodNetwork, in both of OKE's spellings."""
    return {
        "state": report.state,
        "reason": report.reason,
        "vnics": [_vnic(v) for v in report.vnics],
    }


def _vnic(report: VnicReport) -> dict[str, Any]:
    vnic = report.vnic
    four, six = (
        [a for a in report.addresses if family_of(a) is family] for family in Family
    )
    return {
        "vnicId": vnic.id,
        "macAddress": vnic.mac,
        "subnetCidr": vnic.subnet_cidr,
        "routerIp": vnic.virtual_router,
        "hostAddress": vnic.address,
        "addresses": four,
        "subnetCidrs": [_pair(vnic.subnet_cidr, vnic.ipv6_cidr)],
        "routerIps": [_pair(vnic.virtual_router, vnic.ipv6_router)],
        "hostAddresses": [_pair(vnic.address, vnic.ipv6)],
        "podAddresses": [_pair(*pair) for pair in zip_longest(four, six)],
    }


def _pair(four: str | None, six: str | None) -> dict[str, str]:
    """Return an address of each family, as OKE has them side by side."""
    return {k: v for k, v in (("v4", four), ("v6", six)) if v}


def event(
    notice: ClusterEvent, *, node_name: str, node_uid: str, unique: str, now: float
) -> tuple[str, dict[str, Any]]:
    """Return where an Event is posted, and the Event."""
    pod = notice.pod
    about = events.About(
        api_version="v1",
        kind="Pod" if pod else "Node",
        namespace=pod.namespace if pod else "",
        name=pod.name if pod else node_name,
        uid=pod.uid if pod else node_uid,
    )
    return events.event(
        about,
        component=COMPONENT,
        node=node_name,
        unique=unique,
        reason=notice.reason,
        message=notice.message,
        now=now,
        warning=notice.warning,
    )


def taints(
    present: Sequence[Taint], startup: str, *, only_resources: bool
) -> list[dict[str, str]] | None:
    """Return a node's taints as they should be; None where they are.

    Without the start-up taint; with the one that keeps pods away which ask for no
    application resource, where there is no address for them.
    """
    kept = [t for t in present if t.key not in (startup, ONLY_RESOURCES)]
    wanted = [t for t in present if t.key == ONLY_RESOURCES]
    if only_resources:
        kept += wanted or [Taint(key=ONLY_RESOURCES, effect="NoSchedule")]
    if len(kept) == len(present) and all(t in present for t in kept):
        return None
    return [_taint(t) for t in kept]


def _taint(taint: Taint) -> dict[str, str]:
    """Return a taint as it was read: others' must not change by our write."""
    optional = {"value": taint.value, "timeAdded": taint.time_added}
    given = {name: value for name, value in optional.items() if value}
    return {"key": taint.key, "effect": taint.effect, **given}


def capacity_change(
    present: Mapping[str, str], resources: Sequence[ApplicationResource]
) -> dict[str, str | None]:
    """Return what of a node's capacity is to change; None takes a resource away."""
    wanted = {f"{RESOURCE_PREFIX}{r.name}": str(r.capacity) for r in resources}
    gone = {
        name: None
        for name, value in present.items()
        # kubelet keeps one that was taken away, at zero.
        if name.startswith(RESOURCE_PREFIX) and name not in wanted and value != "0"
    }
    news = {n: v for n, v in wanted.items() if present.get(n) != v}
    return {**gone, **news}


def network_condition(node: Node, now: float) -> dict[str, Any] | None:
    """Return the condition that says the node's network is there; None if it does."""
    for condition in node.status.conditions:
        if (condition.type, condition.status) == (CONDITION, "False"):
            return None
    return {
        "type": CONDITION,
        "status": "False",
        "reason": "VcndIsUp",
        "message": "vcnd gives pods addresses of the VCN on this node",
        "lastHeartbeatTime": timestamp(now),
        "lastTransitionTime": timestamp(now),
    }
