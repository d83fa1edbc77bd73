"""Logs the packets that policies deny: whose, and by which policy and rule.

The kernel limits how many packets are logged; its counters count all.
"""

from collections.abc import Callable, Mapping
from typing import Any, Never, Protocol

import trio
from msgspec.structs import asdict

from vcnd.core.policy.denials import Denial, DeniedPacket, InForce, tell
from vcnd.core.policy.rule_set import Chain
from vcnd.log import log
from vcnd.policy.counts import Counts

AGAIN_SECONDS = 60.0
"""A log that cannot be had is tried again after this."""
GATHER_SECONDS = 0.1
"""Packets are gathered for this long, so that a flood wakes us ten times a second."""
FRESH_SECONDS = 1.0
"""The counters are read no more often than this."""


class Heard(Protocol):
    """The kernel's log of denied packets."""

    async def until_denied(self) -> None:
        """Return when there is something to take."""

    def take(self) -> list[DeniedPacket]:
        """Return packets that were dropped."""

    def close(self) -> None:
        """Hear no more."""


class Denials:
    """Tells of each packet that the kernel logs, in one line."""

    def __init__(
        self,
        listen: Callable[[], Heard],
        counts: Counts,
        known: Callable[[], InForce | None],
    ) -> None:
        """Make it.

        Args:
            listen: opens the kernel's log.
            counts: what was dropped in all.
            known: returns the rules in force; None before there are any.
        """
        self._listen, self._counts, self._known = listen, counts, known
        self._latest: Mapping[str, Chain] = {}
        self._before: Mapping[str, Chain] = {}
        """The chains before those: a packet may be older than a change."""
        self._told = 0
        """How many dropped packets were told of, or told to be left out."""

    async def run(self) -> Never:
        """Tell of them; if another program has the log, say so and try again."""
        refused = ""
        while True:
            try:
                await self._hear()
            except OSError as error:
                if str(error) != refused:
                    refused = str(error)
                    log.warning("denied_not_heard", reason=refused)
            await trio.sleep(AGAIN_SECONDS)

    async def _hear(self) -> Never:
        heard = self._listen()
        try:
            await self._counts.refresh()
            self._told = self._counts.tally.dropped
            while True:
                await heard.until_denied()
                await trio.sleep(GATHER_SECONDS)
                # In this order: what is counted by now has been logged, or never is.
                await self._counts.refresh(FRESH_SECONDS)
                self._tell(heard.take())
        finally:
            heard.close()

    def _tell(self, packets: list[DeniedPacket]) -> None:
        known = self._known()
        if known is None or not packets:
            return
        if known.chains is not self._latest:
            self._before, self._latest = self._latest, known.chains
        self._told += len(packets)
        missing = max(0, self._counts.tally.dropped - self._told)
        self._told += missing
        for denial in tell([(x, self._chain(x)) for x in packets], known):
            more = {"not_logged": missing} if missing else {}
            log.info("policy_denied", **_fields(denial), **more)
            missing = 0

    def _chain(self, packet: DeniedPacket) -> Chain | None:
        name = packet.drop.chain
        return self._latest.get(name) or self._before.get(name)


def _fields(denial: Denial) -> dict[str, Any]:
    """Return what there is to tell, as fields of a line."""
    fields = asdict(denial) | {"policies": ", ".join(denial.policies)}
    return {key: value for key, value in fields.items() if value not in (None, "")}
