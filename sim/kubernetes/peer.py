"""An API server, the simulated or the real one, as a case of their contract asks it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from math import inf
from typing import Any

import httpx2
import trio

from sim.kubernetes.resources import Body
from sim.kubernetes.writes import MERGE

WAIT_SECONDS = 60.0
BUSY = 429
PODS, NODES = "/api/v1/namespaces/default/pods", "/api/v1/nodes"
NETWORKS = "/apis/oci.oraclecloud.com/v1beta1/nativepodnetworks"
PARTIAL = "application/json;as=PartialObjectMetadata{};v=v1;g=meta.k8s.io"
Events = Callable[[], Awaitable[Body]]
"""Returns a watch's next event."""


class Peer:
    """A server, asked as an administrator."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        *,
        forget: Callable[[], Awaitable[None]],
    ) -> None:
        """Make it.

        Args:
            client: has the server's address and an administrator's token.
            forget: starts the server anew, with a store that has the newest version
                of each object and no other.
        """
        self._client, self.forget = client, forget

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        kind: str = "",
        accept: str = "application/json",
        token: str = "",
        **query: str,
    ) -> tuple[int, Body]:
        """Send a request, with another token if one is given; return the answer."""
        headers = {"accept": accept}
        if token:
            headers["authorization"] = f"Bearer {token}"
        if body is not None:
            own = MERGE if method == "PATCH" else "application/json"
            headers["content-type"] = kind or own
        content = None if body is None else json.dumps(body).encode()
        while True:
            response = await self._client.request(
                method, path, params=query, content=content, headers=headers
            )
            if response.status_code != BUSY:
                return response.status_code, response.json()
            await trio.sleep(1.0)  # it has started a moment ago

    async def make(self, path: str, body: Body) -> Body:
        """Create an object; return it."""
        code, made = await self.send("POST", path, body)
        assert code == 201, made
        return made

    @asynccontextmanager
    async def watch(
        self, path: str, *, accept: str = "application/json", **query: str
    ) -> AsyncIterator[Events]:
        """Watch; yield what returns the next event; an empty one is the end."""
        async with trio.open_nursery() as nursery:
            send, receive = trio.open_memory_channel[Body](inf)
            opened = trio.Event()

            async def follow() -> None:
                headers = {"accept": accept}
                params = {**query, "watch": "1"}
                async with self._client.stream(
                    "GET", path, params=params, headers=headers, timeout=None
                ) as response:
                    assert response.status_code == 200
                    opened.set()
                    async for line in response.aiter_lines():
                        send.send_nowait(json.loads(line))
                send.send_nowait({})

            async def following() -> Body:
                with trio.fail_after(WAIT_SECONDS):
                    return await receive.receive()

            nursery.start_soon(follow)
            await opened.wait()
            yield following
            nursery.cancel_scope.cancel()


def pod(name: str, node: str = "", **meta: Any) -> Body:
    """Return a pod; bound if there is a node."""
    spec: Body = {"containers": [{"name": "c", "image": "c"}]}
    if node:
        spec["nodeName"] = node
    return {"metadata": {"name": name, **meta}, "spec": spec}


def network(name: str) -> Body:
    """Return a NativePodNetwork."""
    return {
        "apiVersion": "oci.oraclecloud.com/v1beta1",
        "kind": "NativePodNetwork",
        "metadata": {"name": name},
        "spec": {"id": f"ocid1.instance.oc1.iad.{name}", "podSubnetIds": ["s"]},
    }


def version(body: Body) -> str:
    """Return an object's or a list's version."""
    found: str = body["metadata"]["resourceVersion"]
    return found


def told(event: Body) -> tuple[str, str]:
    """Return an event's type, and the name of its object."""
    return event["type"], event["object"]["metadata"].get("name", "")


def by_name(name: str) -> str:
    """Return a field selector of one object."""
    return f"metadata.name={name}"


Case = Callable[[Peer], Awaitable[None]]
"""What is expected of a server; it makes objects of names that no other case uses."""
