"""The commands about a node's pods, addresses and VNICs."""

import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click
import msgspec

from vcnd.ctl.telling import as_json, plain, telling
from vcnd.model.phases import CallTrace, Phase
from vcnd.model.status import ExpressStatus, NodeStatus
from vcnd.serve.ask import ask, ask_status, ask_traces, switch_express

DEFAULT_SOCKET = "/run/vcnd/cni.sock"


@click.group()
@click.option(
    "--socket",
    "path",
    default=lambda: os.environ.get("VCND_SOCKET", DEFAULT_SOCKET),
    show_default=DEFAULT_SOCKET,
    help="The daemon's socket.",
)
@click.version_option(package_name="vcnd")
@click.pass_context
def main(context: click.Context, path: str) -> None:
    """Look at a node's vcnd."""
    context.obj = path


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the state as JSON.")
@click.pass_obj
def status(path: str, *, as_json: bool) -> None:
    """Show pool, VNICs, leases and what is wrong."""
    with telling():
        if as_json:
            click.echo(json.dumps(ask(path, "VCND_STATUS"), indent=2))
        else:
            click.echo(describe(ask_status(path)))


@main.command()
@click.pass_obj
def release(path: str) -> None:
    """Give every address and VNIC of this node back to the cloud.

    Refused while pods hold addresses: drain the node first.
    """
    with telling():
        ask(path, "VCND_RELEASE")
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
    """Let established connections take the express lane, until a restart."""
    with telling():
        state = switch_express(path, on=True)
    _show_express(state, as_json=as_json)
    if not state.on:
        sys.exit("vcndctl: the express lane stays off")


@express.command("off")
@as_json
@click.pass_obj
def express_off(path: str, *, as_json: bool) -> None:
    """Send every packet the ordinary path, until a restart."""
    with telling():
        state = switch_express(path, on=False)
    _show_express(state, as_json=as_json)


@express.command("status")
@as_json
@click.pass_obj
def express_status(path: str, *, as_json: bool) -> None:
    """Show whether the express lane is on, and what uses it."""
    with telling():
        state = ask_status(path)
    _show_express(state.express, as_json=as_json)


def _show_express(state: ExpressStatus, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(state), indent=2))
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
        traces = ask_traces(path)[:number]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(traces), indent=2))
    else:
        click.echo(describe_traces(traces))


def describe(state: NodeStatus) -> str:
    """Return a state in lines for a person."""
    pool = state.pool
    lines = [
        f"{family:<9} {n.leased} leased, {n.free} free, {n.cooling} cooling,"
        f" {n.deleting} deleting"
        for family, n in state.families.items()
    ]
    lines += [
        f"pool      demand {pool.demand}, target {pool.target}, {pool.waiting} waiting",
        f"cloud     {'observed' if state.cloud_observed else 'not reached yet'};"
        f" {len(state.vnics)} of {state.vnic_limit} VNICs are known here",
        describe_express(state.express),
    ]
    for vnic in state.vnics:
        kind = "primary" if vnic.primary else f"{vnic.addresses:>3} addresses"
        lines.append(
            f"vnic {vnic.index:<4} {vnic.address:<15} {vnic.mac}  {kind:<14}"
            f" {vnic.id[-12:]} {vnic.subnet_cidr}"
            + (f" class {vnic.pod_class}" if vnic.pod_class else "")
        )
    lines += [
        f"lease     {' '.join(lease.addresses):<15} {lease.host_ifname:<14}"
        f" {lease.pod or lease.container_id[:13]}"
        + ("" if lease.express else " not express")
        for lease in state.leases
    ]
    lines += [
        f"broken    {b.pod or b.container_id[:13]}: {b.cause}: {b.reason}"
        for b in state.broken
    ]
    lines += [
        f"problem   for {p.since_seconds:.0f} s, seen {p.count} times, last"
        f" {p.seconds_ago:.0f} s ago: {p.what}: {p.cause}: {p.reason}"
        for p in state.problems
    ]
    return plain("\n".join(lines))


def describe_express(state: ExpressStatus) -> str:
    """Return the express lane's state in one line for a person."""
    if not state.on:
        return plain(f"express   off: {state.cause}: {state.reason}")
    return (
        f"express   on: {state.pods} pods, {state.flows} flows,"
        f" {state.express_packets} packets, {state.ordinary_packets} by the ordinary"
        " path"
    )


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
