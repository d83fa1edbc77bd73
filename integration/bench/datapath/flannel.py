"""Nodes with Flannel: real flanneld with VXLAN, and pods by the bridge plugin.

flanneld writes its own masquerade chain and its FORWARD accepts.  The pods are wired
as Flannel's CNI plugin delegates it: the bridge cni0, host-local, hairpin mode, the
MTU that flanneld found.
"""

import base64
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from fakeoci.fabric import netns
from integration.bench.datapath import underlay
from integration.bench.datapath.underlay import ROUTER, Place
from integration.bench.spawn import Plugin, one_by_one
from integration.build import components
from integration.build.cache import Cache

NETWORK = "10.244.0.0/17"
CONFIGURATION = {"Network": NETWORK, "Backend": {"Type": "vxlan"}}
"""What Flannel's manifest has."""
KEY = "/coreos.com/network/config"
ETCD_PORT = 2379
START_SECONDS = 30.0
PLUGINS = Path("/usr/lib/cni")


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
    with _in(ROUTER, command, directory / "etcd.log"):
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
    with _in(place.netns, command, log):
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


@contextmanager
def _in(name: str, command: list[str], log: Path) -> Iterator[None]:
    enter = ["/usr/bin/nsenter", f"--net={netns.DIRECTORY / name}"]
    with log.open("wb") as output:
        process = subprocess.Popen([*enter, *command], stdout=output, stderr=output)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def subnet_file(text: str) -> dict[str, str]:
    """Return what flanneld wrote, as a table."""
    pairs = (line.partition("=") for line in text.splitlines() if line)
    return {name: value for name, _, value in pairs}


def _add_pods(place: Place, pods: int, environment: Path, directory: Path) -> list[str]:
    """Wire pods as Flannel's CNI plugin does; return their addresses."""
    found = subnet_file(environment.read_text())
    first, _, prefix = found["FLANNEL_SUBNET"].partition("/")
    network = first.rpartition(".")[0] + f".0/{prefix}"
    bridge = Plugin(
        name="flannel",
        binary=PLUGINS / "bridge",
        configuration={
            "cniVersion": "0.3.1",
            "name": "cbr0",
            "type": "bridge",
            "bridge": "cni0",
            "mtu": int(found["FLANNEL_MTU"]),
            "hairpinMode": True,
            "isDefaultGateway": True,
            "ipMasq": False,
            "ipam": {
                "type": "host-local",
                "dataDir": str(directory / f"{place.netns}-host-local"),
                "ranges": [[{"subnet": network}]],
                "routes": [{"dst": found["FLANNEL_NETWORK"]}],
            },
        },
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
