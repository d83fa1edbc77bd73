"""What a daemon reads of the API server once in a while: a value, or a fault.

kube-proxy's ConfigMap has YAML in its JSON.  The networks of Services become routes.
"""

import json
from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

import trio
from trio.testing import MockClock

from tests.doubles.server import Reply, Server, kube
from tests.fuzz.choices import Choices, document, seed, yaml_document
from tests.fuzz.memory_file import in_memory
from vcnd.install.identity import kubeconfig
from vcnd.kube import proxy, services
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials
from vcnd.kubeapi.errors import KubeError

PROXY = {
    "mode": "iptables",
    "detectLocalMode": "ClusterCIDR",
    "detectLocal": {"interfaceNamePrefix": "oci"},
    "clusterCIDR": "10.244.0.0/16,fd00::/64",
}
CONFIG_MAP = {"metadata": {"name": "x"}, "data": {"config.conf": json.dumps(PROXY)}}
CIDRS = {"items": [{"spec": {"cidrs": ["10.96.0.0/16", "fd00:9::/108"]}}]}


def run(data: bytes) -> None:
    """Read kube-proxy's configuration, whole or within its object, or the networks."""
    choices = Choices(data)
    kind = choices.below(3)
    match kind:
        case 0:
            text = yaml_document(choices, [PROXY]).decode("utf-8", "replace")
            body = json.dumps({"data": {"config.conf": text}}).encode()
        case 1:
            body = document(choices, [CONFIG_MAP])
        case _:
            body = document(choices, [CIDRS])
    trio.run(_ask, Reply(body=body), kind, clock=MockClock(autojump_threshold=0))


async def _ask(reply: Reply, kind: int) -> None:
    with in_memory(kubeconfig("https://api:6443", ca="", token="").encode()) as path:
        client = KubeClient(Credentials(path), kube(Server(lambda _: reply)))
        try:
            await (_networks(client) if kind > 1 else _problem(client))
        finally:
            await client.aclose()


async def _problem(client: KubeClient) -> None:
    fault = await proxy.problem(client, link_prefix="oci", subnets=["10.1.0.0/16"])
    if fault is not None and not fault.reason:
        raise AssertionError("a fault that says nothing")


async def _networks(client: KubeClient) -> None:
    found: Any = ()
    try:
        found = await services.networks(client)
    except KubeError as error:
        if not str(error):
            raise AssertionError("an error that says nothing") from error
    for network in found:
        ip_network(network)


def seeds() -> Iterable[bytes]:
    """Return each object whole, and some with an odd scalar."""
    for kind in range(3):
        yield bytes([kind]) + seed(0)
    yield b"\0\0mode: !!bool x"
    yield b"\0\0mode: 2026-99-99\nclusterCIDR: [a]"
