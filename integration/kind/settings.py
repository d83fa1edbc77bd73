"""Names and addresses of the cluster; its world is ``fakeoci/world/kind.toml``."""

import os
from pathlib import Path

CLUSTER = "vcnd"
LABEL = f"io.x-k8s.kind.cluster={CLUSTER}"
"""Kind's own label of its nodes: those containers are instances."""
CLOUD = f"{CLUSTER}-cloud"
NETWORK = "vcnd"
NODES_CIDR = "10.0.0.0/24"
NODE_ADDRESSES = "10.0.0.64/26"
"""Docker gives nodes addresses of this part: OCI keeps the first two of a subnet."""
GATEWAY = "10.0.0.254"
"""Docker's own address on the network.  To the VCN it is somebody outside."""
CLOUD_ADDRESS = "10.0.0.250"
CLOUD_PORT = 8080
PODS_CIDR = "10.0.64.0/23"
ONPREM, ONPREM_HOST = "onprem-office", "172.16.0.10"
PEER = "peer-host"
RESOLV_CONF = "nameserver 169.254.169.254\nsearch nodes.main.oraclevcn.com\n"
"""As OCI's DHCP tells it: the VCN's resolver knows the nodes."""
STARTUP_TAINT = "vcnd.io/not-ready"
MTU = 9000


def state() -> Path:
    """Return the folder of what belongs to the running cluster."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "vcnd" / "kind"
