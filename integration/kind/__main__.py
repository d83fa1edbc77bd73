"""``./vcn kind``: a real Kubernetes whose nodes and pods live in the fake VCN."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from integration.bench import text
from integration.build.cache import Cache
from integration.build.command import BuildError
from integration.checking import CheckError
from integration.kind import bench, install
from integration.kind import cluster as clusters
from integration.kind.checks import run
from integration.kind.cluster import Cluster
from integration.kind.docker import DockerError
from integration.kind.flannel import bench as flannel_bench
from integration.kind.options import (
    EXPRESS,
    HELM,
    JSON,
    NODES,
    OFFLINE,
    POLICY,
    console_of,
)
from integration.kind.settings import CLUSTER, state
from integration.kind.suites.command import policy as policy_command
from integration.kind.up import bring_up, up_for

LEAST_NODES = 3
"""Of a cluster for the checks: a control plane, and workers that talk to each other."""


@click.group()
def main() -> None:
    """Run a multi-node kind cluster whose pods have addresses of the VCN."""


main.add_command(policy_command)


@main.command()
@NODES
@JSON
@OFFLINE
@EXPRESS
@POLICY
@HELM
@click.option("--keep", is_flag=True, help="Leave what is there when it fails.")
def up(
    nodes: int,
    *,
    as_json: bool,
    offline: bool,
    express: bool,
    policy: str,
    helm: bool,
    keep: bool,
) -> None:
    """Start the cluster, with vcnd on it."""
    console = console_of(as_json=as_json)
    cache = Cache(console)
    if clusters.running(cache) is not None:
        sys.exit("vcn kind: the cluster is up already; ./vcn kind down removes it")
    began = time.monotonic()
    try:
        cluster = bring_up(
            cache,
            console,
            nodes=nodes,
            offline=offline,
            express=express,
            policy=policy,
            helm=helm,
        )
    except BaseException:
        if not keep:
            console.print("  failed; removing what is there (--keep leaves it)")
            clusters.tear_down(cache)
        raise
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        click.echo(json.dumps({"ok": True, "seconds": seconds, **_status(cluster)}))
        return
    console.print(cluster.kubectl("get", "pods", "-o", "wide", "-A"), soft_wrap=True)
    console.print(
        f"The cluster is up after {seconds:.0f} s.\n"
        "  ./vcn kind kubectl get npn     any kubectl command\n"
        "  ./vcn kind test                the checks\n"
        "  ./vcn kind down                leaves nothing"
    )


def _status(cluster: Cluster) -> dict[str, Any]:
    networks = install.networks(cluster)
    owners = [n["metadata"]["ownerReferences"][0]["name"] for n in networks]
    states = [n.get("status", {}).get("state", "") for n in networks]
    return {
        "nodes": cluster.nodes(),
        "networks": dict(zip(owners, states, strict=True)),
        "kubeconfig": str(cluster.kubeconfig),
        "docker": dict(cluster.docker.environment),
        "network_namespace_pid": cluster.docker.pid,
    }


def _running(cache: Cache) -> Cluster:
    cluster = clusters.running(cache)
    if cluster is None:
        sys.exit("vcn kind: no cluster is up; ./vcn kind up starts one")
    return cluster


@main.command()
@JSON
def status(*, as_json: bool) -> None:
    """Tell what is up."""
    cluster = _running(Cache(console_of(as_json=as_json)))
    if as_json:
        click.echo(json.dumps(_status(cluster), indent=2))
        return
    for what in (("nodes", "-o", "wide"), ("npn",)):
        click.echo(cluster.kubectl("get", *what))


@main.command()
@NODES
@JSON
@OFFLINE
@EXPRESS
@POLICY
@HELM
@click.option("--only", multiple=True, metavar="NAME", help="Only these checks.")
@click.option("--quick", is_flag=True, help="Leave out checks that take long.")
@click.option("--keep", is_flag=True, help="Leave up a cluster that was not up before.")
def test(
    nodes: int,
    *,
    as_json: bool,
    offline: bool,
    express: bool,
    policy: str,
    helm: bool,
    only: tuple[str, ...],
    quick: bool,
    keep: bool,
) -> None:
    """Run the checks, on the cluster that is up or on one for the purpose.

    They end by removing a node, and vcnd from the others.
    """
    unknown = set(only) - set(run.NAMES)
    if unknown:
        sys.exit(f"vcn kind: no check {', '.join(unknown)}: {', '.join(run.NAMES)}")
    if only and quick:
        sys.exit("vcn kind: give either --only or --quick")
    chosen = only or (run.QUICK if quick else run.DEFAULT)
    console = console_of(as_json=as_json)
    cache = Cache(console)
    began = time.monotonic()
    running = clusters.running(cache)
    _refuse_unfit(nodes if running is None else len(running.nodes()))
    with up_for(
        cache,
        console,
        keep=keep,
        nodes=nodes,
        offline=offline,
        express=express,
        policy=policy,
        helm=helm,
    ) as cluster:
        results = run.checks(cluster, cache, console, chosen)
    seconds = round(time.monotonic() - began, 1)
    ok = all(r["ok"] for r in results)
    if as_json:
        summary = {"ok": ok, "seconds": seconds, "checks": results}
        click.echo(json.dumps(summary, indent=2))
    else:
        passed = sum(r["ok"] for r in results)
        console.print(f"took {seconds} s")
        # Alone on its line, as test runners close.
        console.print(f"kind: {passed} passed, {len(results) - passed} failed")
    sys.exit(0 if ok else 1)


def _refuse_unfit(nodes: int) -> None:
    """Exit if there are too few nodes for the checks."""
    if nodes < LEAST_NODES:
        sys.exit(
            f"vcn kind: the checks need {LEAST_NODES} nodes, here are {nodes};"
            " a cluster on which they ran has lost one (./vcn kind down ends it)"
        )


@main.command("bench")
@JSON
@click.option(
    "--against",
    type=click.Choice(["ptp", "flannel"]),
    default="ptp",
    show_default=True,
    help="What is measured beside vcnd.",
)
@click.option("--rounds", default=20, show_default=True, type=click.IntRange(1, 200))
def bench_(*, as_json: bool, against: str, rounds: int) -> None:
    """Time how pods start, beside kind's usual ptp + host-local.

    With --against flannel also what packets between pods on two nodes take, in so
    many rounds; the cluster is of no other use after that.
    """
    console = console_of(as_json=as_json)
    cache = Cache(console)
    with run.staged(_running(cache), cache) as stage:
        if against == "flannel":
            report = flannel_bench.run(stage, console, rounds=rounds)
            text.print_report(report, to_json=as_json)
        else:
            _show_starts(bench.run(stage, console), console, as_json=as_json)


def _show_starts(figures: dict[str, Any], console: Console, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(figures, indent=2))
        return
    for name in ("cold", "warm", "ptp_host_local", "warm_to_ptp"):
        console.print(f"  {name:<15} {figures[name]}")
    console.print(
        f"  API calls of the cold burst {figures['cold_api_calls']};"
        f" daemon {figures['daemon_rss_mib']} MiB,"
        f" {figures['daemon_processor_ms_per_pod']} ms of processor a pod"
    )


@main.command()
@click.argument("image")
def load(image: str) -> None:
    """Put an image on every node: an archive, or one that Docker has."""
    cluster = _running(Cache(Console(stderr=True)))
    if Path(image).exists():
        cluster.load(Path(image).resolve())
    else:
        cluster.kind("load", "docker-image", image, "--name", CLUSTER)


@main.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.argument("arguments", nargs=-1)
def kubectl(arguments: tuple[str, ...]) -> None:
    """Run kubectl against the cluster."""
    cluster = _running(Cache(Console(stderr=True)))
    command = cluster.kubectl_command(*arguments)
    sys.exit(subprocess.run(command, env=cluster.environment, check=False).returncode)


@main.command()
@JSON
def down(*, as_json: bool) -> None:
    """Remove the cluster and all that belongs to it."""
    console = console_of(as_json=as_json)
    began = time.monotonic()
    clusters.tear_down(Cache(console))
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        click.echo(json.dumps({"ok": True, "seconds": seconds}))
    else:
        console.print(f"nothing of it is left [dim]{seconds} s[/]")


def entry() -> None:
    """Run the command line; foreseen failures in words."""
    try:
        main(standalone_mode=True)
    except (BuildError, CheckError, DockerError) as error:
        logs = f"\n  its state and logs: {state()}" if state().is_dir() else ""
        sys.exit(f"vcn kind: {error}{logs}")


if __name__ == "__main__":
    entry()
