"""The whole of a cluster: nodes in the fake VCN, and vcnd on them."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console

from integration.build.cache import Cache
from integration.kind import cluster as clusters
from integration.kind import install
from integration.kind.checks.removal import keep_baseline
from integration.kind.cloud import Cloud
from integration.kind.cluster import Cluster
from integration.kind.options import given
from integration.kind.settings import state


def bring_up(
    cache: Cache,
    console: Console,
    *,
    nodes: int,
    offline: bool,
    express: bool,
    policy: str,
    helm: bool,
) -> Cluster:
    """Start a cluster.

    Args:
        cache: has its programs and images, or gets them.
        console: where progress is told.
        nodes: how many there are, with the control plane.
        offline: build everything here, and run on a Docker of our own.
        express: whether vcnd may use its express lane.
        policy: ``[policy] enforcement``.
        helm: whether the Helm chart installs vcnd, not kustomize.

    Raises:
        BuildError: something cannot be built here.
        DockerError: a node, or vcnd on it, does not come up.
    """
    cluster = clusters.prepare(cache, offline=offline)
    if not express:
        (state() / install.NO_EXPRESS).touch()
    (state() / install.POLICY).write_text(policy)
    if helm:
        (state() / install.CHART).touch()
    cluster.create(nodes, console)
    keep_baseline(cluster)
    began = time.monotonic()
    with console.status("vcnd comes to the nodes"):
        cluster.load_own()
        install.write_manifests(Cloud(cluster.docker))
        install.apply(cluster)
        install.wait_ready(cluster)
    took = time.monotonic() - began
    console.print(f"  vcnd serves, all nodes are ready [dim]{took:.0f} s[/]")
    cache.prune()
    return cluster


def what_differs(wanted: Mapping[str, object], has: Mapping[str, object]) -> str:
    """Return how a cluster is not as options want it; empty: it is.

    Args:
        wanted: the options that were given, by name; others are left out.
        has: what the cluster has.
    """
    return ", ".join(
        f"{name} is {value}, not {wanted[name]}"
        for name, value in has.items()
        if wanted.get(name, value) != value
    )


@contextmanager
def up_for(
    cache: Cache,
    console: Console,
    *,
    keep: bool,
    nodes: int,
    offline: bool,
    express: bool,
    policy: str,
    helm: bool,
) -> Iterator[Cluster]:
    """Yield the cluster that is up, or one of our own that ends with the body.

    It exits if the command's options want another cluster than the one that is up.

    Args:
        cache: has its programs and images, or gets them.
        console: where progress is told.
        keep: leave up what was not up before.
        nodes: as the others, of one of our own (``bring_up``).
        offline: likewise.
        express: likewise.
        policy: likewise.
        helm: likewise.
    """
    running = clusters.running(cache)
    if running is not None:
        has = {
            "nodes": len(running.nodes()),
            "express": install.express(),
            "policy": install.enforcement(),
            "helm": install.by_chart(),
        }
        if unlike := what_differs(given(), has):
            sys.exit(f"vcn kind: {unlike}; ./vcn kind down ends the cluster that is up")
        yield running
        return
    try:
        yield bring_up(
            cache,
            console,
            nodes=nodes,
            offline=offline,
            express=express,
            policy=policy,
            helm=helm,
        )
    finally:
        if not keep:
            clusters.tear_down(cache)
