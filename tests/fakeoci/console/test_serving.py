"""The console over real sockets."""

import os
import socket
import time
from contextlib import suppress

import httpx2
import pytest
import trio
import trio.lowlevel

import fakeoci
from fakeoci.api.service import Service
from fakeoci.console.app import build
from fakeoci.console.console import Console
from fakeoci.console.guard import hosts
from fakeoci.console_server import console_door
from fakeoci.server import serve_doors
from fakeoci.world import worldfile

FEED = b"GET /feed HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n\r\n"


def test_serving_has_a_console_if_asked() -> None:
    with fakeoci.serving() as cloud:
        assert cloud.console_url == ""
    with fakeoci.serving(console=True) as cloud, httpx2.Client() as client:
        assert "<title>" in client.get(cloud.console_url).text
        with client.stream("GET", f"{cloud.console_url}feed") as feed:
            assert b"event: picture" in next(feed.iter_raw())


def test_console_listens_on_the_loopback_address_only() -> None:
    with socket.socket() as everywhere:
        everywhere.bind(("0.0.0.0", 0))  # noqa: S104 - it must be refused
        with pytest.raises(ValueError, match=r"127\.0\.0\.1 only"):
            console_door(0, os.dup(everywhere.fileno()))
    with socket.socket() as here:
        here.bind(("127.0.0.1", 0))
        here.listen()
        port = here.getsockname()[1]
        with console_door(0, here.detach()).socket as sock:
            assert sock.getsockname() == ("127.0.0.1", port)


async def test_browser_that_does_not_read_is_dropped() -> None:
    """Nothing grows without bound, and others are served."""
    console = Console(Service(worldfile.parse(worldfile.default_text()), time.time))
    door = console_door(0)
    port = door.socket.getsockname()[1]
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            await serve_doors(build(console, hosts(port)), [door], nursery)
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            async with stream:
                await stream.send_all(FEED % port)
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
                while console.feed.followers:
                    console.feed.publish("n", "x" * 50_000)
                    await trio.lowlevel.checkpoint()
                with suppress(trio.BrokenResourceError):
                    while await stream.receive_some():
                        pass
            async with httpx2.AsyncClient() as client:
                answer = await client.get(f"http://127.0.0.1:{port}/")
                assert answer.status_code == 200
            nursery.cancel_scope.cancel()
