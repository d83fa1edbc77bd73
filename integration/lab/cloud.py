"""The fake cloud as its own process, and the operator's view of it."""

import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import trio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from vcnd.ociapi.signing import sign

PORT = 8080
BASE = f"http://127.0.0.1:{PORT}"
START_SECONDS = 60.0
IDLE_SECONDS = 1.0
"""The client closes an idle connection then.  The fake does after 5 s, and would break
off a call that comes at that moment."""
KEY_ID = "ocid1.tenancy.oc1..lab/ocid1.user.oc1..operator/aa:bb:cc"


class Cloud:
    """A running fake, by its API and its own door."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    async def _get(self, path: str) -> Any:
        response = await self._client.get(f"{BASE}/fake/v1{path}")
        response.raise_for_status()
        return response.json()

    async def world(self) -> dict[str, list[dict[str, Any]]]:
        """Return every object, by kind."""
        answer: dict[str, list[dict[str, Any]]] = await self._get("/world")
        return answer

    async def requests(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the request log after a number."""
        answer: list[dict[str, Any]] = await self._get(f"/requests?after={after}")
        return answer

    async def flow_log(self, **fields: object) -> list[dict[str, Any]]:
        """Return the data of the flow log's records that have some fields' values."""
        records = [r["data"] for r in await self._get("/flowLogs")]
        return [data for data in records if fields.items() <= data.items()]

    async def spoofed_packets(self) -> int:
        """Return how many packets the source check has dropped."""
        answer: dict[str, Any] = await self._get("/fabric")
        number: int = answer["spoofed_packets"]
        return number

    async def last_spoofed(self) -> list[dict[str, Any]]:
        """Return the last of those packets."""
        answer: dict[str, Any] = await self._get("/fabric")
        ways: list[dict[str, Any]] = answer["last_spoofed"]
        return ways

    async def settled(self) -> None:
        """Return when the fabric has reached the API's state."""
        await self._get("/fabric")

    async def fault(self, **details: Any) -> None:
        """Make the next calls of an operation fail."""
        response = await self._client.post(f"{BASE}/fake/v1/faults", json=details)
        response.raise_for_status()

    async def clear_faults(self) -> None:
        """Remove all faults."""
        (await self._client.delete(f"{BASE}/fake/v1/faults")).raise_for_status()

    async def name_occupants(self, names: Mapping[str, str]) -> None:
        """Tell who uses which address; an empty name takes one back."""
        url = f"{BASE}/fake/v1/occupants"
        (await self._client.post(url, json=dict(names))).raise_for_status()

    async def hide(self, *ids: str, seconds: float) -> None:
        """Let lists and the metadata service leave objects out for a while."""
        body = {"ids": ids, "seconds": seconds}
        url = f"{BASE}/fake/v1/actions/hide"
        (await self._client.post(url, json=body)).raise_for_status()

    async def freeze_attachments(self, *, frozen: bool) -> None:
        """Stop the progress of attachments and detachments, or let them go on."""
        action = "freeze" if frozen else "thaw"
        path = f"{BASE}/fake/v1/vnicAttachments/actions/{action}"
        (await self._client.post(path)).raise_for_status()

    def private_key(self) -> str:
        """Return the operator's API key as PEM."""
        form = serialization.PrivateFormat.TraditionalOpenSSL
        encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        return self._key.private_bytes(encoding, form, plain).decode()

    async def introduce_operator(self) -> None:
        """Let the fake know the operator's API key."""
        public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        body = {"key_id": KEY_ID, "public_key": public.decode()}
        response = await self._client.post(f"{BASE}/fake/v1/apiKeys", json=body)
        response.raise_for_status()

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the Core API as the operator, signed with an API key."""
        content = json.dumps(body).encode() if body is not None else None
        target = f"/20160918{path}"
        headers = sign(
            method=method,
            target=target,
            host=f"127.0.0.1:{PORT}",
            body=content,
            key=self._key,
            key_id=KEY_ID,
            now=time.time(),
        )
        response = await self._client.request(
            method, f"{BASE}{target}", content=content, headers=headers
        )
        response.raise_for_status()
        return response.json() if response.content else None


@asynccontextmanager
async def running_cloud(
    world_file: Path, log: Path, console_socket: int | None = None
) -> AsyncIterator[Cloud]:
    """Run the fake with its fabric; all its namespaces are gone afterwards.

    Args:
        world_file: its world.
        log: the file for its log.
        console_socket: the descriptor of a listening socket for its console.
    """
    command = [sys.executable, "-m", "fakeoci", "serve", "--fabric"]
    command += ["--world", str(world_file), "--port", str(PORT)]
    passed = [] if console_socket is None else [console_socket]
    if passed:
        command += ["--console", "--console-socket", str(console_socket)]
    with log.open("wb") as output:
        process = await trio.lowlevel.open_process(
            command,
            stdout=subprocess.PIPE,
            stderr=output,
            pass_fds=passed,
            process_group=0,  # Ctrl-C is for the lab, which ends it in its turn
        )
        stdout = process.stdout
        assert stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            first: bytes | bytearray = b""
            with trio.move_on_after(START_SECONDS):
                first = await stdout.receive_some()  # says that it serves
            if not first:
                text = log.read_text()  # noqa: ASYNC240 - a short file, at the end
                raise RuntimeError(f"fakeoci did not start:\n{text}")
            limits = httpx2.Limits(keepalive_expiry=IDLE_SECONDS)
            async with httpx2.AsyncClient(timeout=60, limits=limits) as client:
                cloud = Cloud(client)
                await cloud.introduce_operator()
                yield cloud
        finally:
            process.terminate()
            with trio.CancelScope(shield=True):
                await process.wait()
                await stdout.aclose()
