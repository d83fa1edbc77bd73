"""The daemon's access to the API server: a kubeconfig, a CA and a token on the node.

The token is the service account's, bound to the Node and not to this pod: it lives
on when the DaemonSet is rolled, and ends with the node.
"""

import json
from pathlib import Path
from typing import Any

from vcnd.install import layout
from vcnd.install.host import Host, InstallError
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import KubeconfigError, server_of
from vcnd.kubeapi.errors import KubeError
from vcnd.log import log

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
KUBELET_CONFIGS = (
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/kubelet/kubeconfig",
    "/var/lib/rancher/rke2/agent/kubelet.kubeconfig",
    "/var/lib/rancher/k3s/agent/kubelet.kubeconfig",
)
POD_KUBECONFIG = Path("/run/vcnd-install.kubeconfig")
TOKEN_SECONDS = 4 * 3600


def api_server(host: Host, named: str) -> str:
    """Return the API server's address as the kubelet knows it.

    The Service's address does not do: it needs kube-proxy, which needs pods, which
    need vcnd.
    """
    if named:
        return named
    for path in KUBELET_CONFIGS:
        try:
            return server_of(host.path(path))
        except KubeconfigError:
            continue
    raise InstallError(
        "the kubelet's kubeconfig is at none of the usual places; name the API"
        " server's address in VCND_API_SERVER"
    )


def kubeconfig(server: str, *, ca: str, token: str) -> str:
    """Return a kubeconfig.  JSON is YAML."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "cluster",
                "cluster": {"server": server, "certificate-authority": ca},
            }
        ],
        "users": [{"name": "vcnd", "user": {"tokenFile": token}}],
        "contexts": [
            {"name": "node", "context": {"cluster": "cluster", "user": "vcnd"}}
        ],
        "current-context": "node",
    }
    return json.dumps(document, indent=2) + "\n"


def of_pod(server: str) -> Path:
    """Return a kubeconfig of this pod's own identity."""
    ca, token = str(ACCOUNT / "ca.crt"), str(ACCOUNT / "token")
    POD_KUBECONFIG.write_text(kubeconfig(server, ca=ca, token=token))
    return POD_KUBECONFIG


async def renew(
    host: Host,
    client: KubeClient,
    node: str,
    ids: tuple[int, int],
    account: Path = ACCOUNT,
) -> str:
    """Write a fresh token and the CA for the daemon; return what kind it is.

    While the API server is away the old token is kept: it may outlive the outage.
    """
    path = f"{layout.CONFIGURATION}/token"
    host.write(f"{layout.CONFIGURATION}/ca.crt", (account / "ca.crt").read_bytes())
    kind = "node"
    try:
        namespace = (account / "namespace").read_text()
        token = await _node_token(client, node, namespace)
    except KubeError as error:
        if not error.status and host.read(path) is not None:
            log.warning("token_renewal_postponed", reason=str(error))
            return "kept"
        # Servers before 1.33 bind tokens to pods only.
        log.warning("token_not_node_bound", reason=str(error))
        token, kind = (account / "token").read_text(), "pod"
    host.write(path, token, mode=0o400, owner=ids)
    return kind


async def _node_token(client: KubeClient, node: str, namespace: str) -> str:
    """Ask for a token of our account that is bound to the Node."""
    node_object = json.loads(await client.get(f"/api/v1/nodes/{node}"))
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/vcnd/token"
    bound = {"apiVersion": "v1", "kind": "Node", "name": node}
    body: dict[str, Any] = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {
            "expirationSeconds": TOKEN_SECONDS,
            "boundObjectRef": {**bound, "uid": node_object["metadata"]["uid"]},
        },
    }
    answer = json.loads(await client.request("POST", path, body=body))
    token: str = answer["status"]["token"]
    return token
