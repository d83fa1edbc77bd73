"""``fakeoci``: the fake cloud from the command line."""

import signal
import ssl
import sys
import time
from pathlib import Path

import click
import msgspec
import trio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fakeoci import oci_folder, tls
from fakeoci.api import admin, imds
from fakeoci.api.app import build
from fakeoci.api.service import CORE, Service
from fakeoci.console.flows import LiveFlows
from fakeoci.console_server import console_door, serve_console
from fakeoci.containers import Containers, Options
from fakeoci.fabric import netns
from fakeoci.fabric.fabric import Fabric
from fakeoci.fabric.netns import FabricError
from fakeoci.fabric.uplink import Uplink
from fakeoci.keeping import StateFile
from fakeoci.server import Door, door_at, listen, serve_doors
from fakeoci.world import worldfile
from fakeoci.world.resources import Instance, Subnet
from fakeoci.world.state import StateError
from fakeoci.world.world import World


@click.group()
@click.version_option(package_name="fakeoci", prog_name="fakeoci")
def main() -> None:
    """A fake Oracle Cloud: the API by HTTP, and its packets in the kernel."""


@main.command()
@click.option(
    "--world",
    default="default",
    show_default=True,
    metavar="FILE",
    help=f"World file (TOML), or one that comes along: {', '.join(worldfile.BUNDLED)}.",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8080, show_default=True, help="0 picks a free one.")
@click.option(
    "--instance",
    default="",
    metavar="NAME",
    help="Take all callers for this instance: IMDS then answers without a fabric.",
)
@click.option(
    "--state",
    default="",
    metavar="FILE",
    help="Keep the cloud in this file; a restarted fake goes on with it.",
)
@click.option(
    "--oci-config",
    default="",
    metavar="DIR",
    help="Write a folder like ~/.oci for Oracle's tools, and DIR/env that names it.",
)
@click.option(
    "--tls",
    "with_tls",
    is_flag=True,
    help="Serve by TLS too; --oci-config then has the CA and https addresses.",
)
@click.option("--tls-port", default=8443, show_default=True, help="0 picks a free one.")
@click.option("--fabric", is_flag=True, help="Route packets too; needs root.")
@click.option(
    "--console",
    "with_console",
    is_flag=True,
    help="Serve a page that shows the cloud live, on this machine only.",
)
@click.option(
    "--console-port", default=8090, show_default=True, help="0 picks a free one."
)
@click.option(
    "--console-socket",
    type=int,
    hidden=True,
    help="The descriptor of a listening socket that the parent opened, for the page.",
)
@click.option(
    "--containers",
    default="",
    metavar="LABEL",
    help="Docker containers with this label are instances; with --fabric.",
)
@click.option(
    "--docker-socket", default="/var/run/docker.sock", show_default=True, metavar="PATH"
)
@click.option("--shape", default="VM.Standard.E5.Flex", show_default=True)
@click.option("--ocpus", default=4.0, show_default=True)
def serve(
    world: str,
    host: str,
    port: int,
    *,
    instance: str,
    state: str,
    oci_config: str,
    with_tls: bool,
    tls_port: int,
    fabric: bool,
    with_console: bool,
    console_port: int,
    console_socket: int | None,
    containers: str,
    docker_socket: str,
    shape: str,
    ocpus: float,
) -> None:
    """Serve a world until interrupted."""
    if containers and not fabric:
        sys.exit("fakeoci: --containers needs --fabric: instances have links")
    if with_tls and not oci_config:
        sys.exit(
            "fakeoci: --tls needs --oci-config DIR: DIR/ca.pem is what tools trust"
        )
    try:
        bundled = world in worldfile.BUNDLED and not Path(world).exists()
        text = worldfile.bundled(world) if bundled else Path(world).read_text()
        parsed = worldfile.parse(text, name=world)
    except (OSError, worldfile.WorldFileError) as error:
        sys.exit(f"fakeoci: {error}")
    service = Service(parsed, time.time)
    kept = StateFile(service, Path(state)) if state else None
    try:
        if kept is not None and kept.read():
            click.echo(f"fakeoci: goes on with {state}", err=True)
        caller = imds.address_of(parsed, instance) if instance else ""
    except KeyError as error:
        sys.exit(f"fakeoci: {error.args[0]}")
    except (OSError, StateError) as error:
        sys.exit(f"fakeoci: {state}: {error}")
    doors = [_door(host, port, caller)]
    if with_tls:
        authority = service.identities.authority
        doors.append(_door(host, tls_port, caller, tls.context(authority, host)))
    page = _page_door(console_port, console_socket) if with_console else None
    kernel = Fabric(parsed, time.time) if fabric else None
    options = Options(
        docker_socket=docker_socket,
        label=containers,
        subnet="nodes",
        shape=shape,
        ocpus=ocpus,
    )
    refusal = ""  # told after the except*, which would wrap an exit in a group
    try:
        trio.run(_serve, service, doors, page, kernel, options, kept, oci_config)
    except* FabricError as group:
        refusal = f"the fabric needs root; the kernel refused: {group.exceptions[0]}"
    except* oci_folder.FolderError as group:
        refusal = str(group.exceptions[0])
    except* OSError as group:
        refusal = str(group.exceptions[0])
    if refusal:
        sys.exit(f"fakeoci: {refusal.strip()}")


@main.command("print-world")
@click.argument("name", default="default")
def print_world(name: str) -> None:
    """Print a world file that comes along, to start one's own from."""
    if name not in worldfile.BUNDLED:
        sys.exit(f"fakeoci: no world named {name!r}: {', '.join(worldfile.BUNDLED)}")
    click.echo(worldfile.bundled(name), nl=False)


def _door(
    host: str, port: int, caller: str, context: ssl.SSLContext | None = None
) -> Door:
    """Return the operator's door, or end with the reason why there is none."""
    try:
        return door_at(host, port, caller, context)
    except (OSError, OverflowError) as error:
        option = "--port" if context is None else "--tls-port"
        sys.exit(
            f"fakeoci: cannot listen at {host}:{port}: {error}; {option} 0 takes a"
            " free port"
        )


def _page_door(port: int, inherited: int | None) -> Door:
    """Return the console's door, or end with the reason why there is none."""
    try:
        return console_door(port, inherited)
    except (OSError, OverflowError, ValueError) as error:
        sys.exit(
            f"fakeoci: the console cannot listen at 127.0.0.1:{port}: {error};"
            " --console-port 0 takes a free port"
        )


async def _serve(
    service: Service,
    own: list[Door],
    page: Door | None,
    fabric: Fabric | None,
    options: Options,
    kept: StateFile | None,
    oci_config: str,
) -> None:
    app = build(service, () if fabric is None else _fabric_routes(fabric))
    doors = list(own)
    url, tls_url = own[0].url, own[1].url if own[1:] else ""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_on_signal, nursery.cancel_scope)
        try:
            if kept is not None:
                await nursery.start(kept.run)
            if fabric is not None:
                await nursery.start(fabric.run)
                for vcn_id, name in fabric.vcn_netns.items():
                    for there in fabric.services[vcn_id]:
                        sock = netns.inside(name, lambda there=there: listen(there, 80))  # type: ignore[misc]
                        doors.append(Door(socket=sock, vcn_id=vcn_id))
            await serve_doors(app, doors, nursery)
            if fabric is not None and options.label:
                await nursery.start(_follow_containers, service, fabric, options)
            if page is not None:
                flows = None if fabric is None else LiveFlows(service, fabric)
                await serve_console(service, flows, page, nursery)
            if oci_config:
                oci_folder.write(Path(oci_config), service, url, tls_url)
            for door in own:
                click.echo(f"fakeoci: {door.url}{CORE}")
            if page is not None:
                click.echo(f"console {page.url}/")
            click.echo("\n".join(_ocids(service.world)))
            sys.stdout.flush()
            await trio.sleep_forever()
        finally:
            if fabric is not None:
                fabric.teardown()


def _ocids(world: World) -> list[str]:
    """Return the OCIDs that most commands need, one per line."""
    lines = [f"tenancy {world.tenancy_id}", f"compartment {world.compartment_id}"]
    lines += [f"subnet {s.display_name} {s.id}" for s in world.all(Subnet)]
    return lines + [f"instance {i.display_name} {i.id}" for i in world.all(Instance)]


async def _follow_containers(
    service: Service,
    fabric: Fabric,
    options: Options,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    vcn_id = service.world.named(Subnet, options.subnet).vcn_id
    uplink = Uplink(fabric.vcn_netns[vcn_id])
    containers = Containers(service.world, service.clock, uplink, options)
    await containers.run(task_status=task_status)


def _fabric_routes(fabric: Fabric) -> list[Route]:
    """Return the operator's view of the packets: flow logs, and the source check."""

    def json(answer: object) -> Response:
        return Response(msgspec.json.encode(answer), media_type="application/json")

    async def flow_logs(_request: Request) -> Response:
        await fabric.close_windows()
        logs = fabric.flow_logs.values()
        return json([record for log in logs for record in log.records()])

    async def state(_request: Request) -> Response:
        await fabric.settled()
        number, last = await fabric.spoofed(), list(fabric.spoofs)
        return json({"spoofed_packets": number, "last_spoofed": [p.way for p in last]})

    return [
        admin.route("GET", "/flowLogs", flow_logs),
        admin.route("GET", "/fabric", state),
    ]


async def _stop_on_signal(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()


if __name__ == "__main__":
    main()
