"""``vcndctl sweep``: what a cluster left behind in the cloud."""

import sys
from pathlib import Path

import click

from vcnd.ctl.exits import Exit
from vcnd.ctl.telling import as_json, plain, show_json, telling
from vcnd.log import log
from vcnd.model.leftovers import Leftover, SweepReport


@click.command()
@click.option(
    "--cluster", required=True, help="Its name, as the nodes have it: [oci] cluster."
)
@click.option(
    "--compartment",
    "compartments",
    required=True,
    multiple=True,
    help="OCID of a compartment that has, or had, instances of it; may be repeated.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path),
    help="How its API server is reached: the instances of its Nodes are in use.",
)
@click.option("--cluster-gone", is_flag=True, help="The cluster has no nodes any more.")
@click.option(
    "--subnet", "subnets", multiple=True, help="OCID of a further pod subnet."
)
@click.option("--config-file", default="~/.oci/config", show_default=True)
@click.option("--profile", default="DEFAULT", show_default=True)
@click.option("--endpoint", default="", help="URL of the Core API, if not by region.")
@click.option("--dry-run", is_flag=True, help="List it, and remove nothing.")
@click.option(
    "--yes",
    is_flag=True,
    help="Do not ask; what an instance has that lives stays, unless --cluster-gone.",
)
@as_json
def sweep(
    cluster: str,
    compartments: tuple[str, ...],
    kubeconfig: Path | None,
    subnets: tuple[str, ...],
    config_file: str,
    profile: str,
    endpoint: str,
    *,
    cluster_gone: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove what a cluster left behind in the cloud: VNICs and fixed addresses.

    It is for an operator's machine, and signs with a user's API key.  It lists what is
    left, asks, and removes only what has the cluster's tag and was confirmed; each
    object is read again before.  With --dry-run it only lists.

    Exit codes: 0, nothing is left; 1, cloud or cluster cannot be asked; 2, the command
    is wrong; 3, something is left; 4, nothing is left in what could be read, and
    something could not.
    """
    if (kubeconfig is None) is not cluster_gone:
        raise click.UsageError("name --kubeconfig, or say --cluster-gone")
    import trio  # noqa: PLC0415

    from vcnd.ctl import sweep_reading  # noqa: PLC0415

    search = sweep_reading.Search(
        cluster=cluster,
        compartments=compartments,
        subnets=subnets,
        kubeconfig=kubeconfig,
        config_file=Path(config_file).expanduser(),
        profile=profile,
        endpoint=endpoint,
    )

    def choose(report: SweepReport) -> list[str]:
        if dry_run or not report.leftovers:
            return []
        click.echo(plain(describe(report)), err=as_json)
        return chosen(report, yes=yes, gone=cluster_gone)

    # The daemon logs each retry; a person reads the last refusal.
    with telling(*sweep_reading.FAILURES), log.collected():
        report = trio.run(sweep_reading.run, search, choose)
    if as_json:
        show_json(report)
    else:
        lists = dry_run or not (report.leftovers or report.removed)
        click.echo(plain(describe(report) if lists else told(report)))
    if report.leftovers:
        sys.exit(Exit.WRONG)
    if report.unread:
        sys.exit(Exit.UNSURE)


def chosen(report: SweepReport, *, yes: bool, gone: bool) -> list[str]:
    """Return the OCIDs of the leftovers that the user wants removed.

    An instance that lives may become a node at any time: what it has is asked about
    one by one.

    Args:
        report: what was found.
        yes: the user has said so before.
        gone: the user has said that the cluster has no nodes.
    """
    harmless = [x.id for x in report.leftovers if x.is_harmless]
    others = [x for x in report.leftovers if not x.is_harmless]
    if yes:
        return harmless + [x.id for x in others if gone]
    found = list[str]()
    if harmless and _confirmed(f"Remove {len(harmless)} that no instance uses?"):
        found += harmless
    for left in others:
        where = f"VNIC {left.id} of instance {left.instance_id}, which lives"
        found += [left.id] if _confirmed(f"Detach {where}?") else []
    return found


def _confirmed(question: str) -> bool:
    """Ask; no answer is no."""
    try:
        return click.confirm(plain(question), default=False, err=True)
    except click.Abort:
        return False


def told(report: SweepReport) -> str:
    """Return what was done, in lines for a person."""
    lines = [f"removed   {x.fixed or 'VNIC'} {x.id}" for x in report.removed]
    for left in report.leftovers:
        why = report.kept.get(left.id, "not confirmed")
        lines.append(f"left      {left.fixed or 'VNIC'} {left.id}: {why}")
    return "\n".join(lines)


def describe(report: SweepReport) -> str:
    """Return a report in lines for a person."""
    lines = [f"unread    {what}: {why}" for what, why in report.unread.items()]
    for left in report.leftovers:
        what = f"fixed address {left.fixed}" if left.fixed else "VNIC"
        where = f" of {left.instance_id}" if left.instance_id else ""
        lines.append(f"left      {what} {left.id}{where}: {left.cause}")
        lines += [f"          {' '.join(left.addresses)}"] if left.addresses else []
        lines.append(f"          to remove it: {_remedy(left)}")
    lines.append(
        f"{len(report.leftovers)} left behind; {report.vnics} VNICs belong to the"
        f" {report.nodes} nodes of {report.cluster}"
    )
    return "\n".join(lines)


def _remedy(left: Leftover) -> str:
    if left.fixed:
        return f"oci network private-ip delete --private-ip-id {left.id}"
    return f"oci compute instance detach-vnic --vnic-id {left.id} --compartment-id …"
