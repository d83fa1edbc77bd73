"""A client of the simulated API server, as an administrator."""

from pathlib import Path

from sim.kubernetes.access import ADMIN
from sim.kubernetes.connection import SERVER, to
from sim.kubernetes.server import ApiServer
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials


def client_of(server: ApiServer, folder: Path) -> KubeClient:
    """Return a client whose kubeconfig stands in a folder."""
    path = folder / "kubeconfig"
    path.write_text(f"""\
current-context: c
clusters: [{{name: k, cluster: {{server: "{SERVER}"}}}}]
users: [{{name: u, user: {{token: {ADMIN}}}}}]
contexts: [{{name: c, context: {{cluster: k, user: u}}}}]
""")
    return KubeClient(Credentials(path), to(server))
