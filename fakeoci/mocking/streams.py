"""The client's end of a connection, as httpcore and httpcore2 want it.

Both libraries have the same interfaces under different names, so that an exception
must come from the caller's own: ``core`` is its module.  There is no TLS.
"""

import socket
from types import ModuleType
from typing import Any

import anyio
import anyio.lowlevel

from fakeoci.mocking.cloud import Cloud


class SyncStream:
    """A connected socket, for a client that blocks."""

    def __init__(self, core: ModuleType, sock: socket.socket) -> None:
        self._core = core
        self._sock = sock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what comes; nothing at the end of the stream."""
        self._sock.settimeout(timeout)
        try:
            return self._sock.recv(max_bytes)
        except TimeoutError as error:
            raise self._core.ReadTimeout("the read timed out") from error
        except OSError as error:
            raise self._core.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        self._sock.settimeout(timeout)
        try:
            self._sock.sendall(buffer)
        except TimeoutError as error:
            raise self._core.WriteTimeout("the write timed out") from error
        except OSError as error:
            raise self._core.WriteError(str(error)) from error

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def get_extra_info(self, info: str) -> Any:
        """Return the socket; all else is unknown."""
        return self._sock if info == "socket" else None


class AsyncStream:
    """A connected socket, for a client under asyncio or trio."""

    def __init__(self, core: ModuleType, sock: socket.socket) -> None:
        sock.settimeout(0)  # does not block
        self._core = core
        self._sock = sock

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> bytes:
        """Return what comes; nothing at the end of the stream."""
        try:
            with anyio.fail_after(timeout):
                await anyio.lowlevel.checkpoint()
                while True:
                    try:
                        return self._sock.recv(max_bytes)
                    except BlockingIOError:
                        await anyio.wait_readable(self._sock)
        except TimeoutError as error:
            raise self._core.ReadTimeout("the read timed out") from error
        except (OSError, anyio.ClosedResourceError) as error:
            raise self._core.ReadError(str(error)) from error

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> None:
        """Send all of it."""
        rest = memoryview(buffer)
        try:
            with anyio.fail_after(timeout):
                await anyio.lowlevel.checkpoint()
                while rest:
                    try:
                        rest = rest[self._sock.send(rest) :]
                    except BlockingIOError:
                        await anyio.wait_writable(self._sock)
        except TimeoutError as error:
            raise self._core.WriteTimeout("the write timed out") from error
        except (OSError, anyio.ClosedResourceError) as error:
            raise self._core.WriteError(str(error)) from error

    async def aclose(self) -> None:
        """Close the socket; tasks that wait for it get an error."""
        if self._sock.fileno() >= 0:
            anyio.notify_closing(self._sock)
            self._sock.close()

    def get_extra_info(self, info: str) -> Any:
        """Return the socket; all else is unknown."""
        return self._sock if info == "socket" else None


class SyncBackend:
    """Makes a pool's synchronous connections."""

    def __init__(self, core: ModuleType, cloud: Cloud) -> None:
        self._core = core
        self._cloud = cloud

    def connect_tcp(self, host: str, port: int, **options: Any) -> SyncStream:
        """Return a connection to the fake."""
        del host, options
        return SyncStream(self._core, self._cloud.connect(port))


class AsyncBackend:
    """Makes a pool's asynchronous connections."""

    def __init__(self, core: ModuleType, cloud: Cloud) -> None:
        self._core = core
        self._cloud = cloud

    async def connect_tcp(self, host: str, port: int, **options: Any) -> AsyncStream:
        """Return a connection to the fake."""
        del host, options
        await anyio.lowlevel.checkpoint()
        return AsyncStream(self._core, self._cloud.connect_async(port))
