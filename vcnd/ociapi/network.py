"""The way to the network of this room: a request goes out, its answer comes back whole.

No answer takes more memory or time than the limits here.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import msgspec

from vcnd import web
from vcnd.foreign import printable
from vcnd.model.cause import Cause
from vcnd.model.errors import CloudRefusedError
from vcnd.ociapi.errors import BadAnswerError, NoAnswerError
from vcnd.web import BadBodyError, Connections, Url

READ_SECONDS = 60.0
"""Time without a byte; Oracle allows 55 s (docs/oci.md#rates-and-latencies)."""
MOST_BODY_BYTES = 8 * 1024 * 1024
"""Size of an answer.  A full page (500 objects of some 2 KiB) is 1 MiB.  h11 limits
headers to 100 KiB."""
MOST_CONNECTIONS = 8


class Place(msgspec.Struct, frozen=True):
    """What a URL says, as it is sent."""

    url: Url
    host: str
    """The Host header."""
    target: str
    """Path and query."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request; the names of its headers are in lower case."""

    operation: str
    """OCI's name for it, for errors."""
    method: str
    place: Place
    headers: Mapping[str, str]
    body: bytes | None

    def __repr__(self) -> str:
        """Return no secret: headers and bodies have tokens."""
        return f"Request({self.operation})"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer; its headers are asked for by names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Return True if it is no refusal."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of good answers


class Client(Protocol):
    """The way to the network."""

    async def send(self, request: Request) -> Reply:
        """Send a request; return its answer.

        Raises:
            NoAnswerError: there was none, or none that can be read.
        """


class HttpClient(Connections):
    """The way by HTTP."""

    async def send(self, request: Request) -> Reply:
        """Send a request; return its answer (``Client.send``)."""
        operation = request.operation
        with in_words(operation):
            answer = await self.begin(
                request.method,
                request.place.url,
                headers=request.headers,
                body=request.body,
            )
            try:
                body = await web.read(answer, most=MOST_BODY_BYTES)
            except BadBodyError as error:
                why, request_id = printable(str(error)), request_id_of(answer.headers)
                raise BadAnswerError(operation, why, request_id) from error
            finally:
                await web.close(answer)
        return Reply(status=answer.status, body=body, headers=answer.headers)


def system_trust(folder: Path) -> ssl.SSLContext | bool:
    """Return what trusts the system's authorities.

    OpenSSL reads a certificate of a folder of hashed names when a server's chain needs
    it.  All of them, out of the one file, take 1.3 MiB and longer than 10 ms.

    Args:
        folder: OpenSSL's; without hashed names the file is read.
    """
    if not any(folder.glob("*.0")):
        return True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(capath=str(folder))
    return context


def new_client(ca_file: Path | None = None) -> HttpClient:
    """Return a client with keep-alive, as the daemon uses it.

    Args:
        ca_file: the only certificates to trust; the system's where it is None.
    """
    verify = system_trust(Path(ssl.get_default_verify_paths().openssl_capath))
    if ca_file is not None:
        try:
            verify = ssl.create_default_context(cafile=str(ca_file))
        except (OSError, ValueError) as error:
            raise CloudRefusedError(
                f"{ca_file}: no usable certificates: {error}",
                cause=Cause.BAD_CONFIGURATION,
            ) from error
    return HttpClient(verify=verify, most=MOST_CONNECTIONS, read_seconds=READ_SECONDS)


@contextmanager
def in_words(operation: str) -> Iterator[None]:
    """Turn what can be wrong with an exchange into ``NoAnswerError``."""
    try:
        with web.in_words():
            yield
    except web.NoAnswerError as error:
        raise NoAnswerError(f"{operation}: {printable(str(error))}") from error


@lru_cache(maxsize=128)
def place_of(url: str) -> Place:
    """Return what a URL says: most are requested again and again."""
    parsed = Url(url)
    return Place(parsed, parsed.netloc.decode(), parsed.raw_path.decode())


def request_id_of(headers: Mapping[str, str]) -> str:
    """Return an answer's opc-request-id in the form for errors."""
    return printable(headers.get("opc-request-id", "none"), 128)
