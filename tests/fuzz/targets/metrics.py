"""Bytes at the metrics' port: each caller gets an answer of HTTP, or is left."""

from collections.abc import Iterable

import h11
import trio
from trio.testing import MockClock, memory_stream_pair

from tests.fuzz.choices import Choices
from vcnd.serve.metrics import answer

OK, BODY = 200, b"up 1\n"
GET = b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\n\r\n"


def run(data: bytes) -> None:
    """Call."""
    choices = Choices(data)
    cut = choices.below(256)
    received, is_scraped = trio.run(
        _call, choices.rest(), cut, clock=MockClock(autojump_threshold=0)
    )
    if received:
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
        client.receive_data(received)
        response = client.next_event()
        if not isinstance(response, h11.Response):
            raise AssertionError(f"{received!r} is no response")
        if (response.status_code == OK) != is_scraped:
            raise AssertionError(f"{received!r}, and scraped: {is_scraped}")
        if is_scraped and not received.endswith(BODY):
            raise AssertionError(f"{received!r} has other metrics")


async def _call(data: bytes, cut: int) -> tuple[bytes, bool]:
    """Return the answer, and whether metrics were asked for."""
    ours, theirs = memory_stream_pair()
    is_scraped = False

    async def scrape(formats: str) -> tuple[bytes, str]:
        nonlocal is_scraped
        is_scraped = True
        return BODY, "text/plain"

    async def send() -> None:
        await theirs.send_all(data[:cut])
        await theirs.send_all(data[cut:])
        await theirs.send_eof()

    received = bytearray()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        with trio.move_on_after(5):
            await answer(ours, scrape)
        await ours.aclose()
        async for chunk in theirs:
            received += chunk
    return bytes(received), is_scraped


def seeds() -> Iterable[bytes]:
    """Return requests."""
    yield b"\5" + GET
    for method in (b"HEAD", b"POST"):
        yield b"\5" + GET.replace(b"GET", method)
    yield b"\5" + GET.replace(b"/metrics", b"/")
    yield b"\5" + GET.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc")
    yield b"\5" + GET.replace(
        b"\r\n\r\n",
        b"\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n0\r\n\r\n",
    )
