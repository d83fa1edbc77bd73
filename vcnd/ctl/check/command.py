"""``vcndctl check``: do the paths of this cluster's packets work?"""

import sys
import time
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from vcnd.ctl.check import probes
from vcnd.ctl.exits import Exit
from vcnd.ctl.telling import as_json, kubeconfig, plain, show_json, telling
from vcnd.model.check_report import CheckReport

if TYPE_CHECKING:
    from vcnd.ctl.check.run import Checked, Options


@click.command()
@kubeconfig
@click.option(
    "--image", default=probes.IMAGE, show_default=True, help="The probes' image."
)
@click.option("--node", "nodes", multiple=True, help="A node for the probes; name two.")
@click.option("--outside", default="", help="A URL outside of the VCN to fetch.")
@click.option("--policies", is_flag=True, help="Test NetworkPolicies, too.")
@click.option(
    "--seconds",
    default=120.0,
    show_default=True,
    help="How long a pod may take to start.",
)
@click.option(
    "--bundle",
    "file",
    type=click.Path(path_type=Path),
    help="The file that explains a failure; by default in the current directory.",
)
@as_json
def check(
    kubeconfig: Path,
    image: str,
    nodes: tuple[str, ...],
    outside: str,
    seconds: float,
    file: Path | None,
    *,
    policies: bool,
    as_json: bool,
) -> None:
    """Test the paths of a cluster's packets with probe pods, and say which fail.

    The pods run on two nodes, in a namespace of their own, which is deleted at the end.
    Exit codes: 0, all paths that were walked work; 1, the cluster cannot be asked; 2,
    the command is wrong; 3, a path fails: a file has the probes' objects and Events.
    """
    import trio  # noqa: PLC0415

    from vcnd.ctl.bundle.archive import BundleError  # noqa: PLC0415
    from vcnd.ctl.check import run  # noqa: PLC0415
    from vcnd.kubeapi.credentials import KubeconfigError  # noqa: PLC0415
    from vcnd.kubeapi.errors import KubeError  # noqa: PLC0415

    options = run.Options(
        image=image,
        nodes=nodes,
        outside=outside,
        policies=policies,
        ready_seconds=seconds,
    )
    with telling(run.CheckError, KubeError, KubeconfigError, BundleError):
        checked = trio.run(_checked, kubeconfig, options)
        if as_json:
            show_json(checked.report)
        else:
            click.echo(plain(describe(checked.report)))
        if checked.report.failed:
            click.echo(f"written: {_write(checked, file)}", err=True)
            sys.exit(Exit.WRONG)


async def _checked(kubeconfig: Path, options: "Options") -> "Checked":
    from vcnd.ctl.check.run import Check  # noqa: PLC0415
    from vcnd.kubeapi.client import KubeClient  # noqa: PLC0415
    from vcnd.kubeapi.credentials import Credentials  # noqa: PLC0415

    async with aclosing(KubeClient(Credentials(kubeconfig))) as client:
        return await Check(client, options).run()


def _write(checked: "Checked", file: Path | None) -> Path:
    """Write what explains a failure; return where."""
    from vcnd.ctl.bundle import archive, sources  # noqa: PLC0415

    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = file or Path(f"vcnd-check-{stamp}.tar.gz")
    parts = {
        "check.json": msgspec.json.encode(checked.report),
        **checked.evidence,
    }
    archive.write(target, archive.pack(sources.bundle_of(parts)))
    return target


def describe(report: CheckReport) -> str:
    """Return a report as a table."""
    width = max(len(result.path) for result in report.results)
    lines = [f"nodes    {', '.join(report.nodes)}"]
    lines += [
        f"{result.verdict:<8} {result.path:<{width}}  {result.detail}"
        for result in report.results
    ]
    return "\n".join(lines)
