"""Requests to the API server, one at a time.

A bad answer ends its request and no more: it becomes ``KubeError``.  No answer takes
more memory or time than the limits here.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from types import MappingProxyType
from typing import Any

import msgspec
import trio

from vcnd import web
from vcnd.foreign import UNDECODABLE, printable
from vcnd.kubeapi.credentials import Credentials, Identity, KubeconfigError
from vcnd.kubeapi.decode import decode
from vcnd.kubeapi.errors import BadAnswerError, KubeError, refusal
from vcnd.kubeapi.network import Connect, Network, Request, by_http
from vcnd.kubeapi.wire import Status
from vcnd.web import Answer, BadBodyError, NoAnswerError

ANSWER_SECONDS = 30.0
"""For one request with its whole answer, and a second try with fresh credentials."""
MOST_BODY_BYTES = 64 * 1024 * 1024
"""Of an answer.  A list of 10,000 whole Namespaces is some 20 MiB."""
MOST_LINE_BYTES = 4 * 1024 * 1024
"""Of a watch.  etcd takes objects of 1.5 MiB; JSON may be twice as long."""
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
JSON = "application/json"
UNAUTHORIZED = 401
NO_QUERY: Mapping[str, str] = MappingProxyType({})


class KubeClient:
    """Speaks to the API server that the credentials name."""

    def __init__(self, credentials: Credentials, connect: Connect = by_http) -> None:
        """Make it; it connects when it is used.

        Args:
            credentials: name the server, and say who asks.
            connect: makes the way to the server.
        """
        self._credentials = credentials
        self._connect = connect
        self._network: Network | None = None
        self._made_with: Identity | None = None

    async def aclose(self) -> None:
        """Close all connections."""
        if self._network is not None:
            await self._network.aclose()
            self._network = None

    async def get(
        self,
        path: str,
        query: Mapping[str, str] = NO_QUERY,
        *,
        accept: str = JSON,
    ) -> bytes:
        """GET; return the body."""
        return await self.request("GET", path, query=query, accept=accept)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = NO_QUERY,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> bytes:
        """Send one request; repeat it once with fresh credentials if they are refused.

        Raises:
            KubeError: it was refused, or there was no answer.
        """
        what = f"{method} {path}"
        try:
            with trio.fail_after(ANSWER_SECONDS):
                parts = query, body, content_type, accept
                answer, content = await self._send(method, path, *parts)
                if answer.status == UNAUTHORIZED:
                    self._credentials.forget()
                    answer, content = await self._send(method, path, *parts)
        except trio.TooSlowError:
            message = f"none within {ANSWER_SECONDS:.0f} s"
            raise KubeError(what, message=message) from None
        except NoAnswerError as error:
            raise KubeError(what, message=printable(str(error))) from error
        if not web.is_success(answer):
            raise _refusal(what, answer, content)
        if method != "GET":
            _check_written(what, content)
        return content

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Any,
        content_type: str,
        accept: str,
    ) -> tuple[Answer, bytes]:
        network, identity = await self._current()
        headers = _headers(identity, accept)
        content = None
        if body is not None:
            content = msgspec.json.encode(body)
            headers["content-type"] = content_type
        answer = await network.send(
            Request(
                method=method,
                server=identity.server,
                path=path,
                query=query,
                headers=headers,
                body=content,
            )
        )
        try:
            return answer, await _read(f"{method} {path}", answer)
        finally:
            await web.close(answer)

    @asynccontextmanager
    async def watch(
        self, path: str, query: Mapping[str, str], *, accept: str = JSON
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a watch; yield its lines.  Cancel the scope around it to leave.

        Raises:
            KubeError: it was refused, could not be opened, or broke off.
        """
        what = f"watch {path}"
        try:
            network, identity = await self._current()
            answer = await network.send(
                Request(
                    method="GET",
                    server=identity.server,
                    path=path,
                    query={**query, "watch": "1"},
                    headers=_headers(identity, accept),
                )
            )
            try:
                if not web.is_success(answer):
                    if answer.status == UNAUTHORIZED:
                        self._credentials.forget()
                    raise _refusal(what, answer, await _read(what, answer))
                yield _lines(what, answer)
            finally:
                await web.close(answer)
        except NoAnswerError as error:
            raise KubeError(what, message=printable(str(error))) from error

    async def _current(self) -> tuple[Network, Identity]:
        try:
            identity = self._credentials.current()
        except KubeconfigError as error:
            raise KubeError("credentials", message=str(error)) from error
        made_with = self._made_with
        if (
            self._network is None
            or made_with is None
            or not identity.same_tls(made_with)
        ):
            try:
                fresh = self._connect(identity)
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                message = f"certificates of {identity.server} cannot be used: {error}"
                raise KubeError("credentials", message=message) from error
            old, self._network = self._network, fresh
            self._made_with = identity
            if old is not None:
                await old.aclose()
        return self._network, identity


def _headers(identity: Identity, accept: str) -> dict[str, str]:
    headers = {"accept": accept}
    if identity.token:
        headers["authorization"] = f"Bearer {identity.token}"
    return headers


async def _read(what: str, answer: Answer) -> bytes:
    """Return a body, read until its end or its limit."""
    try:
        return await web.read(answer, most=MOST_BODY_BYTES)
    except BadBodyError as error:
        raise BadAnswerError(what, message=printable(str(error))) from error


async def _lines(what: str, answer: Answer) -> AsyncIterator[bytes]:
    """Yield a body's lines."""
    try:
        web.check_unpacked(answer)
    except BadBodyError as error:
        raise BadAnswerError(what, message=printable(str(error))) from error
    held = bytearray()
    async with aclosing(answer.chunks()) as chunks:
        async for chunk in chunks:
            first, *others = chunk.split(b"\n")
            held += first
            for other in others:
                yield bytes(held)
                held = bytearray(other)
            if len(held) > MOST_LINE_BYTES:
                message = f"a line of more than {MOST_LINE_BYTES} bytes"
                raise BadAnswerError(what, message=message)
    yield bytes(held)


def _check_written(what: str, content: bytes) -> None:
    """Raise unless a write was answered with an object.

    A proxy's page says 200 too, and nothing was written.
    """
    decode(what, content, dict[str, msgspec.Raw])


def _refusal(what: str, answer: Answer, content: bytes) -> KubeError:
    try:
        status = msgspec.json.decode(content, type=Status)
    except UNDECODABLE:
        status = Status(message=printable(content, 256))
    error = refusal(
        what,
        answer.status,
        printable(status.reason, 64),
        printable(status.message),
    )
    # From priority and fairness, or a server that starts.
    after = answer.headers.get("retry-after", "")
    seconds = after.isascii() and after.isdigit() and len(after) < 6  # noqa: PLR2004
    error.retry_after_seconds = float(after) if seconds else 0.0
    return error
