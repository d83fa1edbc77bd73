"""A fake cloud in virtual time, a node's client of it, and one user's key."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from random import Random

import trio
from cryptography.hazmat.primitives.asymmetric import rsa

from fakeoci.api.app import build
from fakeoci.api.service import Service
from fakeoci.transport import FakeTransport
from fakeoci.world import worldfile
from vcnd.ociapi import wire
from vcnd.ociapi.caller import Caller, Endpoints
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.http import Principal
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.network import READ_SECONDS, Client, HttpClient, Reply, Request
from vcnd.ociapi.principals import ApiKey
from vcnd.ociapi.retry import Retrier

EPOCH = 1_800_000_000.0
"""The Unix time at which the virtual clock is 0."""
KEY_ID = "ocid1.tenancy.oc1..test/ocid1.user.oc1..test/00:11"


def cloud(text: str) -> Service:
    """Return the cloud of a world file; the caller's run must have a virtual clock."""
    service = Service(worldfile.parse(text), lambda: EPOCH + trio.current_time())
    service.identities.add_api_key(KEY_ID, signing_key().public_key())
    return service


@asynccontextmanager
async def client(service: Service, address: str) -> AsyncIterator[HttpClient]:
    """Return a client of the cloud whose source is an address."""
    transport = FakeTransport(build(service), client_address=address)
    async with HttpClient(
        verify=False, most=8, read_seconds=READ_SECONDS, transport=transport
    ) as made:
        yield made


@cache
def signing_key() -> rsa.RSAPrivateKey:
    """Return the user's key; a short key signs in a fifth of the time."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505


def user(service: Service) -> Callable[[str], Principal]:
    """Return a maker of the user's principal; this costs no call and no new key."""
    fixed = ApiKey(key_id=KEY_ID, key=signing_key(), wall_clock=service.clock)
    return lambda _federation_url: fixed


async def _here() -> wire.ImdsRegionInfo:
    await trio.lowlevel.checkpoint()
    return wire.ImdsRegionInfo(
        region_identifier="iad", realm_domain_component="example.com"
    )


class _Eventful:
    """A way to the cloud; something happens once, after one operation's answer."""

    def __init__(
        self, inner: Client, operation: str, event: Callable[[], None]
    ) -> None:
        self._inner, self._operation, self._event = inner, operation, event

    async def send(self, request: Request) -> Reply:
        reply = await self._inner.send(request)
        if request.operation == self._operation:
            self._operation = ""
            self._event()
        return reply


@asynccontextmanager
async def operator(
    service: Service, *, after: tuple[str, Callable[[], None]] | None = None
) -> AsyncIterator[tuple[CoreClient, Retrier]]:
    """Return the API as an operator reaches it, with a user's key.

    Args:
        service: the cloud.
        after: an operation, and what happens after its first answer.
    """
    meter = ApiMeter()
    async with client(service, "192.0.2.9") as way:
        caller = Caller(
            client=way if after is None else _Eventful(way, *after),
            region=_here,
            endpoints=Endpoints(),
            principal=user(service),
            meter=meter,
        )
        retry = Retrier(random=Random(1), give_up_seconds=5.0, meter=meter)
        yield CoreClient(caller), retry


def calls(service: Service, operation: str = "") -> int:
    """Return the number of API calls of one operation, or of all; IMDS is excluded."""
    return sum(
        operation in ("", r.operation) for r in service.records if r.operation != "IMDS"
    )
