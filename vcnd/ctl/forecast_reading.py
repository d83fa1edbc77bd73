"""What a forecast is made of: the cluster's pods and NativePodNetworks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import msgspec

from vcnd.core.forecast import DAY, advise, subnet_forecast
from vcnd.core.target import PoolPolicy
from vcnd.foreign import UNDECODABLE
from vcnd.kube.bodies import NETWORKS
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials
from vcnd.kubeapi.wire import Meta, Wire
from vcnd.model.forecast import Forecast, SubnetForecast

PODS = "/api/v1/pods"
ENDED = ("Succeeded", "Failed")


class ForecastError(Exception):
    """No forecast can be made; says why."""


class _Vnic(Wire, frozen=True):
    subnet_cidr: str = ""
    addresses: tuple[str, ...] = ()


class _NetworkStatus(Wire, frozen=True):
    vnics: tuple[_Vnic, ...] = ()


class _Network(Wire, frozen=True):
    metadata: Meta = Meta()
    status: _NetworkStatus = _NetworkStatus()


class _Networks(Wire, frozen=True):
    items: list[_Network]


class _Meta(Wire, frozen=True):
    creation_timestamp: datetime


class _Spec(Wire, frozen=True):
    node_name: str = ""
    host_network: bool = False


class _Status(Wire, frozen=True):
    phase: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")


class _Pod(Wire, frozen=True):
    metadata: _Meta
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _Pods(Wire, frozen=True):
    items: list[_Pod]


async def read(
    kubeconfig: Path, *, days: float, policy: PoolPolicy, refill_seconds: float
) -> Forecast:
    """Ask a cluster, and return its forecast; errors are those of ``forecast_of``.

    Args:
        kubeconfig: how its API server is reached.
        days: how far back the growth is taken from.
        policy: the nodes' settings.
        refill_seconds: how long a refill takes at most.

    Raises:
        KubeError, KubeconfigError: it cannot be asked.
    """
    async with aclosing(KubeClient(Credentials(kubeconfig))) as client:
        networks, pods = await client.get(NETWORKS), await client.get(PODS)
    return forecast_of(
        networks,
        pods,
        now=datetime.now(UTC),
        days=days,
        policy=policy,
        refill_seconds=refill_seconds,
    )


def forecast_of(
    networks: bytes,
    pods: bytes,
    *,
    now: datetime,
    days: float,
    policy: PoolPolicy,
    refill_seconds: float,
) -> Forecast:
    """Return the forecast of a cluster, of what its API server lists.

    Args:
        networks: the NativePodNetworks, as JSON.
        pods: all pods, as JSON.
        now: the time.
        days: how far back the growth is taken from.
        policy: the nodes' settings.
        refill_seconds: how long a refill takes at most.

    Raises:
        ForecastError: the lists cannot be read, or no node has a VNIC for pods.
    """
    try:
        there = msgspec.json.decode(networks, type=_Networks).items
        listed = msgspec.json.decode(pods, type=_Pods).items
    except UNDECODABLE as error:
        raise ForecastError(f"the API server's list cannot be read: {error}") from error
    on_vnics = [p for p in listed if p.spec.node_name and _has_address(p)]
    vnics = [vnic for network in there for vnic in network.status.vnics]
    if not vnics:
        raise ForecastError("no node has a VNIC for pods: is vcnd installed there?")
    nodes = {network.metadata.node for network in there} - {""}
    arrivals = {
        node: [
            p.metadata.creation_timestamp.timestamp()
            for p in on_vnics
            if p.spec.node_name == node
        ]
        for node in sorted(nodes)
    }
    return Forecast(
        nodes=len(nodes),
        days_seen=days,
        subnets=tuple(_subnets(vnics, on_vnics, now, days)),
        advice=advise(
            arrivals,
            {node: len(at) for node, at in arrivals.items()},
            policy,
            refill_seconds,
        ),
    )


def _has_address(pod: _Pod) -> bool:
    return not pod.spec.host_network and pod.status.phase not in ENDED


def _subnets(
    vnics: Sequence[_Vnic], pods: Sequence[_Pod], now: datetime, days: float
) -> Iterator[SubnetForecast]:
    of_address = {a: vnic.subnet_cidr for vnic in vnics for a in vnic.addresses}
    held, having, new = Counter[str](), Counter[str](), Counter[str]()
    for vnic in vnics:
        held[vnic.subnet_cidr] += len(vnic.addresses) + 1  # and its own
    for pod in pods:
        cidr = of_address.get(pod.status.pod_ip)
        if cidr is None:
            continue  # it has none yet
        having[cidr] += 1
        age = (now - pod.metadata.creation_timestamp).total_seconds()
        new[cidr] += age <= days * DAY
    for cidr in sorted(held):
        try:
            addresses = ip_network(cidr).num_addresses
        except ValueError as error:
            raise ForecastError(f"a VNIC's subnetCidr: {error}") from error
        yield subnet_forecast(
            cidr, addresses, held[cidr], having[cidr], new[cidr] / days
        )
