"""``fakeoci.serving()``: a served fake in a thread, for clients that block.

with fakeoci.serving() as cloud:
    network = VirtualNetworkClient(cloud.config, service_endpoint=cloud.url)
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import trio

from fakeoci.api.app import build
from fakeoci.api.imds import address_of
from fakeoci.api.service import Service
from fakeoci.console.console import Flows
from fakeoci.console_server import console_door, serve_console
from fakeoci.credentials import api_key
from fakeoci.server import Door, door_at, serve_doors
from fakeoci.tls import context
from fakeoci.world import worldfile
from fakeoci.world.resources import Instance, Subnet

START_SECONDS = 30.0


class ServingError(Exception):
    """The fake cannot be served, or it broke down; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A fake that is being served."""

    service: Service
    """Its world, faults and request log: look into it between calls."""
    url: str
    """The ``service_endpoint`` for clients."""
    config: dict[str, str]
    """A configuration for Oracle's SDK, with a key that the fake accepts."""
    tls_url: str = ""
    """The same by TLS; empty unless requested."""
    console_url: str = ""
    """The page that shows the cloud live; empty unless requested."""

    @property
    def ca_pem(self) -> str:
        """Return the certificate that clients of ``tls_url`` must trust."""
        return self.service.identities.authority.root_pem().decode()

    @property
    def metadata_url(self) -> str:
        """Return the value for ``OCI_METADATA_BASE_URL``."""
        return f"{self.url}/opc/v2"

    @property
    def federation_url(self) -> str:
        """Return the ``federation_endpoint`` for an instance principal."""
        return f"{self.url}/v1/x509"

    @property
    def key_pem(self) -> str:
        """Return the private key of the configuration."""
        return self.config["key_content"]

    @property
    def tenancy(self) -> str:
        """Return the tenancy's OCID."""
        return self.service.world.tenancy_id

    @property
    def compartment(self) -> str:
        """Return the OCID of the compartment of everything."""
        return self.service.world.compartment_id

    @property
    def subnets(self) -> dict[str, str]:
        """Return the OCIDs of the subnets, by display name."""
        return {s.display_name: s.id for s in self.service.world.all(Subnet)}

    @property
    def instances(self) -> dict[str, str]:
        """Return the OCIDs of the instances, by display name."""
        return {i.display_name: i.id for i in self.service.world.all(Instance)}


@contextmanager
def serving(
    world: str | None = None,
    *,
    port: int = 0,
    instance: str | None = None,
    tls: bool = False,
    console: bool = False,
) -> Iterator[Cloud]:
    """Serve a fake cloud on this machine's loopback address until the block ends.

    Args:
        world: text of a world file; the default world if left out.
        port: the port to listen at; 0 takes a free one.
        instance: name of the instance that metadata takes callers for; the first
            one of the world if left out.
        tls: serve by TLS too, at a free port.
        console: serve the console's page too, at a free port.

    Raises:
        WorldFileError: the world file cannot be used.
        ServingError: the port is in use, there is no such instance, or the server
            broke down while the block ran.
    """
    text = world if world is not None else worldfile.default_text()
    service = Service(worldfile.parse(text), time.time)
    names = [i.display_name for i in service.world.all(Instance)]
    if instance is not None and instance not in names:
        raise ServingError(f"no instance {instance!r}: the world has {names}")
    chosen = instance if instance is not None else next(iter(names), None)
    address = address_of(service.world, chosen) if chosen is not None else ""
    config = api_key().introduce(service) | {"key_content": api_key().pem}
    try:
        doors = [door_at("127.0.0.1", port, address)]
    except OSError as error:
        raise ServingError(
            f"cannot listen at 127.0.0.1:{port}: {error}; port=0 takes a free one"
        ) from error
    if tls:
        trust = context(service.identities.authority)
        doors.append(door_at("127.0.0.1", 0, address, trust))
    url, tls_url = doors[0].url, doors[1].url if tls else ""
    page = console_door(0) if console else None
    with served(service, doors, page):
        yield Cloud(
            service=service,
            url=url,
            config=config,
            tls_url=tls_url,
            console_url="" if page is None else f"{page.url}/",
        )


@contextmanager
def served(
    service: Service,
    doors: list[Door],
    page: Door | None = None,
    flows: Flows | None = None,
) -> Iterator[None]:
    """Serve a fake at doors, in a thread of its own, until the block ends.

    Args:
        service: the fake.
        doors: of its API.
        page: the console's door; None for no console.
        flows: those that the console shows.

    Raises:
        ServingError: the server did not start, or broke down while the block ran.
    """
    server = _Server(service, doors, page, flows)
    server.start()
    try:
        yield
    finally:
        server.stop()
    if server.error is not None:
        raise ServingError(f"the fake broke down: {server.error!r}") from server.error


class _Server:
    """The fake's own thread and loop."""

    def __init__(
        self,
        service: Service,
        doors: list[Door],
        page: Door | None,
        flows: Flows | None,
    ) -> None:
        self._service = service
        self._doors = doors
        self._page = page
        self._flows = flows
        self._scope = trio.CancelScope()
        self._token: trio.lowlevel.TrioToken | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fakeoci", daemon=True)
        self.error: BaseException | None = None

    def start(self) -> None:
        """Return when the doors answer."""
        self._thread.start()
        if not self._started.wait(START_SECONDS) or self.error is not None:
            self.stop()
            why = "it took too long" if self.error is None else repr(self.error)
            raise ServingError(f"the fake did not start: {why}") from self.error

    def stop(self) -> None:
        """End the server and its thread."""
        if self._token is not None and self._thread.is_alive():
            with suppress(trio.RunFinishedError):  # it broke down on its own
                self._token.run_sync_soon(self._scope.cancel)
        self._thread.join()

    def _run(self) -> None:
        try:
            trio.run(self._serve)
        except BaseException as error:  # noqa: BLE001 - told by serving()
            self.error = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        with self._scope:
            async with trio.open_nursery() as nursery:
                await serve_doors(build(self._service), self._doors, nursery)
                if self._page is not None:
                    await serve_console(self._service, self._flows, self._page, nursery)
                self._started.set()
                await trio.sleep_forever()
