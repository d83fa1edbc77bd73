"""Checks that kube-proxy recognises pods' packets, and so does not masquerade them.

Its ``detectLocalMode`` decides which packets come from a local pod.  The default is a
cluster CIDR, but pods here have addresses of the VCN: each packet to a ClusterIP would
lose its source (docs/data-plane.md#kube-proxy).

Where vcnd enforces network policies, its mode counts, too.  IPVS sends packets to
Services as if they were the node's own: they pass no forward hook, and so no policy.
"""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network

IPVS = "ipvs"
INTERFACE, CLUSTER = "InterfaceNamePrefix", "ClusterCIDR"
REMEDY = (
    "set detectLocalMode: InterfaceNamePrefix and detectLocal.interfaceNamePrefix: oci"
    " in the ConfigMap kube-system/kube-proxy and restart kube-proxy, or pods' sources"
    " are lost behind Services"
)
UNJUDGED = (
    "kube-proxy has mode ipvs: packets to Services pass by all network policies, for"
    " IPVS does not forward them as others do; set mode: nftables or iptables in the"
    " ConfigMap kube-system/kube-proxy, and start the nodes again"
)


def problem(
    *,
    proxier: str,
    mode: str,
    cluster_cidrs: str,
    interface_prefix: str,
    ours: str,
    subnets: Sequence[str],
    policies: bool,
) -> str | None:
    """Return what is wrong with kube-proxy's configuration, and what to do.

    Args:
        proxier: mode; empty is its default.
        mode: detectLocalMode; empty is its default.
        cluster_cidrs: clusterCIDR, one per family, comma between.
        interface_prefix: detectLocal.interfaceNamePrefix.
        ours: the prefix of our pods' interface names.
        subnets: CIDRs of the pods' subnets.
        policies: whether we enforce network policies.
    """
    if policies and proxier == IPVS:
        return UNJUDGED
    mode = mode or CLUSTER
    if mode == INTERFACE:
        if ours.startswith(interface_prefix) and interface_prefix:
            return None
        setting = (
            f"interfaceNamePrefix {interface_prefix!r}, and pods' links are {ours}…"
        )
    elif mode == CLUSTER:
        blocks = [ip_network(c.strip()) for c in cluster_cidrs.split(",") if c.strip()]
        if all(_inside(ip_network(s), blocks) for s in subnets):
            return None
        setting = f"clusterCIDR {cluster_cidrs or 'empty'}, and pods are in {subnets}"
    else:
        setting = f"detectLocalMode {mode}, and nodes have no pod range"
    return f"kube-proxy has {setting}: {REMEDY}"


def _inside(subnet: Network, blocks: Sequence[Network]) -> bool:
    return any(
        block.version == subnet.version
        and int(block[0]) <= int(subnet[0])
        and int(subnet[-1]) <= int(block[-1])
        for block in blocks
    )
