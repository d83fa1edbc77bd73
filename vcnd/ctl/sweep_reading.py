"""How ``vcndctl sweep`` reaches cloud and cluster from an operator's machine."""

import re
from collections.abc import Callable, Collection
from configparser import ConfigParser
from configparser import Error as ParserError
from contextlib import aclosing
from pathlib import Path
from random import Random

import msgspec
from msgspec.structs import replace

from vcnd.foreign import UNDECODABLE
from vcnd.kube.bodies import NETWORKS
from vcnd.kube.wire import NativePodNetwork
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials, KubeconfigError
from vcnd.kubeapi.errors import KubeError
from vcnd.kubeapi.wire import Object, Wire
from vcnd.model.errors import CloudError
from vcnd.model.leftovers import Leftover, SweepReport
from vcnd.oci.leftovers import Sweep
from vcnd.oci.removal import Removal
from vcnd.ociapi import wire
from vcnd.ociapi.caller import Caller, Endpoints
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.network import new_client
from vcnd.ociapi.principals import ApiKey
from vcnd.ociapi.retry import Retrier

RETRY_SECONDS = 30.0
NODES = "/api/v1/nodes"
INSTANCE = re.compile(r"ocid1\.instance\.[\w.-]+")
"""As a Node's providerID has it; some managers write ``oci://`` before it."""
REALM_DOMAIN = "oraclecloud.com"
"""Of the commercial realm; for others the endpoint is told."""
NOT_FOUND = 404


class SweepError(Exception):
    """The search cannot be made; says why."""


FAILURES = (SweepError, CloudError, KubeError, KubeconfigError)
"""Errors of ``run``."""


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What is searched, and who signs."""

    cluster: str
    compartments: tuple[str, ...]
    subnets: tuple[str, ...]
    kubeconfig: Path | None
    """None: the cluster is gone."""
    config_file: Path
    profile: str
    endpoint: str
    """The Core API's URL; empty: by the profile's region."""


class _NodeSpec(Wire, frozen=True):
    provider_id: str = msgspec.field(default="", name="providerID")


class _Node(Object, frozen=True):
    spec: _NodeSpec = _NodeSpec()


class _Nodes(Wire, frozen=True):
    items: list[_Node]


class _Networks(Wire, frozen=True):
    items: list[NativePodNetwork]


async def run(
    search: Search, choose: Callable[[SweepReport], Collection[str]]
) -> SweepReport:
    """Search, remove what the user chooses, and return what was found.

    Args:
        search: what is searched.
        choose: returns the OCIDs of the leftovers that are to be removed.

    Raises:
        SweepError, CloudError, KubeError, KubeconfigError: cloud or cluster cannot be
            asked.
    """

    async def nodes_now() -> frozenset[str]:
        if search.kubeconfig is None:
            return frozenset()
        async with aclosing(KubeClient(Credentials(search.kubeconfig))) as cluster:
            return await node_instances(cluster)

    nodes = await nodes_now()
    key = ApiKey.from_file(search.config_file, search.profile)
    region = "" if search.endpoint else _region(search.config_file, search.profile)

    async def here() -> wire.ImdsRegionInfo:
        return wire.ImdsRegionInfo(
            region_identifier=region or "none", realm_domain_component=REALM_DOMAIN
        )

    meter = ApiMeter()
    async with new_client() as client:
        core = CoreClient(
            Caller(
                client=client,
                region=here,
                endpoints=Endpoints(core=search.endpoint),
                principal=lambda _federation_url: key,
                meter=meter,
            )
        )
        retry = Retrier(
            random=Random(),  # noqa: S311 - jitter, no secret
            give_up_seconds=RETRY_SECONDS,
            meter=meter,
        )
        sweep = Sweep(core=core, retry=retry, cluster=search.cluster)
        report = await sweep.report(search.compartments, nodes, search.subnets)
        chosen = choose(report)
        removal = Removal(
            core=core, retry=retry, cluster=search.cluster, nodes=nodes_now
        )
        return await removed_of(report, chosen, removal)


async def removed_of(
    report: SweepReport, chosen: Collection[str], removal: Removal
) -> SweepReport:
    """Remove leftovers; return the report of what is left then.

    A cluster that does not answer any more leaves the rest where it is.
    """
    kept, removed = dict[str, str](), list[Leftover]()
    for left in report.leftovers:
        if left.id not in chosen:
            continue
        try:
            why = await removal.remove(left)
        except FAILURES as error:
            why = str(error)
        if why:
            kept[left.id] = why
        else:
            removed.append(left)
    gone = {left.id for left in removed}
    return replace(
        report,
        leftovers=tuple(x for x in report.leftovers if x.id not in gone),
        removed=tuple(removed),
        kept=kept,
    )


async def node_instances(cluster: KubeClient) -> frozenset[str]:
    """Return the instances that are nodes of a cluster.

    Raises:
        KubeError: the API server does not answer, or refuses.
        SweepError: no Node tells its instance, so all would seem left behind.
    """
    nodes = await cluster.get(NODES)
    try:
        networks = await cluster.get(NETWORKS)
    except KubeError as error:
        if error.status != NOT_FOUND:
            raise
        networks = b'{"items":[]}'
    try:
        there = msgspec.json.decode(nodes, type=_Nodes).items
        listed = msgspec.json.decode(networks, type=_Networks).items
    except UNDECODABLE as error:
        raise SweepError(f"the API server's list cannot be read: {error}") from error
    # A NativePodNetwork is its node's: it goes with the Node.
    told = [n.spec.provider_id for n in there] + [n.spec.id for n in listed]
    found = frozenset(m[0] for m in map(INSTANCE.search, told) if m is not None)
    if not found:
        raise SweepError(
            "no Node of the cluster tells its instance (spec.providerID): all VNICs"
            " would seem left behind; is it the right cluster?"
        )
    return found


def _region(path: Path, profile: str) -> str:
    """Return the region that a profile names.

    Raises:
        SweepError: it names none.
    """
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text())
        region = parser.get(profile, "region")
    except (OSError, UnicodeError, ParserError) as error:
        raise SweepError(f"{path} [{profile}]: {error}; or say --endpoint") from error
    return region
