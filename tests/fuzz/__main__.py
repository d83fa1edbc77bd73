"""``./vcn fuzz``: inputs without end for what reads what others write."""

import json
import os
import sys
import time
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from tests.fuzz import campaign, kept
from tests.fuzz.bounds import bounded
from tests.fuzz.campaign import Found, Plan
from tests.fuzz.targets_table import TARGETS


@click.command()
@click.option(
    "--seconds", default=60.0, show_default=True, help="In all, by the clock."
)
@click.option("--inputs", default=0, help="Of each target at most; 0: no limit.")
@click.option("--seed", default=1, show_default=True, help="Of the search.")
@click.option(
    "--target",
    "names",
    multiple=True,
    type=click.Choice(sorted(TARGETS)),
    help="Only this one; may be repeated.",
)
@click.option("--processes", default=len(os.sched_getaffinity(0)), show_default=True)
@click.option("--replay", type=click.Path(path_type=Path), help="Run one kept input.")
@click.option("--keep", "keeps", is_flag=True, help="Write the corpora anew.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option(
    "--crashes",
    type=click.Path(path_type=Path),
    default=kept.CRASHES,
    help="The folder for inputs that break a rule.",
)
def main(
    *,
    seconds: float,
    inputs: int,
    seed: int,
    names: tuple[str, ...],
    processes: int,
    replay: Path | None,
    keeps: bool,
    as_json: bool,
    crashes: Path,
) -> None:
    """Search for inputs that break a target's rule.

    Any input is refused with an error of its kind and changes nothing, or is taken;
    never another exception, a hang, or memory without bound.
    """
    if replay is not None:
        _replay(replay, names)
        return
    plan = Plan(
        names=names or tuple(TARGETS),
        seconds=seconds,
        inputs=inputs,
        seed=seed,
        processes=processes,
        crashes=crashes,
        keeps=keeps,
    )
    console, began = Console(stderr=True), time.monotonic()

    def told(name: str, found: Found) -> None:
        console.print(f"{name}: {found.inputs} inputs, {len(found.crashes)} crashes")
        for path in found.crashes:
            console.print(f"  ./vcn fuzz --replay {path}", soft_wrap=True)
        if found.crashes:
            console.print(found.said, markup=False, highlight=False)

    targets = campaign.run(plan, told)
    total = {
        "inputs": sum(f.inputs for f in targets.values()),
        "crashes": sum(len(f.crashes) for f in targets.values()),
        "seconds": round(time.monotonic() - began, 1),
    }
    if as_json:
        rows = msgspec.to_builtins(targets)
        for row in rows.values():
            del row["said"]
        click.echo(json.dumps({"targets": rows, **total}, indent=2))
    else:
        _print(targets)
    if idle := [name for name, f in targets.items() if not f.inputs]:
        sys.exit(f"fuzz: no input was tried of {', '.join(idle)}")
    sys.exit(bool(total["crashes"]))


def _replay(path: Path, names: tuple[str, ...]) -> None:
    """Run one input; its folder, or the option, names the target."""
    name = names[0] if names else path.parent.name
    if name not in TARGETS:
        sys.exit(f"fuzz: {path.parent.name!r} is no target: name it with --target")
    run = TARGETS[name].load(name).run
    with bounded():
        run(path.read_bytes())
    click.echo(f"{path}: the rule of {name} holds")


def _print(targets: dict[str, Found]) -> None:
    table = Table("target", "inputs", "seconds", "per second", "corpus", "crashes")
    for name, found in targets.items():
        pace = found.inputs / found.seconds if found.seconds else 0
        table.add_row(
            *(name, str(found.inputs), f"{found.seconds:.0f}", f"{pace:.0f}"),
            *(str(found.corpus), str(len(found.crashes))),
        )
    Console().print(table)


if __name__ == "__main__":
    main()
