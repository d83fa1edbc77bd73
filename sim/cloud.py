"""A fake cloud in virtual time, a node's client of it, and one user's key."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache

import httpx2
import trio
from cryptography.hazmat.primitives.asymmetric import rsa

from fakeoci.api.app import build
from fakeoci.api.service import Service
from fakeoci.transport import FakeTransport
from fakeoci.world import worldfile
from vcnd.ociapi.http import READ_SECONDS, Principal
from vcnd.ociapi.principals import ApiKey

EPOCH = 1_800_000_000.0
"""The Unix time at which the virtual clock is 0."""
KEY_ID = "ocid1.tenancy.oc1..test/ocid1.user.oc1..test/00:11"


def cloud(text: str) -> Service:
    """Return the cloud of a world file; the caller's run must have a virtual clock."""
    service = Service(worldfile.parse(text), lambda: EPOCH + trio.current_time())
    service.identities.add_api_key(KEY_ID, signing_key().public_key())
    return service


@asynccontextmanager
async def client(service: Service, address: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of the cloud whose source is an address."""
    transport = FakeTransport(build(service), client_address=address)
    async with httpx2.AsyncClient(transport=transport, timeout=READ_SECONDS) as made:
        yield made


@cache
def signing_key() -> rsa.RSAPrivateKey:
    """Return the user's key; a short key signs in a fifth of the time."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505


def user(service: Service) -> Callable[[str], Principal]:
    """Return a maker of the user's principal; this costs no call and no new key."""
    fixed = ApiKey(key_id=KEY_ID, key=signing_key(), wall_clock=service.clock)
    return lambda _federation_url: fixed


def calls(service: Service, operation: str = "") -> int:
    """Return the number of API calls of one operation, or of all; IMDS is excluded."""
    return sum(
        operation in ("", r.operation) for r in service.records if r.operation != "IMDS"
    )
