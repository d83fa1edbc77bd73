"""Background work of DEL: delete links and connections of unplugged pods."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Never

import trio

from vcnd.linux.layout import Layout
from vcnd.linux.pod_links import reap_group
from vcnd.log import log
from vcnd.netlink import conntrack

PAUSE_SECONDS = 0.1
"""Cut links are gathered for this long.  Deleting one or many costs the kernel the same
wait, some 20 ms, and whoever changes links or nft tables meanwhile waits with it."""


class Reaper:
    """Deletes the links and connections of unplugged pods."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._thread = trio.CapacityLimiter(1)
        self._addresses: set[str] = set()
        self._something_cut = trio.Event()
        self._something_cut.set()  # an earlier life may have cut and not deleted

    def cut(self, addresses: Collection[str] = ()) -> None:
        """Note that a pod was cut off, and which addresses it had."""
        self._addresses.update(addresses)
        self._something_cut.set()

    async def run(self) -> Never:
        """Delete in groups."""
        while True:
            await self._something_cut.wait()
            await trio.sleep(PAUSE_SECONDS)
            self._something_cut = trio.Event()
            addresses, self._addresses = self._addresses, set()
            sweep = partial(self._sweep, addresses)
            if not await trio.to_thread.run_sync(sweep, limiter=self._thread):
                self._addresses |= addresses  # again with the next ones

    def _sweep(self, addresses: Collection[str]) -> bool:
        """Do both in one thread; return True if the connections are gone."""
        # An address' connections go before its next owner could receive their packets.
        forgotten = _tried("connections", partial(_forget, addresses))
        _tried("links", partial(reap_group, self._layout))
        return forgotten


def _tried(what: str, step: Callable[[], None]) -> bool:
    """Return True if a step was done."""
    try:
        step()
    except OSError as error:
        log.error("reap_failed", what=what, reason=str(error))
        return False
    return True


def _forget(addresses: Collection[str]) -> None:
    if addresses:
        conntrack.forget(addresses)
