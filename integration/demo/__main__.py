"""``./vcn demo``: start the lab, run pods, check what can be seen, clean up."""

import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import trio
from rich.console import Console
from rich.table import Table

from integration.browser import chromium
from integration.checking import CheckError
from integration.demo import (
    addresses,
    families,
    paths,
    pictures,
    printed,
    requests,
)
from integration.demo import console as page
from integration.demo.checks import CHECKS, FAMILIES, REQUESTS, Check
from integration.demo.stage import Stage
from integration.lab import enclosure, profile
from integration.lab.lab import POOL, running_lab, world_text

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
    "--svg",
    type=click.Path(dir_okay=False, resolve_path=True, path_type=Path),
    help="Write what it prints to this file, as a picture; docs/demo.svg is one.",
)
@click.option(
    "--keep", is_flag=True, help="Before cleaning up, open a shell inside the lab."
)
@click.option(
    "--console",
    "with_page",
    is_flag=True,
    help="Show the cloud on a page, and keep the lab and its traffic until Ctrl-C.",
)
@click.option(
    "--console-port",
    default=page.PORT,
    show_default=True,
    help="Of the page, on this machine's loopback address; 0 takes a free one.",
)
@click.option(
    "--screenshots",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="Write pictures of the page to this folder, and check little else.",
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
    svg: Path | None,
    keep: bool,
    with_page: bool,
    console_port: int,
    screenshots: Path | None,
) -> None:
    """Show pods with VCN addresses on several nodes, over the fake cloud."""
    if with_page and not enclosure.inside():
        page.open_socket(console_port)
    if screenshots is not None and not enclosure.inside():
        chromium.prepare()
    enclosure.enter("integration.demo", sys.argv[1:])
    if screenshots is not None:
        page.open_socket(0)  # inside: the browser is here too
    console = Console(stderr=as_json)
    if svg is not None:
        console = printed.recording(as_json=as_json)
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
            page=with_page,
            screenshots=screenshots,
        )
        results, first_pod = trio.run(_run, Path(directory), options, console)
    seconds = round(time.monotonic() - began, 1)
    ok = all(r["ok"] for r in results)
    if as_json:
        answer = {"ok": ok, "seconds": seconds, "first_pod_seconds": first_pod}
        click.echo(json.dumps({**answer, "checks": results}, indent=2))
    else:
        console.record = False  # the picture is of the way there
        console.print(_table(results))
        console.record = svg is not None
    if svg is not None or not as_json:
        passed = sum(r["ok"] for r in results)
        console.print(f"{passed} passed, {len(results) - passed} failed in {seconds} s")
    if svg is not None:
        printed.write(console, svg)
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
    page: bool
    """Whether the fake serves its console, and the lab stays open for it."""
    screenshots: Path | None
    """The folder for pictures of the console."""

    @property
    def checks(self) -> list[Check]:
        """Return the checks, in their order."""
        if self.screenshots is not None:
            return [
                addresses.warm_add,
                paths.nsg_blocks,
                addresses.del_returns_addresses,
            ]
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
) -> tuple[list[dict[str, Any]], float | None]:
    """Return what the checks saw, and after how many seconds the first pod ran."""
    names = [f"node{n}" for n in range(1, options.nodes + 1)]
    text = world_text(
        nodes=options.nodes,
        seed=options.seed,
        few_addresses=FEW_ADDRESSES,
        name=options.world,
    )
    console.print(f"[bold]A fake cloud, {options.nodes} nodes, real packets[/]")
    console.print(f"  the nodes' image: {options.image_profile}")
    shown = options.page or options.screenshots is not None
    socket, url = page.inherited() if shown else (None, "")
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
        console_socket=socket,
    ) as lab:
        if url:
            console.print(f"  the cloud's console: [bold]{url}[/]")
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
            if shown and check is addresses.del_returns_addresses:
                if options.screenshots is not None:
                    made = await pictures.take(stage, url, options.screenshots)
                    console.print(f"  pictures: {', '.join(map(str, made))}")
                if options.page:
                    await page.keep_open(stage, url, console)
                break
            results.append(await _check(stage, check, console))
            if check is addresses.warm_add:
                first = f"{stage.first_pod_seconds or 0.0:.1f} s"
                console.print(f"  the first pod ran after {first}", highlight=False)
                await _keep_only(stage, options.pods)
        return results, stage.first_pod_seconds


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
