"""One connection, one call, one reply."""

import errno
import os
import socket
import struct
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Never

import trio

from vcnd.log import log
from vcnd.model.errors import BadRequestError, VcndError
from vcnd.model.phases import Phase, Phases
from vcnd.serve import wire
from vcnd.serve.answers import Verbs, refused
from vcnd.serve.cni_request import HalfRequestError, Request, receive
from vcnd.serve.hangups import HangUps

REPLY_SECONDS = 10.0
"""A connection whose peer has not read the whole reply by then is closed."""
LINGER_SECONDS = 2.0
ACCEPT_PAUSE_SECONDS = 0.1
MOST_AT_ONCE = 32
"""Connections that are accepted without a look at the other tasks."""
TRANSIENT_ACCEPT_ERRORS = {
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOBUFS,
    errno.ECONNABORTED,
}
"""No descriptors or memory left, or a peer gone before it was accepted."""
PEER_CREDENTIALS = struct.Struct("=iII")


class Server:
    """Receives requests and sends the answers that its verbs give."""

    def __init__(self, verbs: Verbs, *, allowed_uids: Collection[int]) -> None:
        """Make it; ``serve`` does the work.

        Args:
            verbs: answer the requests.
            allowed_uids: the users who may call, besides root.
        """
        self._verbs = verbs
        self._allowed_uids = {0, *allowed_uids}

    async def serve(self, listener: socket.socket, calls: trio.Nursery) -> Never:
        """Accept connections for ever; each is answered by a child of ``calls``.

        Args:
            listener: does not block.
            calls: of the calls.

        Raises:
            OSError: the listener failed for good.
        """
        hangups = HangUps()
        async with trio.open_nursery() as watch:
            watch.start_soon(hangups.run)
            failure = await self._accept(listener, calls, hangups)
            watch.cancel_scope.cancel()
        raise failure

    async def _accept(
        self, listener: socket.socket, calls: trio.Nursery, hangups: HangUps
    ) -> OSError:
        """Accept connections until the listener fails; return how it failed."""
        waits_out, accepted = False, 0
        while True:
            try:
                # All that wait, at one wake-up.
                connection, _ = listener.accept()
            except BlockingIOError:
                await trio.lowlevel.wait_readable(listener)
                continue
            except OSError as error:
                if error.errno not in TRANSIENT_ACCEPT_ERRORS:
                    return error
                if not waits_out:  # once, not ten times a second
                    log.error("accept_failed", reason=str(error))
                waits_out = True
                await trio.sleep(ACCEPT_PAUSE_SECONDS)
                continue
            waits_out = False
            connection.settimeout(0.0)
            calls.start_soon(self.converse, connection, hangups)
            accepted += 1
            if accepted % MOST_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()  # a flood lets others go on

    async def converse(self, connection: socket.socket, hangups: HangUps) -> None:
        """Answer one connection."""
        with connection:
            try:
                self._check_peer(connection)
                request = await receive(connection)
            except trio.TooSlowError:
                log.info("connection_ended_early", reason="no whole request in time")
            except HalfRequestError as error:
                log.info("connection_ended_early", reason=str(error))
            except VcndError as error:
                await _reply(connection, refused(error))
                await _linger(connection)
            else:
                with request:
                    await self._conclude(connection, request, hangups)

    async def _conclude(
        self, connection: socket.socket, request: Request, hangups: HangUps
    ) -> None:
        """Have a request answered and reply; then note it."""
        phases = Phases(time.perf_counter)
        for phase, seconds in wire.shim_phases(
            request.environment, time.monotonic_ns()
        ).items():
            phases.note(phase, seconds)
        command = request.environment.get("CNI_COMMAND", "")
        if command in self._verbs.ended_by_hang_up:
            with hangups.ending(connection) as scope:
                answer = await self._verbs.answer(request, phases)
            if scope.cancelled_caught:
                container_id = request.environment.get("CNI_CONTAINERID", "")
                log.info("caller_hung_up", command=command, sandbox=container_id[:13])
                return
        else:
            answer = await self._verbs.answer(request, phases)
        await _reply(connection, answer.reply)
        phases.end(Phase.REPLY)
        # Nobody waits for the rest.
        if answer.note is not None:
            answer.note()

    def _check_peer(self, connection: socket.socket) -> None:
        raw = connection.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, PEER_CREDENTIALS.size
        )
        pid, uid, _ = PEER_CREDENTIALS.unpack(raw)
        if uid not in self._allowed_uids:
            raise BadRequestError(
                f"uid {uid} may not call vcnd", details=f"pid {pid}; only root may"
            )


async def _reply(connection: socket.socket, data: bytes) -> None:
    view = memoryview(data)
    try:
        # Most replies fit into the socket's buffer and need no wait.
        with suppress(BlockingIOError):
            view = view[os.write(connection.fileno(), view) :]
        if not view:
            return
        with trio.fail_after(REPLY_SECONDS):
            while view:
                await trio.lowlevel.wait_writable(connection)
                with suppress(BlockingIOError):
                    view = view[connection.send(view) :]
    except (OSError, trio.TooSlowError) as error:
        # The runtime gave up.  The result stays; its DEL will follow.
        log.info("reply_not_sent", reason=str(error) or "nobody reads it")


async def _linger(connection: socket.socket) -> None:
    """Read the remaining bytes: closing on unread data would destroy the reply."""
    with trio.move_on_after(LINGER_SECONDS), suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while True:
            await trio.lowlevel.wait_readable(connection)
            if not connection.recv(1 << 16):
                return
