"""The commands about a node's pods, addresses and VNICs."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from vcnd.ctl.exits import EXIT_CODES
from vcnd.ctl.metrics import show
from vcnd.ctl.node_socket import DEFAULT_SOCKET, socket_path
from vcnd.ctl.screen import as_text
from vcnd.ctl.status_text import express_line
from vcnd.ctl.telling import as_json, plain, show_json, telling
from vcnd.model.phases import CallTrace, Phase
from vcnd.model.status import ExpressStatus
from vcnd.serve.ask import ask_for
from vcnd.serve.verbs import (
    EXPRESS_OFF,
    EXPRESS_ON,
    METRICS,
    RELEASE,
    STATUS,
    TRACE,
)


@click.group(epilog=EXIT_CODES)
@click.option(
    "--socket",
    "path",
    default=socket_path,
    show_default=DEFAULT_SOCKET,
    help="The daemon's socket.",
)
@click.version_option(package_name="vcnd")
@click.pass_context
def main(context: click.Context, path: str) -> None:
    """Look at a node's vcnd."""
    context.obj = path


@main.command()
@click.pass_obj
def release(path: str) -> None:
    """Give every address and VNIC of this node back to the cloud.

    Refused while pods hold addresses: drain the node first.  Exit codes: 0, it is
    done; 1, pods hold addresses, or the cloud refuses.
    """
    with telling():
        ask_for(path, RELEASE)
    click.echo("everything was given back; the daemon can be stopped")


@main.group()
def express() -> None:
    """Switch the express lane for established connections, or show it.

    A switch takes effect at once and lasts until the daemon starts again; [node]
    express in its configuration lasts longer.
    """


@express.command("on")
@as_json
@click.pass_obj
def express_on(path: str, *, as_json: bool) -> None:
    """Let established connections take the express lane, until a restart.

    Exit codes: 0, it is on; 1, it stays off.
    """
    with telling():
        state = ask_for(path, EXPRESS_ON)
    _show_express(state, as_json=as_json)
    if not state.on:
        sys.exit("vcndctl: the express lane stays off")


@express.command("off")
@as_json
@click.pass_obj
def express_off(path: str, *, as_json: bool) -> None:
    """Send every packet the ordinary path, until a restart."""
    with telling():
        state = ask_for(path, EXPRESS_OFF)
    _show_express(state, as_json=as_json)


@express.command("status")
@as_json
@click.pass_obj
def express_status(path: str, *, as_json: bool) -> None:
    """Show whether the express lane is on, and what uses it."""
    with telling():
        state = ask_for(path, STATUS)
    _show_express(state.express, as_json=as_json)


def _show_express(state: ExpressStatus, *, as_json: bool) -> None:
    if as_json:
        show_json(state)
    else:
        click.echo(describe_express(state))


@main.group()
def trace() -> None:
    """Show where the time of calls goes."""


@trace.command("last")
@click.option("-n", "number", default=10, show_default=True, help="How many calls.")
@as_json
@click.pass_obj
def trace_last(path: str, number: int, *, as_json: bool) -> None:
    """Show the phases of the latest ADDs and DELs, the latest first."""
    with telling():
        traces = ask_for(path, TRACE)[:number]
    if as_json:
        show_json(traces)
    else:
        click.echo(describe_traces(traces))


@main.command()
@as_json
@click.pass_obj
def metrics(path: str, *, as_json: bool) -> None:
    """Print the daemon's metrics, as Prometheus would get them (OpenMetrics)."""
    with telling():
        reading = ask_for(path, METRICS)
    show(reading, as_json=as_json)


def describe_express(state: ExpressStatus) -> str:
    """Return the express lane's state in one line for a person."""
    return f"express lane {as_text(express_line(state))}"


def describe_traces(traces: Sequence[CallTrace]) -> str:
    """Return the phases of calls as a table, in microseconds."""
    if not traces:
        return "no ADD or DEL was answered yet"
    phases = "".join(f"{phase:>9}" for phase in Phase)
    lines = [f"{'time':<12} call {phases}{'total':>9} µs  pod or sandbox"]
    for x in traces:
        answered = datetime.fromtimestamp(x.at, UTC).strftime("%H:%M:%S.%f")[:-3]
        times = [x.microseconds.get(phase) for phase in Phase]
        cells = "".join(f"{'-' if t is None else round(t):>9}" for t in times)
        total = round(sum(x.microseconds.values()))
        refusal = f"  refused with code {x.code}" if x.code else ""
        lines.append(
            f"{answered} {x.command:<4} {cells}{total:>9}     {x.pod or x.sandbox}"
            f"{refusal}"
        )
    return plain("\n".join(lines))
