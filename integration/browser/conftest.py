"""A cloud with a console, and a browser on its page."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from fakeoci.api.imds import address_of
from fakeoci.api.service import CORE, Service
from fakeoci.cloud import served
from fakeoci.console_server import console_door
from fakeoci.server import door_at
from fakeoci.world import worldfile
from fakeoci.world.resources import Instance, PrivateIp
from integration.browser import chromium
from integration.browser.flows import GivenFlows

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 360, "height": 780}


@dataclass(kw_only=True)
class Site:
    """A cloud whose console is served, and a client of its API."""

    service: Service
    flows: GivenFlows = field(default_factory=GivenFlows)
    port: int = 0
    """Of the console; it stays the same when the cloud is served again."""
    api: str = ""

    @property
    def url(self) -> str:
        """Return the page's address."""
        return f"http://127.0.0.1:{self.port}/"

    def call(self, path: str = "/vcns") -> int:
        """Call the API; return the status, 0 if there was no answer."""
        where = {"compartmentId": self.service.world.compartment_id}
        with httpx2.Client() as client:
            try:
                return client.get(f"{self.api}{CORE}{path}", params=where).status_code
            except httpx2.TransportError:
                return 0

    def add_block(self) -> PrivateIp:
        """Give node1 the block 10.0.0.64/29, and return it."""
        world = self.service.world
        vnic = world.vnics_of(world.named(Instance, "node1").id)[0]
        return world.add(
            PrivateIp(
                id="block",
                compartment_id=world.compartment_id,
                ip_address="10.0.0.64",
                prefix_length=29,
                subnet_id=vnic.subnet_id,
                vnic_id=vnic.id,
            )
        )

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve API and console until the block ends."""
        door = door_at("127.0.0.1", 0, address_of(self.service.world, "node1"))
        page = console_door(self.port)
        self.api, self.port = door.url, page.socket.getsockname()[1]
        with served(self.service, [door], page, self.flows):
            yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, the same for all tests."""
    if not chromium.is_present():
        pytest.skip("no Chromium on this machine, or no library to drive it")
    with chromium.running() as running:
        yield running


def fresh_site() -> Site:
    """Return a cloud that is not served yet."""
    service = Service(worldfile.parse(worldfile.default_text()), time.time)
    service.world.settings.behaviour.verify_signatures = False
    return Site(service=service)


@pytest.fixture
def site() -> Iterator[Site]:
    """A cloud that is served."""
    made = fresh_site()
    with made.serving():
        yield made


@pytest.fixture
def page(browser: Any, site: Site) -> Iterator[Any]:
    """The page in a wide window; it may report no error and ask no other host."""
    told: list[str] = []
    with chromium.opened(browser, site.url, told, viewport=WIDE) as opened:
        yield opened
    assert told == []
