"""One connection, one call, one reply."""

import errno
import os
import secrets
import socket
import struct
from contextlib import suppress
from typing import Never

import trio

from vcnd.log import log, trace
from vcnd.model.errors import BadRequestError, VcndError
from vcnd.serve import cni_result, wire
from vcnd.serve.cni import CniVerbs
from vcnd.serve.cni_call import parse_call
from vcnd.serve.cni_request import HalfRequestError, Request, receive
from vcnd.serve.control import COMMANDS, ControlVerbs
from vcnd.serve.hangups import HangUps

REQUEST_SECONDS = 10.0
"""A connection without a whole request by then is closed."""
REPLY_SECONDS = 10.0
"""A connection whose peer has not read the whole reply by then is closed."""
LINGER_SECONDS = 2.0
ACCEPT_PAUSE_SECONDS = 0.1
TRANSIENT_ACCEPT_ERRORS = {
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOBUFS,
    errno.ECONNABORTED,
}
"""No descriptors or memory left, or a peer gone before it was accepted."""
PEER_CREDENTIALS = struct.Struct("=iII")


class CniServer:
    """Answers the shim and vcndctl."""

    def __init__(
        self, *, cni: CniVerbs, control: ControlVerbs, allowed_uid: int
    ) -> None:
        self._cni = cni
        self._control = control
        self._allowed_uid = allowed_uid

    async def serve(
        self, listener: trio.socket.SocketType, calls: trio.Nursery
    ) -> Never:
        """Accept connections for ever; each is answered by a child of ``calls``.

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
        self,
        listener: trio.socket.SocketType,
        calls: trio.Nursery,
        hangups: HangUps,
    ) -> OSError:
        """Accept connections until the listener fails; return how it failed."""
        waits_out = False
        while True:
            try:
                connection, _ = await listener.accept()
            except OSError as error:
                if error.errno not in TRANSIENT_ACCEPT_ERRORS:
                    return error
                if not waits_out:  # once, not ten times a second
                    log.error("accept_failed", reason=str(error))
                waits_out = True
                await trio.sleep(ACCEPT_PAUSE_SECONDS)
                continue
            waits_out = False
            calls.start_soon(self.converse, connection, hangups)

    async def converse(
        self, connection: trio.socket.SocketType, hangups: HangUps
    ) -> None:
        """Answer one connection."""
        with connection:
            try:
                with trio.fail_after(REQUEST_SECONDS):
                    self._check_peer(connection)
                    request = await receive(connection)
            except trio.TooSlowError:
                log.info("connection_ended_early", reason="no whole request in time")
            except HalfRequestError as error:
                log.info("connection_ended_early", reason=str(error))
            except VcndError as error:
                log.warning(
                    "call_refused",
                    code=error.code,
                    cause=error.cause,
                    reason=str(error),
                )
                stdout = cni_result.render_error(wire.LATEST, error)
                await _reply(connection, cni_result.frame(1, stdout))
                await _linger(connection)
            else:
                with request:
                    await self._conclude(connection, request, hangups)

    async def _conclude(
        self, connection: trio.socket.SocketType, request: Request, hangups: HangUps
    ) -> None:
        """Carry a request out and reply.

        An ADD ends when its caller hangs up: nobody would learn its address.  Other
        verbs are carried out even if nobody waits for the reply.
        """
        if request.environment.get("CNI_COMMAND") != "ADD":
            await _reply(connection, await self._answer(request))
            return
        with hangups.ending(connection) as call:
            answer = await self._answer(request)
        if call.cancelled_caught:
            container_id = request.environment.get("CNI_CONTAINERID", "")
            log.info("caller_hung_up", command="ADD", sandbox=container_id[:13])
        else:
            await _reply(connection, answer)

    async def _answer(self, request: Request) -> bytes:
        version = wire.LATEST
        environment = request.environment
        try:
            command = environment.get("CNI_COMMAND", "")
            if command in COMMANDS:
                return cni_result.frame(0, await self._control.carry_out(command))
            # The trace ID ties the call's log lines to its requests to OCI.
            trace.set(wire.trace_of(environment) or secrets.token_hex(16))
            config = wire.parse_config(request.stdin)
            version = wire.version_of(config)
            call = parse_call(environment, config)
            answer = await self._cni.carry_out(call, request.descriptors)
            return cni_result.frame(0, answer)
        except VcndError as error:
            log.warning(
                "call_refused", code=error.code, cause=error.cause, reason=str(error)
            )
            return cni_result.frame(1, cni_result.render_error(version, error))
        except Exception:
            # A defect of ours: the log has all of it, the runtime's error no details.
            log.exception("call_failed")
            failure = VcndError("vcnd failed; see journalctl -u vcnd")
            return cni_result.frame(1, cni_result.render_error(version, failure))

    def _check_peer(self, connection: trio.socket.SocketType) -> None:
        raw = connection.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, PEER_CREDENTIALS.size
        )
        pid, uid, _ = PEER_CREDENTIALS.unpack(raw)
        if uid not in (0, self._allowed_uid):
            raise BadRequestError(
                f"uid {uid} may not call vcnd", details=f"pid {pid}; only root may"
            )


async def _reply(connection: trio.socket.SocketType, data: bytes) -> None:
    view = memoryview(data)
    try:
        # Most replies fit into the socket's buffer and need no wait.
        with suppress(BlockingIOError):
            view = view[os.write(connection.fileno(), view) :]
        if not view:
            return
        with trio.fail_after(REPLY_SECONDS):
            while view:
                view = view[await connection.send(view) :]
    except (OSError, trio.TooSlowError) as error:
        # The runtime gave up.  The result stays; its DEL will follow.
        log.info("reply_not_sent", reason=str(error) or "nobody reads it")


async def _linger(connection: trio.socket.SocketType) -> None:
    """Read the remaining bytes: closing on unread data would destroy the reply."""
    with trio.move_on_after(LINGER_SECONDS), suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while await connection.recv(1 << 16):
            pass
