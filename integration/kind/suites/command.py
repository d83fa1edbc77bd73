"""``./vcn kind policy``."""

import json
import sys
from pathlib import Path

import click

from integration.build.cache import Cache
from integration.kind.options import JSON, NODES, OFFLINE, console_of
from integration.kind.settings import state
from integration.kind.suites import policy as policy_suites
from integration.kind.up import up_for


@click.command()
@NODES
@JSON
@OFFLINE
@click.option(
    "--suite",
    "names",
    multiple=True,
    type=click.Choice(tuple(policy_suites.SUITES)),
    help="Only this suite.",
)
@click.option("--subset", is_flag=True, help="Some tests of each: eight minutes.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the conformance profile's report goes.",
)
@click.option("--keep", is_flag=True, help="Leave up a cluster that was not up before.")
def policy(
    nodes: int,
    *,
    as_json: bool,
    offline: bool,
    names: tuple[str, ...],
    subset: bool,
    report: Path | None,
    keep: bool,
) -> None:
    """Run others' suites of network policies, on the cluster that is up or on an own.

    These are Kubernetes' end-to-end tests, cyclonus, and the conformance tests of
    ClusterNetworkPolicy.
    """
    console = console_of(as_json=as_json)
    cache = Cache(console)
    extent = policy_suites.Extent(
        subset=subset, report=(report or state() / "conformance.yaml").absolute()
    )
    with up_for(
        cache,
        console,
        keep=keep,
        nodes=nodes,
        offline=offline,
        express=True,
        policy="strict",
        helm=False,
    ) as cluster:
        chosen = names or tuple(policy_suites.SUITES)
        results = policy_suites.run(cluster, console, chosen, extent)
    ok = all(policy_suites.passed(n, r, extent) for n, r in results.items())
    if as_json:
        suites = {name: result.as_json() for name, result in results.items()}
        click.echo(json.dumps({"suites": suites, "ok": ok}, indent=2))
    sys.exit(0 if ok else 1)
