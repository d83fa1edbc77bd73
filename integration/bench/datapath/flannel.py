"""Nodes with Flannel: real flanneld with VXLAN, and pods by the bridge plugin.

flanneld writes its own masquerade chain and its FORWARD accepts.  The pods are wired
as Flannel's CNI plugin delegates it: the bridge cni0, host-local, hairpin mode, the
MTU that flanneld found.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from fakeoci.fabric import netns
from integration.bench.datapath import delegate, underlay
from integration.bench.datapath.underlay import ROUTER, Place
from integration.bench.spawn import PLUGINS, Plugin, one_by_one
from integration.build import components
from integration.build.cache import Cache
from integration.lab.children import logged

NETWORK = "10.244.0.0/17"
CONFIGURATION = {"Network": NETWORK, "Backend": {"Type": "vxlan"}}
"""What Flannel's manifest has."""
KEY = "/coreos.com/network/config"
ETCD_PORT = 2379
START_SECONDS = 30.0


class FlannelError(Exception):
    """Flannel did not come up."""


@dataclass(frozen=True, kw_only=True)
class Programs:
    """Where they are."""

    etcd: Path
    flanneld: Path


def programs(cache: Cache) -> Programs:
    """Return the programs, building them if need be (``components.BuildError``)."""
    return Programs(
        etcd=components.build(cache, components.ETCD),
        flanneld=components.build(cache, components.FLANNELD),
    )


@contextmanager
def running(
    found: Programs, directory: Path, places: Mapping[Place, int]
) -> Iterator[dict[Place, list[str]]]:
    """Run Flannel on nodes; yield the addresses of their pods.

    Args:
        found: the programs.
        directory: takes logs and state.
        places: nodes → how many pods each gets.
    """
    with ExitStack() as stack:
        stack.enter_context(_etcd(found.etcd, directory))
        for place in places:
            underlay.add_node(place)
            # Its FORWARD accepts and the bridge plugin count on it.
            netns.sysctl(place.netns, {"ipv4/ip_forward": 1})
            stack.enter_context(_flanneld(found.flanneld, directory, place))
        yield {
            place: _add_pods(place, pods, _environment(directory, place), directory)
            for place, pods in places.items()
        }


@contextmanager
def _etcd(program: Path, directory: Path) -> Iterator[None]:
    """Run etcd on the router, where all nodes reach it."""
    here = f"http://127.0.0.1:{ETCD_PORT}"
    command = [
        *(str(program), "--data-dir", str(directory / "etcd")),
        *("--listen-client-urls", f"http://0.0.0.0:{ETCD_PORT}"),
        *("--advertise-client-urls", here, "--log-level", "error"),
        "--unsafe-no-fsync",
    ]
    with logged(_inside(ROUTER, command), directory / "etcd.log"):
        body = {
            "key": base64.b64encode(KEY.encode()).decode(),
            "value": base64.b64encode(json.dumps(CONFIGURATION).encode()).decode(),
        }

        def put() -> bool:
            with httpx2.Client(trust_env=False, timeout=5) as client:
                try:
                    return client.post(f"{here}/v3/kv/put", json=body).is_success
                except httpx2.HTTPError:
                    return False

        _until("etcd", directory / "etcd.log", lambda: netns.inside(ROUTER, put))
        yield


@contextmanager
def _flanneld(program: Path, directory: Path, place: Place) -> Iterator[None]:
    etcd = f"http://{underlay.router_of(place.primary)}:{ETCD_PORT}"
    environment = _environment(directory, place)
    log = directory / f"{place.netns}.log"
    command = [
        *(str(program), "-etcd-endpoints", etcd, "-iface", "eth0", "-ip-masq"),
        *("-subnet-file", str(environment)),
    ]
    with logged(_inside(place.netns, command), log):
        _until("flanneld", log, environment.exists)
        yield


def _environment(directory: Path, place: Place) -> Path:
    return directory / f"{place.netns}.env"


def _until(what: str, log: Path, true: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while not true():
        if time.monotonic() > give_up_at:
            raise FlannelError(f"{what} did not start: {log.read_text()[-2000:]}")
        time.sleep(0.1)


def _inside(name: str, command: list[str]) -> list[str]:
    return ["/usr/bin/nsenter", f"--net={netns.DIRECTORY / name}", *command]


def _add_pods(place: Place, pods: int, environment: Path, directory: Path) -> list[str]:
    """Wire pods as Flannel's CNI plugin does; return their addresses."""
    configuration = delegate.bridge(environment.read_text())
    # Each node's own; all are on one machine.
    configuration["ipam"]["dataDir"] = str(directory / f"{place.netns}-host-local")
    bridge = Plugin(
        name="flannel",
        binary=PLUGINS / "bridge",
        configuration={**delegate.LIST, **configuration},
        environment={},
        directory=directory / f"{place.netns}-cni",
    )
    bridge.prepare()
    names = [place.pod_netns(n) for n in range(pods)]
    for name in names:
        netns.add(name)
    one_by_one(bridge, "ADD", place.netns, names)
    return [
        json.loads((bridge.directory / f"{n}.out").read_text())["ips"][0][
            "address"
        ].partition("/")[0]
        for n in names
    ]
