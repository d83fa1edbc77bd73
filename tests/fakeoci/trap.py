"""Calls to OCI's hosts by libraries that ``mock_oci()`` does not fake, and a trap.

``python -m tests.fakeoci.trap mocked|open|watched`` prints, by name, each library's
error and the events that the trap saw.  The trap is an audit hook behind the mock's,
and stops all calls too.  ``watched`` is ``mocked`` without the trap, for tests that
count packets.
"""

import asyncio
import http.client
import json
import socket
import sys
import urllib.request
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import httpx2
import trio

from fakeoci.mock import mock_oci
from fakeoci.mocking.hosts import as_address

HOST = "iaas.us-ashburn-1.oraclecloud.com"
IMDS = "169.254.169.254"
IMDS6 = "fd00:c1::a9fe:a9fe"
ELSEWHERE = "192.0.2.7"  # for documentation: no host has it (RFC 5737)
SIGHT = ("getaddrinfo", "gethostby", "getnameinfo", "connect", "sendto", "sendmsg")


class TrappedError(Exception):
    """A call that would have reached the network."""


def _http(host: str) -> None:
    http.client.HTTPSConnection(host, timeout=5).request("GET", "/")


def _asyncio(host: str) -> None:
    asyncio.run(asyncio.wait_for(asyncio.open_connection(host, 443), 5))


def _trio(host: str) -> None:
    trio.run(trio.open_tcp_stream, host, 443)


def _socket(method: str, kind: int, *arguments: Any) -> None:
    family = socket.AF_INET6 if ":" in arguments[-1][0] else socket.AF_INET
    with socket.socket(family, kind) as sock:
        sock.settimeout(5)
        getattr(sock, method)(*arguments)


def _httpx2(url: str, **options: Any) -> None:
    with httpx2.Client(timeout=5, **options) as client:
        client.get(url)


TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
ATTEMPTS: dict[str, Callable[[], object]] = {
    "urllib.request": partial(urllib.request.urlopen, f"https://{HOST}/", timeout=5),
    "urllib.request of metadata": partial(
        urllib.request.urlopen, f"http://{IMDS}/opc/v2/", timeout=5
    ),
    "http.client": partial(_http, HOST),
    "http.client by address": partial(_http, ELSEWHERE),
    "asyncio.open_connection": partial(_asyncio, HOST),
    "asyncio.open_connection by address": partial(_asyncio, IMDS),
    "trio.open_tcp_stream": partial(_trio, HOST),
    "trio.open_tcp_stream by address": partial(_trio, ELSEWHERE),
    "socket.create_connection": partial(socket.create_connection, (IMDS, 80), 5),
    "socket.connect": partial(_socket, "connect", TCP, (IMDS, 80)),
    "socket.connect_ex": partial(_socket, "connect_ex", TCP, (ELSEWHERE, 80)),
    "socket.connect over IPv6": partial(_socket, "connect", TCP, (IMDS6, 80)),
    "socket.sendto": partial(_socket, "sendto", UDP, b"x", (ELSEWHERE, 53)),
    "socket.sendmsg": partial(_socket, "sendmsg", UDP, [b"x"], [], 0, (ELSEWHERE, 53)),
    "socket.getaddrinfo": partial(socket.getaddrinfo, HOST, 443),
    "socket.gethostbyname": partial(socket.gethostbyname, HOST),
    "socket.gethostbyname_ex": partial(socket.gethostbyname_ex, HOST),
    "socket.gethostbyaddr": partial(socket.gethostbyaddr, ELSEWHERE),
    "socket.getnameinfo": partial(socket.getnameinfo, (ELSEWHERE, 80), 0),
    "httpx2 elsewhere": partial(_httpx2, "https://example.com/"),
    "httpx2 by address": partial(_httpx2, f"http://{ELSEWHERE}/"),
}


def main(mode: str) -> None:
    """Make all attempts; print their outcomes."""
    with mock_oci():
        pass  # adds the mock's hook, so the trap comes behind it
    seen: list[str] = []

    def trap(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo" and as_address(str(arguments[0])):
            return  # there is nothing to look up
        if event.startswith("socket.") and event[7:].startswith(SIGHT):
            seen.append(event)
            raise TrappedError(event, str(arguments))

    if mode != "watched":
        sys.addaudithook(trap)
    told = {}
    with nullcontext() if mode == "open" else mock_oci():
        for name, attempt in ATTEMPTS.items():
            seen.clear()
            try:
                attempt()
                got = "nothing"
            except Exception as error:  # noqa: BLE001 - whatever the library makes of it
                while isinstance(error, ExceptionGroup):
                    error = error.exceptions[0]
                got = type(error).__name__
            told[name] = {"got": got, "seen": list(seen)}
    print(json.dumps(told))  # noqa: T201 - it is a program


if __name__ == "__main__":
    main(sys.argv[1])
