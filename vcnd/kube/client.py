"""The one door to HTTP of this room: requests to the API server, one at a time."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import msgspec
import trio

from vcnd import __version__
from vcnd.kube.credentials import Credentials, Identity, KubeconfigError
from vcnd.kube.errors import KubeError, refusal
from vcnd.kube.wire import Status

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
JSON = "application/json"
UNAUTHORIZED = 401


class KubeClient:
    """Speaks to the API server that the credentials name."""

    def __init__(
        self,
        credentials: Credentials,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._credentials = credentials
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None
        self._made_with: Identity | None = None

    async def aclose(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
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
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> bytes:
        """Send one request, once again with fresh credentials where they are refused.

        Raises:
            KubeError: it was refused, or there was no answer.
        """
        what = f"{method} {path}"
        try:
            with trio.fail_after(ANSWER_SECONDS):
                parts = query, body, content_type, accept
                response = await self._send(method, path, *parts)
                if response.status_code == UNAUTHORIZED:
                    self._credentials.forget()
                    response = await self._send(method, path, *parts)
        except httpx2.HTTPError as error:
            said = f"{type(error).__name__}: {error}"
            raise KubeError(what, message=said) from error
        except trio.TooSlowError:
            said = f"none within {ANSWER_SECONDS:.0f} s"
            raise KubeError(what, message=said) from None
        if not response.is_success:
            raise _refusal(what, response)
        return response.content

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        content_type: str,
        accept: str,
    ) -> httpx2.Response:
        client, identity = await self._current()
        headers = _headers(identity, accept)
        content = None
        if body is not None:
            content = msgspec.json.encode(body)
            headers["content-type"] = content_type
        return await client.request(
            method,
            identity.server + path,
            params=dict(query or {}),
            content=content,
            headers=headers,
        )

    @asynccontextmanager
    async def watch(
        self, path: str, query: Mapping[str, str], *, accept: str = JSON
    ) -> AsyncIterator[AsyncIterator[str]]:
        """Open a watch; yield its lines.  Left by cancelling the scope around it.

        Raises:
            KubeError: it was refused, could not be opened, or broke off.
        """
        what = f"watch {path}"
        try:
            client, identity = await self._current()
            request = client.build_request(
                "GET",
                identity.server + path,
                params={**query, "watch": "1"},
                headers=_headers(identity, accept),
            )
            response = await client.send(request, stream=True)
            try:
                if not response.is_success:
                    if response.status_code == UNAUTHORIZED:
                        self._credentials.forget()
                    await response.aread()
                    raise _refusal(what, response)
                yield response.aiter_lines()
            finally:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                    await response.aclose()
        except httpx2.HTTPError as error:
            said = f"{type(error).__name__}: {error}"
            raise KubeError(what, message=said) from error

    async def _current(self) -> tuple[httpx2.AsyncClient, Identity]:
        try:
            identity = self._credentials.current()
        except KubeconfigError as error:
            raise KubeError("credentials", message=str(error)) from error
        made_with = self._made_with
        if (
            self._client is None
            or made_with is None
            or not identity.same_tls(made_with)
        ):
            old, self._client = self._client, self._new_client(identity)
            self._made_with = identity
            if old is not None:
                await old.aclose()
        return self._client, identity

    def _new_client(self, identity: Identity) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            # A watch is silent for long; its reader has a limit of its own.
            timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=10),
            verify=identity.ssl_context(),
            transport=self._transport,
            trust_env=False,
        )


def _headers(identity: Identity, accept: str) -> dict[str, str]:
    headers = {"accept": accept, "user-agent": f"vcnd/{__version__}"}
    if identity.token:
        headers["authorization"] = f"Bearer {identity.token}"
    return headers


def _refusal(what: str, response: httpx2.Response) -> KubeError:
    try:
        said = msgspec.json.decode(response.content, type=Status)
    except msgspec.MsgspecError:
        said = Status(message=response.text[:256])
    error = refusal(what, response.status_code, said.reason, said.message)
    # From priority and fairness, or a server that starts.
    after = response.headers.get("retry-after", "")
    error.retry_after_seconds = float(after) if after.isdigit() else 0.0
    return error
