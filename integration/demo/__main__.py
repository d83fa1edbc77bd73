"""``./vcn demo``: start the lab, run pods, check what can be seen, clean up."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import trio
from rich.console import Console
from rich.table import Table

from integration.checking import CheckError
from integration.demo import (
    addresses,
    answers,
    dataplane,
    disk,
    express,
    families,
    paths,
    policies,
    profiles,
    requests,
    witnesses,
)
from integration.demo.stage import Stage
from integration.lab import enclosure, profile
from integration.lab.lab import POOL, running_lab, world_text

Check = Callable[[Stage], Awaitable[str]]

CHECKS: tuple[Check, ...] = (
    addresses.warm_add,
    addresses.pods_have_private_ips,
    addresses.second_vnic_used,
    paths.cross_node,
    paths.same_node,
    paths.source_preserved,
    paths.from_peered_vcn,
    paths.from_onprem,
    paths.to_internet_via_nat,
    paths.nsg_blocks,
    paths.nsg_allows_after_rule_change,
    paths.imds_blocked_for_pods,
    dataplane.spoofed_reply_dropped,
    dataplane.nodelocal_dns,
    paths.answers_by_ingress,
    express.express_lane,
    policies.policy_blocks,
    policies.policy_allows,
    profiles.rp_filter_profiles,
    paths.rules_restored,
    paths.flow_log_names_pod_address,
    addresses.restart_keeps_pods,
    witnesses.vnic_missing_from_list,
    disk.journal_damaged,
    disk.disk_full_del,
    answers.bad_answer_survived,
    addresses.del_returns_addresses,
    addresses.idle_addresses_released,
    addresses.block_returned,
    witnesses.stop_during_release,
    addresses.nothing_left,
)
REQUESTS: tuple[Check, ...] = (
    requests.pod_nsg_annotation,
    requests.pod_subnet_annotation,
    requests.fixed_address_survives,
    dataplane.nsg_between_classes_same_node,
)
"""Come after ``rules_restored``, with ``--world``."""
FAMILIES: tuple[Check, ...] = (
    families.families_are_listed,
    families.ipv6_cross_node,
    families.ipv6_same_node,
    families.ipv6_alone,
)
"""Come there too, with ``--dual-stack``."""
FEW_ADDRESSES = 1
"""Objects that the last node's VNICs take, so that it needs a second one."""
SHRINK_SECONDS = 8.0
"""A surplus is released after this time, short for a person who watches."""
LEAST_NODES = 2


@click.command()
@click.option(
    "--nodes", default=3, show_default=True, type=click.IntRange(LEAST_NODES, 8)
)
@click.option(
    "--pods",
    default=addresses.WARM_ADDS,
    show_default=True,
    type=click.IntRange(2, 20),
    help="Pods a node that the checks after warm_add work with.",
)
@click.option("--seed", default=1, show_default=True, help="Of all made-up names.")
@click.option(
    "--world",
    "choice",
    is_flag=True,
    help="In a world with two pod subnets and two NSGs: pods ask for one.",
)
@click.option("--dual-stack", is_flag=True, help="With IPv6 beside IPv4.")
@click.option(
    "--image-profile",
    default=profile.DEFAULT,
    show_default=True,
    type=click.Choice(profile.NAMES),
    help="Whose boot settings and firewall the nodes have.",
)
@click.option(
    "--express",
    "lane",
    default="on",
    show_default=True,
    type=click.Choice(["on", "off"]),
    help="Whether established connections may take the express lane.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
@click.option(
    "--keep", is_flag=True, help="Before cleaning up, open a shell inside the lab."
)
def main(
    nodes: int,
    pods: int,
    seed: int,
    *,
    choice: bool,
    dual_stack: bool,
    image_profile: str,
    lane: str,
    as_json: bool,
    keep: bool,
) -> None:
    """Show pods with VCN addresses on several nodes, over the fake cloud."""
    enclosure.enter("integration.demo", sys.argv[1:])
    console = Console(stderr=as_json)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vcnd-demo-") as directory:
        options = Options(
            nodes=nodes,
            pods=pods,
            seed=seed,
            choice=choice,
            dual_stack=dual_stack,
            image_profile=image_profile,
            express=lane == "on",
            keep=keep,
        )
        results = trio.run(_run, Path(directory), options, console)
    seconds = round(time.monotonic() - began, 1)
    ok = all(r["ok"] for r in results)
    if as_json:
        click.echo(
            json.dumps({"ok": ok, "seconds": seconds, "checks": results}, indent=2)
        )
    else:
        console.print(_table(results))
        passed = sum(r["ok"] for r in results)
        console.print(f"{passed} passed, {len(results) - passed} failed in {seconds} s")
    sys.exit(0 if ok else 1)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was asked for on the command line."""

    nodes: int
    pods: int
    seed: int
    choice: bool
    """Whether pods have a choice of subnets and NSGs."""
    dual_stack: bool
    image_profile: str
    express: bool
    """Whether the express lane may be on."""
    keep: bool

    @property
    def checks(self) -> list[Check]:
        """Return the checks, in their order."""
        checks = list(CHECKS)
        at = checks.index(paths.rules_restored) + 1
        checks[at:at] = (*self.choice * REQUESTS, *self.dual_stack * FAMILIES)
        return checks

    @property
    def world(self) -> str:
        """Return which of the bundled worlds it is."""
        if self.dual_stack:
            return "dual-stack"
        return "two-classes" if self.choice else "default"


async def _run(
    directory: Path, options: Options, console: Console
) -> list[dict[str, Any]]:
    names = [f"node{n}" for n in range(1, options.nodes + 1)]
    text = world_text(
        nodes=options.nodes,
        seed=options.seed,
        few_addresses=FEW_ADDRESSES,
        name=options.world,
    )
    console.print(f"[bold]A fake cloud, {options.nodes} nodes, real packets[/]")
    console.print(f"  the nodes' image: {options.image_profile}")
    pool = {**POOL, "shrink_after_seconds": SHRINK_SECONDS}
    allow = requests.ALLOW if options.choice else None
    both = families.BOTH if options.dual_stack else ("IPv4",)
    async with running_lab(
        text,
        directory,
        nodes=names,
        pool=pool,
        allow=allow,
        families=both,
        profile=profile.Profile(options.image_profile),
        express=options.express,
    ) as lab:
        stage = Stage(lab=lab, express=options.express)
        stage.baseline = await addresses.take(stage)
        async with trio.open_nursery() as starting:
            for node in stage.nodes:
                starting.start_soon(stage.start_daemon, node)
        console.print("  daemons ready; their pools fill: VNICs attach, addresses come")
        async with trio.open_nursery() as warming:
            for node in stage.nodes:
                warming.start_soon(node.until_warm, addresses.WARM_ADDS)
        results = []
        for check in options.checks:
            if options.keep and check is addresses.del_returns_addresses:
                await _show(stage, console)
            results.append(await _check(stage, check, console))
            if check is addresses.warm_add:
                await _keep_only(stage, options.pods)
        return results


async def _keep_only(stage: Stage, pods: int) -> None:
    """Reduce each node's pods from warm_add's number to the requested one."""
    for node in stage.nodes:
        # The first and the last: where one VNIC is not enough, they are on two.
        for pod in stage.pods.get(node.name, [])[pods - 1 : -1]:
            await stage.stop_pod(pod)
        while len(stage.pods.get(node.name, [])) < pods:
            await stage.start_pod(node)


async def _check(stage: Stage, check: Check, console: Console) -> dict[str, Any]:
    name = check.__name__
    began = time.monotonic()
    try:
        detail, ok = await check(stage), True
    except CheckError as error:
        detail, ok = str(error), False
    except Exception as error:  # noqa: BLE001 - a check that breaks is a check that failed
        detail, ok = f"{type(error).__name__}: {error}", False
    took = time.monotonic() - began
    mark = "[green]ok[/]    " if ok else "[red]FAILED[/]"
    console.print(f"  {mark} {name} [dim]{took:.1f} s[/]", highlight=False)
    return {"name": name, "ok": ok, "detail": detail}


async def _show(stage: Stage, console: Console) -> None:
    """Open a shell in the lab; the checks go on when it ends."""
    node = stage.nodes[0]
    console.print(
        f"""The lab is kept: this shell is inside it, its end goes on with the checks.
  ip netns                                  nodes, pods, routers, hosts beyond
  ip netns exec {stage.pod(0).name} ip addr            a pod's view
  ./vcn vcndctl --socket {node.socket_path} status
  curl -s localhost:8080/fake/v1/flowLogs   the flow log; /world, /requests likewise""",
        highlight=False,
        soft_wrap=True,
    )
    shell = os.environ.get("SHELL", "/bin/sh")
    await trio.run_process([shell], stdin=None, check=False)


def _table(results: list[dict[str, Any]]) -> Table:
    table = Table(title="What was seen", show_lines=False)
    table.add_column("check", no_wrap=True)
    table.add_column("")
    table.add_column("seen", overflow="fold")
    for result in results:
        mark = "[green]ok[/]" if result["ok"] else "[red]FAILED[/]"
        table.add_row(result["name"], mark, result["detail"])
    return table


if __name__ == "__main__":
    main()
