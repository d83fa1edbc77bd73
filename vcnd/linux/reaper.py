"""Background work of DEL: delete links and connections of unplugged pods."""

from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Never

import trio

from vcnd.linux.layout import Layout
from vcnd.linux.pod_links import reap_group
from vcnd.log import log
from vcnd.netlink import conntrack
from vcnd.signals import Bell

PAUSE_SECONDS = 0.1
"""Cut links are gathered for this long, and until no call has come for as long.
Deleting one or many costs the kernel the same wait, some 20 ms, and whoever changes
links or nft tables meanwhile waits with it."""
MOST_SECONDS = 1.0
"""So long cut links wait at most, while calls come all the time."""


class Reaper:
    """Deletes the links and connections of unplugged pods."""

    def __init__(
        self,
        *,
        forget: Callable[[Collection[str]], Awaitable[object]],
        delete_links: Callable[[], Awaitable[object]],
    ) -> None:
        """Make it; it works in ``run``.

        Args:
            forget: removes some addresses from connection tracking.
            delete_links: deletes the links that were cut.  Both may raise ``OSError``.
        """
        self._forget, self._delete_links = forget, delete_links
        self._addresses: set[str] = set()
        self._called_at = -PAUSE_SECONDS
        self._something_cut = Bell()

    def note_call(self) -> None:
        """Note that a call changes links now: others may follow, and would wait."""
        self._called_at = trio.current_time()

    def cut(self, addresses: Collection[str] = ()) -> None:
        """Note that a pod was cut off, and which addresses it had."""
        self._addresses.update(addresses)
        self._something_cut.ring()

    async def run(self) -> Never:
        """Delete in groups, at first what an earlier life may have cut."""
        while True:
            last = trio.current_time() + MOST_SECONDS
            something_cut = await self._pause_and_forget()
            while trio.current_time() < min(last, self._called_at + PAUSE_SECONDS):
                something_cut = await self._pause_and_forget()
            await _tried("links", self._delete_links)
            await something_cut.wait()

    async def _pause_and_forget(self) -> trio.Event:
        """Forget connections after a pause; return the event of the next cut.

        That is before an address' next owner could receive their packets.
        """
        await trio.sleep(PAUSE_SECONDS)
        something_cut = self._something_cut.take()
        addresses, self._addresses = self._addresses, set()
        forget = partial(self._forget, addresses)
        if addresses and not await _tried("connections", forget):
            self._addresses |= addresses  # again with the next ones
        return something_cut


async def _tried(what: str, step: Callable[[], Awaitable[object]]) -> bool:
    """Return True if a step was done."""
    try:
        await step()
    except OSError as error:
        log.error("reap_failed", what=what, reason=str(error))
        return False
    return True


def reaper(layout: Layout) -> Reaper:
    """Return the reaper of this namespace; the kernel works for it in a thread."""
    in_thread = partial(trio.to_thread.run_sync, limiter=trio.CapacityLimiter(1))
    return Reaper(
        forget=partial(in_thread, conntrack.forget),
        delete_links=partial(in_thread, partial(reap_group, layout)),
    )
