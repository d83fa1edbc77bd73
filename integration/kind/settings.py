"""Names and addresses of the cluster; its world is ``fakeoci/world/kind.toml``."""

import os
from pathlib import Path

CLUSTER = "vcnd"
LABEL = f"io.x-k8s.kind.cluster={CLUSTER}"
"""Kind's label of its nodes: containers with it are instances."""
CLOUD = f"{CLUSTER}-cloud"
NETWORK = "vcnd"
NODES_CIDR = "10.0.0.0/24"
NODE_ADDRESSES = "10.0.0.64/26"
"""Docker assigns nodes' addresses from here: OCI keeps a subnet's first two."""
GATEWAY = "10.0.0.254"
"""Docker's own address on the network.  The VCN treats it as an outside address."""
CLOUD_ADDRESS = "10.0.0.250"
CLOUD_PORT = 8080
ONPREM, ONPREM_HOST = "onprem-office", "172.16.0.10"
PEER = "peer-host"
RESOLV_CONF = "nameserver 169.254.169.254\nsearch nodes.main.oraclevcn.com\n"
"""The content that OCI's DHCP would give: the VCN's resolver knows the nodes."""
STARTUP_TAINT = "vcnd.io/not-ready"
MTU = 9000


def state() -> Path:
    """Return the folder of the running cluster's files."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "vcnd" / "kind"
