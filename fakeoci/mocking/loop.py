"""The thread whose trio loop serves all callers that have no trio loop."""

import os
import threading
from collections.abc import Awaitable, Callable

import trio

Job = Callable[[], Awaitable[None]]


class Loop:
    """A trio loop in a thread of its own, which begins with its first job."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run: _Run | None = None

    def start_soon(self, job: Job) -> None:
        """Run a job in the loop.  Any thread may call this."""
        with self._lock:
            if self._run is None or self._run.pid != os.getpid():
                self._run = _Run()  # a forked child has lost its parent's threads
            self._run.start_soon(job)

    def stop(self) -> None:
        """Cancel all jobs; return when the thread has ended."""
        with self._lock:
            run, self._run = self._run, None
        if run is not None and run.pid == os.getpid():
            run.stop()


class _Run:
    """One run of trio."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._ready = threading.Event()
        self._thread = threading.Thread(
            target=trio.run, args=(self._main,), name="mock_oci", daemon=True
        )
        self._thread.start()
        self._ready.wait()

    async def _main(self) -> None:
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._token = trio.lowlevel.current_trio_token()
            self._ready.set()
            await trio.sleep_forever()

    def start_soon(self, job: Job) -> None:
        self._token.run_sync_soon(self._nursery.start_soon, job)

    def stop(self) -> None:
        self._token.run_sync_soon(self._nursery.cancel_scope.cancel)
        self._thread.join()
