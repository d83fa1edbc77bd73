"""The access of our processes to the API server: a kubeconfig, a CA and a token.

The token is of the process' service account, bound to the Node and not to this pod: it
lives on when the DaemonSet is rolled, and ends with the node.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from vcnd.install import layout
from vcnd.install.host import Host, InstallError
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import KubeconfigError, server_of
from vcnd.kubeapi.decode import decode
from vcnd.kubeapi.errors import KubeError
from vcnd.log import log

POD = Path("/var/run/secrets/kubernetes.io/serviceaccount")
KUBELET_CONFIGS = (
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/kubelet/kubeconfig",
    "/var/lib/rancher/rke2/agent/kubelet.kubeconfig",
    "/var/lib/rancher/k3s/agent/kubelet.kubeconfig",
)
POD_KUBECONFIG = Path("/run/vcnd-install.kubeconfig")
TOKEN_SECONDS = 4 * 3600
REFUSED = (400, 403, 404, 422)
"""Statuses that say that there is no such token; after others the old one is kept."""


class Account(msgspec.Struct, frozen=True):
    """The service account of a process on the node, and the folder of its files."""

    name: str
    folder: str
    is_pods: bool
    """Whether the installer's pod has this account too."""


DAEMON = Account("vcnd", layout.CONFIGURATION, is_pods=True)
POLICY = Account("vcnd-policy", layout.POLICY_CONFIGURATION, is_pods=False)


class _Meta(msgspec.Struct):
    uid: str


class _Node(msgspec.Struct):
    metadata: _Meta


class _Token(msgspec.Struct):
    token: str


class _TokenRequest(msgspec.Struct):
    status: _Token


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


def lay(host: Host, account: Account, server: str, ids: tuple[int, int]) -> bool:
    """Write an account's kubeconfig; return True if it changed."""
    # Seen from its process, whose root has the node's folder at the same place.
    text = kubeconfig(server, ca="ca.crt", token="token")  # noqa: S106
    path = f"{account.folder}/kubeconfig"
    return host.write(path, text, mode=0o640, owner=(0, ids[1]))


def of_pod(server: str, pod: Path = POD) -> Path:
    """Return a kubeconfig of this pod's own identity."""
    ca, token = str(pod / "ca.crt"), str(pod / "token")
    POD_KUBECONFIG.write_text(kubeconfig(server, ca=ca, token=token))
    return POD_KUBECONFIG


async def renew(
    host: Host,
    client: KubeClient,
    node: str,
    ids: tuple[int, int],
    account: Account = DAEMON,
    *,
    pod: Path = POD,
) -> str:
    """Write a fresh token and the CA for a process; return what kind it is.

    While the API server is away, or overloaded, the old token is kept: it may outlive
    the outage.

    Args:
        host: the node.
        client: of this pod's own identity.
        node: the node's name in Kubernetes.
        ids: the user and group of the process.
        account: of the process.
        pod: the folder with this pod's own identity.

    Raises:
        InstallError: there is no token for it.
    """
    path = f"{account.folder}/token"
    kind = "node"
    try:
        namespace = (pod / "namespace").read_text()
        token = await _node_token(client, node, namespace, account.name)
    except KubeError as error:
        if error.status not in REFUSED and host.read(path) is not None:
            log.warning("token_renewal_postponed", reason=str(error))
            return "kept"
        if not account.is_pods:
            raise InstallError(
                f"{account.name} gets no token: {error}; it needs the objects of"
                " deploy/components/policy, and Kubernetes 1.33 or newer"
            ) from error
        # Servers before 1.33 bind tokens to pods only.
        log.warning("token_not_node_bound", reason=str(error))
        token, kind = (pod / "token").read_text(), "pod"
    host.write(f"{account.folder}/ca.crt", (pod / "ca.crt").read_bytes())
    host.write(path, token, mode=0o400, owner=ids)
    return kind


async def _node_token(
    client: KubeClient, node: str, namespace: str, account: str
) -> str:
    """Ask for an account's token that is bound to the Node."""
    node_path = f"/api/v1/nodes/{node}"
    uid = decode(f"GET {node_path}", await client.get(node_path), _Node).metadata.uid
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    bound = {"apiVersion": "v1", "kind": "Node", "name": node}
    body: dict[str, Any] = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {
            "expirationSeconds": TOKEN_SECONDS,
            "boundObjectRef": {**bound, "uid": uid},
        },
    }
    answer = await client.request("POST", path, body=body)
    return decode(f"POST {path}", answer, _TokenRequest).status.token
