"""Metrics over HTTP: what callers send, and what they get."""

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, memory_stream_pair

from vcnd.log import log
from vcnd.serve.metrics import (
    AGAIN_SECONDS,
    BODY_BYTES,
    CALL_SECONDS,
    accept,
    answer,
    serve,
)

TEXT = "text/plain; version=0.0.4"
GET = b"GET /metrics HTTP/1.1\r\nHost: node\r\n\r\n"


async def scrape(accept: str) -> tuple[bytes, str]:
    return f"# {accept}\n".encode(), TEXT


async def reply_to(*parts: bytes, ends: bool = True) -> bytes:
    """Return the whole answer to some bytes."""
    client, server = memory_stream_pair()

    async def serving() -> None:
        async with server:
            await answer(server, scrape)

    async with trio.open_nursery() as tasks:
        tasks.start_soon(serving)
        for part in parts:
            await client.send_all(part)
            await trio.testing.wait_all_tasks_blocked()
        if ends:
            await client.send_eof()
        return b"".join([bytes(x) async for x in client])


async def test_the_metrics_are_answered() -> None:
    reply = await reply_to(GET)
    head, _, body = reply.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0].startswith("HTTP/1.1 200")
    assert set(lines[1:]) == {
        f"Content-Type: {TEXT}",
        "Content-Length: 3",
        "Connection: close",
    }
    assert body == b"# \n"


async def test_a_caller_says_which_formats_it_takes() -> None:
    request = GET.replace(b"\r\n\r\n", b"\r\nAccept: a\r\nACCEPT: b;q=1\r\n\r\n")
    assert (await reply_to(request)).endswith(b"# a,b;q=1\n")


async def test_a_request_may_come_in_pieces() -> None:
    reply = await reply_to(*(GET[n : n + 1] for n in range(len(GET))), ends=False)
    assert reply.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", 405),
        (b"GET \xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 9000, 431),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"
            + b"x" * (BODY_BYTES + 9000),
            413,
        ),
    ],
)
async def test_other_requests_are_refused(request_bytes: bytes, status: int) -> None:
    reply = await reply_to(request_bytes)
    assert reply.startswith(f"HTTP/1.1 {status}".encode())


async def test_head_is_refused_without_a_body() -> None:
    reply = await reply_to(GET.replace(b"GET", b"HEAD"))
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405")
    assert b"\r\nAllow: GET" in head
    assert body == b""


async def test_a_caller_that_says_nothing_gets_nothing() -> None:
    assert await reply_to() == b""


@pytest.mark.slow
@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer_or_none(data: bytes) -> None:
    reply = trio.run(reply_to, data)
    assert reply == b"" or reply.startswith(b"HTTP/1.1 ")


async def opened() -> tuple[trio.SocketListener, int]:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    return listener, listener.socket.getsockname()[1]


async def test_a_slow_caller_is_let_go(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    listener, port = await opened()
    nursery.start_soon(accept, listener, scrape)
    async with await trio.open_tcp_stream("127.0.0.1", port) as slow:
        await slow.send_all(GET[:10])
        async with await trio.open_tcp_stream("127.0.0.1", port) as other:
            await other.send_all(GET)
            began = trio.current_time()
            assert (await other.receive_some(100)).startswith(b"HTTP/1.1 200")
            assert trio.current_time() - began <= CALL_SECONDS
        assert await slow.receive_some(1) == b""


async def test_a_defect_costs_one_answer(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async def broken(accept: str) -> tuple[bytes, str]:
        raise ZeroDivisionError(accept)

    listener, port = await opened()
    nursery.start_soon(accept, listener, broken)
    with log.collected() as events:
        for _ in range(2):
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                await stream.send_all(GET)
                assert await stream.receive_some(1) == b""
    assert [e["event"] for e in events] == ["metrics_call_failed"] * 2


async def test_an_address_that_is_taken_is_named_once_and_tried_again(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    listener, port = await opened()
    with log.collected() as events:
        nursery.start_soon(serve, f"127.0.0.1:{port}", scrape)
        await trio.sleep(3 * AGAIN_SECONDS + 1)
        await listener.aclose()
        await trio.sleep(AGAIN_SECONDS + 1)
    assert [e["event"] for e in events] == ["metrics_not_served", "metrics_served"]
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(GET)
        assert (await stream.receive_some(100)).startswith(b"HTTP/1.1 200")
