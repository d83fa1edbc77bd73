"""Serves metrics over HTTP: GET of one path, one caller at a time.

It reads little and waits briefly, whatever a caller sends: it stands beside what keeps
policies in force, and may not harm it.
"""

from collections.abc import Awaitable, Callable
from typing import Never

import h11
import trio

from vcnd.log import log
from vcnd.model.endpoint import split

PATH = "/metrics"
CALL_SECONDS = 5.0
"""A caller has so long from its first byte to the last of the answer."""
HEADER_BYTES = 8 << 10
BODY_BYTES = 64 << 10
RECEIVE_BYTES = 4 << 10
AGAIN_SECONDS = 60.0
"""An address that cannot be had is tried again after this."""
PLAIN = "text/plain; charset=utf-8"

Scrape = Callable[[str], Awaitable[tuple[bytes, str]]]
"""Returns the metrics and their format, of those that a header ``Accept`` names."""


async def serve(address: str, scrape: Scrape) -> Never:
    """Serve for ever; if the address cannot be had, say so and try again.

    Args:
        address: host and port.
        scrape: makes the answer.
    """
    refused = ""
    while True:
        try:
            listeners = await _listeners(address)
        except OSError as error:
            if str(error) != refused:
                refused = str(error)
                log.warning("metrics_not_served", address=address, reason=refused)
            await trio.sleep(AGAIN_SECONDS)
            continue
        log.info("metrics_served", address=address)
        async with trio.open_nursery() as serving:
            for listener in listeners:
                serving.start_soon(accept, listener, scrape)


async def _listeners(address: str) -> list[trio.SocketListener]:
    host, port = split(address)
    return await trio.open_tcp_listeners(port, host=host)


async def accept(listener: trio.SocketListener, scrape: Scrape) -> Never:
    """Answer the callers of a listener for ever, one after another; then close it.

    Args:
        listener: hears them.
        scrape: makes the answers.
    """
    async with listener:
        while True:
            try:
                stream = await listener.accept()
            except OSError as error:
                log.warning("metrics_not_accepted", reason=str(error))
                await trio.sleep(1)
            else:
                await _call(stream, scrape)


async def _call(stream: trio.SocketStream, scrape: Scrape) -> None:
    """Answer a caller, unless it takes too long or goes away."""
    async with stream:
        with trio.move_on_after(CALL_SECONDS):
            try:
                await answer(stream, scrape)
            except trio.BrokenResourceError:
                log.debug("metrics_caller_gone")
            except Exception:
                log.exception("metrics_call_failed")


async def answer(stream: trio.abc.Stream, scrape: Scrape) -> None:
    """Answer one request; the caller closes the stream.

    Args:
        stream: to the caller.
        scrape: makes the answer.
    """
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES)
    status, content_type, body = 200, PLAIN, b""
    is_head = False
    try:
        request = await _request(stream, connection)
    except h11.RemoteProtocolError as error:
        status, body = error.error_status_hint, b"no request of HTTP\n"
    else:
        if request is None:
            return
        is_head = request.method == b"HEAD"  # its answer has no body
        path = request.target.partition(b"?")[0].decode("ascii", "replace")
        if path != PATH:
            status, body = 404, f"there is only {PATH}\n".encode()
        elif request.method != b"GET":
            status, body = 405, b"only GET\n"
        else:
            accepted = (v for k, v in request.headers if k == b"accept")
            formats = b",".join(accepted).decode("ascii", "replace")
            body, content_type = await scrape(formats)
    if connection.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
        return
    headers = {
        "Content-Type": content_type,
        "Content-Length": str(len(body)),
        "Connection": "close",
        **({"Allow": "GET"} if status == 405 else {}),  # noqa: PLR2004
    }
    response = h11.Response(status_code=status, headers=list(headers.items()))
    content = h11.Data(data=b"" if is_head else body)
    parts = [connection.send(x) for x in (response, content, h11.EndOfMessage())]
    await stream.send_all(b"".join(x for x in parts if x))


async def _request(
    stream: trio.abc.Stream, connection: h11.Connection
) -> h11.Request | None:
    """Return the request once all of it is there; None: the caller went away."""
    request, size = None, 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await stream.receive_some(RECEIVE_BYTES)
            size += len(data)
            if size > HEADER_BYTES + BODY_BYTES:
                raise h11.RemoteProtocolError("too long", error_status_hint=413)
            connection.receive_data(bytes(data))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.EndOfMessage):
            return request
        elif isinstance(event, h11.ConnectionClosed):
            return None
