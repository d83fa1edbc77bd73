"""A console of the default world, whose time is the test's."""

from collections.abc import AsyncIterator

import httpx2
import pytest
import trio

from fakeoci.api.service import Service
from fakeoci.console.app import build
from fakeoci.console.console import Console
from fakeoci.console.guard import hosts
from fakeoci.transport import FakeTransport
from fakeoci.world import worldfile

PORT = 8090


@pytest.fixture
def service() -> Service:
    made = Service(worldfile.parse(worldfile.default_text()), trio.current_time)
    made.world.settings.behaviour.verify_signatures = False
    return made


@pytest.fixture
def console(service: Service) -> Console:
    return Console(service, epoch="first")


@pytest.fixture
async def page(console: Console) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the console's app, as a browser on its page is."""
    transport = FakeTransport(build(console, hosts(PORT)))
    base = f"http://127.0.0.1:{PORT}"
    async with httpx2.AsyncClient(transport=transport, base_url=base) as client:
        yield client
