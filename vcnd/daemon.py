"""The composition root: builds the rooms, opens the nurseries, starts and stops.

Three nested nurseries: doors ⊂ calls ⊂ rooms.  Shutdown is the order of the closing
braces: no new calls; calls finish within their grace; then the tasks that they need
end.  Nothing is detached: pods outlive the daemon.
"""

import gc
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import trio

from vcnd import ending, metrics_port
from vcnd.config import Config
from vcnd.flow import permissions, status
from vcnd.flow.path import Paths
from vcnd.flow.traffic import Traffic
from vcnd.journal.journal import FileJournal
from vcnd.kube.cluster import KubeCluster
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials
from vcnd.linux import requirements
from vcnd.linux.boot import boot_id
from vcnd.linux.host import LinuxHost
from vcnd.linux.layout import Layout
from vcnd.linux.path import KernelWays
from vcnd.linux.pod_cgroups import kept_pods
from vcnd.linux.traffic import KernelTraffic
from vcnd.log import log
from vcnd.netlink import netns
from vcnd.node import Node
from vcnd.node_metrics import NodeMetrics
from vcnd.oci.addresses import BulkSupport
from vcnd.oci.cloud import OciCloud
from vcnd.oci.vcns import Vcns
from vcnd.oci.where import ImdsWhere
from vcnd.ociapi.caller import Caller, Endpoints
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.http import Principal
from vcnd.ociapi.imds import Metadata
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.network import Client, new_client
from vcnd.ociapi.polling import Poller
from vcnd.ociapi.retry import Retrier
from vcnd.serve.cni import CniVerbs
from vcnd.serve.control import ControlVerbs
from vcnd.serve.node_verbs import NodeVerbs
from vcnd.serve.policies import PolicySocket
from vcnd.serve.server import Server
from vcnd.serve.traces import Traces
from vcnd.systemd import Systemd

START_SECONDS = 10.0
"""By then the daemon has imported what it needs, also for its first request."""


def oci_cloud(
    config: Config,
    client: Client,
    random: Random,
    wall_clock: Callable[[], float] = time.time,
    principal: Callable[[str], Principal] | None = None,
) -> OciCloud:
    """Return the cloud that the configuration names.

    Args:
        config: names it.
        client: the HTTP client.
        random: for jitter.
        wall_clock: Unix time, for signatures.
        principal: makes the signer from the federation's URL, instead of the one that
            the configuration names.
    """
    oci = config.oci
    meter = ApiMeter()
    metadata = Metadata(client=client, base_url=oci.metadata_url, meter=meter)
    where = ImdsWhere(metadata)
    caller = Caller(
        client=client,
        region=where.region,
        endpoints=Endpoints(core=oci.endpoint, federation=oci.federation_endpoint),
        principal=principal
        or partial(_principal, config, client, metadata, meter, wall_clock),
        meter=meter,
    )
    retry = Retrier(random=random, give_up_seconds=oci.retry_seconds, meter=meter)
    return OciCloud(
        core=CoreClient(caller),
        where=where,
        retry=retry,
        poll=Poller(retry, wait_seconds=oci.wait_seconds),
        cluster=oci.cluster,
        bulk=BulkSupport(),
        vcns=Vcns(needed=config.node.snat != "none" or config.node.outside_mtu > 0),
    )


def _principal(
    config: Config,
    client: Client,
    metadata: Metadata,
    meter: ApiMeter,
    wall_clock: Callable[[], float],
    federation_url: str,
) -> Principal:
    """Return the principal that signs requests; called before the first one."""
    # With cryptography, an eighth of all that is imported: not before READY=1.
    from vcnd.signing import principal  # noqa: PLC0415

    return principal(config, client, metadata, meter, wall_clock, federation_url)


def kube_cluster(
    config: Config,
    random: Random,
    wall_clock: Callable[[], float] = time.time,
    client: KubeClient | None = None,
) -> KubeCluster | None:
    """Return the cluster that the configuration names, if it names one.

    Args:
        config: names it.
        random: for jitter.
        wall_clock: Unix time, for what is written.
        client: the way to it, instead of the one that the configuration names.
    """
    kubernetes = config.kubernetes
    if client is None:
        if not kubernetes.kubeconfig:
            return None
        client = KubeClient(Credentials(Path(kubernetes.kubeconfig)))
    return KubeCluster(
        client,
        node_name=kubernetes.node_name,
        startup_taint=kubernetes.startup_taint,
        link_prefix=config.layout().link_prefix,
        random=random,
        wall_clock=wall_clock,
        early=config.tells_early,
        policies=config.policy.enforcement != "off",
    )


def policy_socket(config: Config) -> PolicySocket | None:
    """Return the way to the policy process, unless policies are left to others."""
    policy = config.policy
    if policy.enforcement == "off":
        return None
    return PolicySocket(
        policy.socket,
        patience_seconds=policy.patience_seconds,
        strict=policy.enforcement == "strict",
    )


def cni_server(
    node: Node,
    metrics: NodeMetrics,
    layout: Layout,
    *,
    cloud: OciCloud,
    allowed_uid: int,
) -> Server:
    """Return the server of a node's calls."""
    traces = Traces(time.time)
    paths = Paths(pool=node.pool, kernel=KernelWays(layout), vcn=cloud.vcn_view)
    traffic = Traffic(pool=node.pool, kernel=KernelTraffic(), express=metrics.express)
    verbs = NodeVerbs(
        cni=CniVerbs(
            sandboxes=node.attacher,
            collect_garbage=node.kernel_audit.collect_garbage,
            ready=partial(status.ready, node.pool),
        ),
        control=ControlVerbs(
            report=node.report,
            release=node.release.run,
            switch_express=node.switch_express,
            traces=traces.latest,
            metrics=metrics.reading,
            audit=node.auditor.report,
            drain=node.drain,
            explain=node.explainer.explain,
            path=paths.path,
            traffic=traffic.counters,
            flows=traffic.flows,
            permissions=partial(permissions.review, node.pool, cloud),
        ),
        traces=traces,
        meter=metrics.calls,
        history=node.calls,
    )
    return Server(verbs, allowed_uids=[allowed_uid])


async def spare_the_collector() -> None:
    """Take what the start made out of the garbage collector's sight, once.

    A full collection looks at each of some 40,000 objects, nearly all of them modules',
    and no call is answered for 10 ms.
    """
    await trio.sleep(START_SECONDS)
    gc.collect()
    gc.freeze()


async def run(
    config: Config,
    *,
    listeners: list[socket.socket],
    systemd: Systemd,
    allowed_uid: int,
    stop: trio.Event,
) -> None:
    """Serve until ``stop``."""
    random = Random()  # noqa: S311 - jitter, no secret
    await trio.to_thread.run_sync(
        lambda: requirements.check(config.layout(), config.oci.ip_families)
    )
    journal = FileJournal(
        Path(config.node.state_directory) / "journal",
        boot_id=boot_id(),
        netns_cookie=netns.cookie_here(),
    )
    async with new_client() as client, ending.rooms() as rooms:
        layout = config.layout()
        host, policies = LinuxHost(layout), policy_socket(config)
        cloud = oci_cloud(config, client, random)
        cluster = kube_cluster(config, random)
        node = Node(
            config,
            cloud=cloud,
            host=host,
            journal=journal,
            random=random,
            cluster=cluster,
            policies=policies,
            kept_pods=partial(trio.to_thread.run_sync, kept_pods),
            budget=cloud.budget,
        )
        metrics = NodeMetrics(
            pool=node.pool,
            express=host.express,
            restored=host.repairs.counts,
            others=[x.families for x in (cloud, journal, cluster) if x is not None],
            wall_clock=time.time,
        )
        await rooms.start(systemd.feed_watchdog)
        rooms.start_soon(spare_the_collector)
        await node.start(rooms)
        if policies is not None:
            rooms.start_soon(policies.lend_gate, host.express_gate, random)
        if config.node.metrics:
            rooms.start_soon(metrics_port.serve, config.node.metrics, metrics.read)
        async with trio.open_nursery() as calls:
            server = cni_server(
                node, metrics, layout, cloud=cloud, allowed_uid=allowed_uid
            )
            async with trio.open_nursery() as doors:
                for listener in listeners:
                    doors.start_soon(server.serve, listener, calls)
                systemd.notify("READY=1")
                log.info("ready")
                await stop.wait()
                systemd.notify("STOPPING=1")
                doors.cancel_scope.cancel()
            calls.cancel_scope.deadline = trio.current_time() + config.cni.grace_seconds
        rooms.cancel_scope.cancel()
    journal.close()
    log.info("stopped")
