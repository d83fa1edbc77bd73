"""Requests that run in tasks of their own, so they outlive their senders."""

from types import TracebackType
from typing import Self

import trio


class InFlight:
    """Has a nursery for requests while its ``async with`` block runs.

    The end of the block cancels all requests.
    """

    def __init__(self) -> None:
        self._nursery_holder = trio.open_nursery()
        self._nursery: trio.Nursery | None = None

    async def __aenter__(self) -> Self:
        self._nursery = await self._nursery_holder.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        del kind, error, trace  # the caller's, which the nursery would wrap in a group
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()
            await self._nursery_holder.__aexit__(None, None, None)
            self._nursery = None
