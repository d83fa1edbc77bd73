"""The API server with a made-up cluster, and the measured nodes.

The nodes are network namespaces of this machine with the product's own data plane and
real links for their pods; the API server is in the bench's own namespace.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from fakeoci.fabric import netns
from integration.bench.datapath import ours, underlay
from integration.bench.datapath.underlay import ROUTER, Place
from integration.bench.policy import populate
from integration.bench.policy.synthetic import Body
from integration.build.cache import Cache, key_of
from integration.build.components import FOLDER
from integration.lab import apiserver
from integration.lab.apiserver import ADVERTISED, SECURE_PORT, ApiServer

BACK = "192.0.2.254"
"""The router's address towards the API server."""
URL = f"https://{ADVERTISED}:{SECURE_PORT}"
HERE = Path(__file__).parent
SERVERS = (FOLDER / "kubernetes" / "go.mod", FOLDER / "etcd" / "go.mod")


def cluster_data(
    cache: Cache,
    pods: int,
    places: Sequence[Place],
    progress: Callable[[str], None],
) -> Path:
    """Return etcd's data of a cluster without policies; make it if it is not kept.

    The objects are written through the API server, once: later runs begin with the
    same data.  Needs a network namespace of its own (``enclosure``).
    """

    def write(folder: Path) -> None:
        with (
            TemporaryDirectory(prefix="vcnd-bench-") as scratch,
            apiserver.running(apiserver.programs(cache), Path(scratch)) as server,
        ):
            populate.make_cluster(server, pods, places, progress)
            server.stop_all()
            shutil.copytree(Path(scratch) / "etcd", folder / "etcd")

    files = (HERE / "synthetic.py", HERE / "populate.py", *SERVERS)
    key = key_of(*files, pods, [place.number for place in places])
    return cache.artifact(f"policy-cluster-{pods}", key, write) / "etcd"


@contextmanager
def api(cache: Cache, data: Path | None, directory: Path) -> Iterator[ApiServer]:
    """Run an API server where the router reaches it; with a cluster's data, if any."""
    directory.mkdir(exist_ok=True)
    if data is not None:
        shutil.copytree(data, directory / "etcd")
    found = apiserver.programs(cache)
    with apiserver.running(found, directory, everywhere=True) as server:
        yield server


def router() -> None:
    """Make the router of all nodes, and its link to the bench's own namespace."""
    underlay.add_router()
    netns.ip_here(
        [
            f"link add api0 type veth peer name api0 netns {ROUTER}",
            f"addr add {ADVERTISED}/24 dev api0",
            "link set api0 up",
            f"route add default via {BACK}",
        ]
    )
    netns.ip(ROUTER, [f"addr add {BACK}/24 dev api0", "link set api0 up"])


def node_body(place: Place) -> Body:
    """Return a measured node as the API has it."""
    address = {"type": "InternalIP", "address": str(place.primary.ip)}
    return {"metadata": {"name": place.netns}, "status": {"addresses": [address]}}


class _Meta(msgspec.Struct):
    name: str
    namespace: str
    uid: str


class _Status(msgspec.Struct, rename="camel"):
    pod_ip: str = msgspec.field(name="podIP", default="")


class _Pod(msgspec.Struct):
    metadata: _Meta
    status: _Status


class _Pods(msgspec.Struct):
    items: list[_Pod]


def names(server: ApiServer, place: Place) -> list[str]:
    """Return ``namespace/name/uid`` of a node's pods, in the order of their places."""
    path = f"/api/v1/pods?fieldSelector=spec.nodeName%3D{place.netns}"
    found = msgspec.json.decode(server.admin("GET", path).content, type=_Pods).items
    by_address = {pod.status.pod_ip: pod.metadata for pod in found}
    metas = [by_address[place.pod(n)] for n in range(len(by_address))]
    return [f"{meta.namespace}/{meta.name}/{meta.uid}" for meta in metas]


@contextmanager
def node(
    place: Place,
    names_of_pods: Sequence[str],
    *,
    express: bool,
    policy_socket: Path | str = "",
) -> Iterator[None]:
    """Run a node whose pods are those of the API.

    Args:
        place: the node.
        names_of_pods: ``names``.
        express: whether connections may take the express lane.
        policy_socket: that of the node's vcnd-policy, which then gets the lane's gate.
    """
    with ours.running(
        place,
        pods=len(names_of_pods),
        express=express,
        names=names_of_pods,
        policy_socket=str(policy_socket),
    ):
        yield
