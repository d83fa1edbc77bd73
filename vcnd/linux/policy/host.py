"""The node's kernel as policies need it: pods' links, and a table of its own."""

import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Never, TypeVar

import trio

from vcnd.core.policy.drops import Counted
from vcnd.core.policy.generations import Generations
from vcnd.core.policy.rule_set import AJAR, RuleSet
from vcnd.linux import events, nft
from vcnd.linux.guard import (
    RTNLGRP_IPV4_ROUTE,
    RTNLGRP_IPV6_ROUTE,
    RTNLGRP_LINK,
)
from vcnd.linux.lane.gate import Gate
from vcnd.linux.layout import Layout
from vcnd.linux.nft import KernelRefusedError
from vcnd.linux.nft_table import Table
from vcnd.linux.pod_links import pod_links
from vcnd.linux.policy import guard as policy_guard
from vcnd.linux.policy.drops import counter_name, read_counter
from vcnd.linux.policy.kernel_tables import PolicyTables
from vcnd.linux.policy.marks import Marks, numbers_in
from vcnd.linux.policy.table import OWN, STIRRED, TABLE, Writer
from vcnd.log import log
from vcnd.model.policy import Attached, Direction
from vcnd.netlink import conntrack, nftables
from vcnd.netlink.messages import NetlinkSocket

T = TypeVar("T")


class PolicyHost:
    """Looks and acts in the network namespace where it is made."""

    def __init__(
        self,
        layout: Layout,
        *,
        logged_per_second: int = 0,
        ended: Callable[[Mapping[Counted, int]], None] = lambda _: None,
    ) -> None:
        """Make it.

        Args:
            layout: the node's numbers and names.
            logged_per_second: so many denied packets are logged at most; 0: none.
            ended: is called with the last values of counters that go.
        """
        self._ended = ended
        self._layout = layout
        self._logged_per_second = logged_per_second
        self._writer: Writer | None = None
        self._has_logged = False
        """True once the kernel took rules that log."""
        self._marks, self._gate = Marks(), Gate()
        self._routes = events.subscribed(
            socket.NETLINK_ROUTE, RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE
        )
        self._tables = PolicyTables()
        self._thread = trio.CapacityLimiter(1)
        self._turn = trio.Lock()
        self._heard = True
        """True if links may be others than ``_attached``."""
        self._attached: list[Attached] = []
        self._strangers: Sequence[str] = ()
        self._open: Sequence[str] = ()
        """Those that the table in force leaves open."""

    def close(self) -> None:
        """Hear no more; what is in force stays."""
        self._routes.close()
        self._tables.close()

    async def attached(self) -> list[Attached]:
        """Return the pods' links, in the order of their names.

        Raises:
            OSError: the kernel refused to list them.
        """
        # No event tells of an address that only the node's nft maps have.
        if not self._heard and not events.waiting(self._routes):
            return self._attached
        self._heard = False
        try:
            found = await self._in_thread(lambda: pod_links(self._layout))
        except BaseException:
            self._heard = True
            raise
        self._strangers = sorted(name for name, x in found.items() if not x.ours)
        self._attached = [
            Attached(
                link=name,
                addresses=link.addresses,
                namespace=link.pod.namespace if link.pod else "",
                name=link.pod.name if link.pod else "",
                uid=link.pod.uid if link.pod else "",
            )
            for name, link in sorted(found.items())
            if link.ours
        ]
        self._heard |= not all(attached.addresses for attached in self._attached)
        return self._attached

    async def adopt(self) -> bool:
        """Take over what an earlier life put; return False if there is nothing."""
        return await self._tables.adopt()

    async def numbers_in_force(self) -> dict[Direction, frozenset[int]]:
        """Return the numbers that an earlier life's table gives to connections."""
        return numbers_in(await self._in_thread(_chains))

    def is_outdated(self) -> bool:
        """Return True if others' links are not those of the last ``put``."""
        return self._strangers != self._open

    def take_gate(self, descriptor: int) -> None:
        """Take the express lane's gate; it is closed while rules change.

        Args:
            descriptor: of its map.

        Raises:
            OSError: it is no such map.
        """
        self._gate.take(descriptor)

    async def put(self, wanted: Generations) -> None:
        """Bring rules in force, in one step; the guard stands behind them.

        Args:
            wanted: the rules, and the numbers of their chains.

        Raises:
            KernelRefusedError: nft refused them; those before stay in force.
            OSError: the kernel refused another step.
        """
        guard = self._render_guard(wanted.rules)
        if wanted.judges_anew:
            self._gate.close()
        try:
            await self._put_logging(wanted, guard)
        finally:
            self._gate.open()

    async def _put_logging(self, wanted: Generations, guard: str) -> None:
        try:
            await self._put(wanted, guard)
        except KernelRefusedError as error:
            if self._has_logged or not self._logged_per_second:
                raise
            # Many kernels are built without it; the policies count all the same.
            logged, self._logged_per_second = self._logged_per_second, 0
            try:
                await self._put(wanted, guard)
            except KernelRefusedError:
                self._logged_per_second = logged
                raise
            log.warning("denied_not_logged", reason=error.details)
        self._has_logged = self._logged_per_second > 0

    def _render(self, wanted: Generations) -> Table:
        logged = self._logged_per_second
        if self._writer is None or self._writer.logged_per_second != logged:
            prefix = self._layout.link_prefix
            self._writer = Writer(
                marks=self._marks, link_prefix=prefix, logged_per_second=logged
            )
        return self._writer.table(wanted.rules, wanted.numbers, self._strangers)

    async def _put(self, wanted: Generations, guard: str) -> None:
        table = self._render(wanted)
        marks, again = self._marks.stale(wanted.stale), wanted.again
        last: dict[Counted, int] = {}

        def before(gone: Collection[str]) -> None:
            try:
                found = _counters() if gone else {}
            except OSError as error:  # no reason to keep policies waiting
                log.warning("counters_not_read", reason=str(error))
                found = {}
            last.update((x, n) for x, n in found.items() if counter_name(x) in gone)
            if marks:
                conntrack.clear_marks(marks)

        def after() -> list[int]:
            if not again or not conntrack.clear_marks_of(again, self._marks.all):
                return []
            # The daemon took connections off the express lane at the change of rules.
            # One that came back before its number went has to leave it once more; not
            # every daemon has lent its gate.
            return nft.touch(self._tables.socket, TABLE, OWN, STIRRED)

        strangers = self._strangers
        async with self._turn:
            await self._tables.put(table, guard, before=before, after=after)
            self._open = strangers
            self._ended(last)

    def _render_guard(self, rules: RuleSet) -> str:
        """Return the guard; none where a lost table is to open."""
        if rules.unknown == AJAR:
            return ""
        return policy_guard.render(
            marks=self._marks,
            link_prefix=self._layout.link_prefix,
            strangers=self._strangers,
        )

    async def counters(self) -> dict[Counted, int]:
        """Return the packets that the table's counters have counted.

        Raises:
            OSError: the kernel refused to list them.
        """
        async with self._turn:  # none may go between their reading and their end
            return await self._in_thread(_counters)

    async def until_links_change(self) -> None:
        """Return when a link or a route has changed, perhaps of no pod."""
        await trio.lowlevel.wait_readable(self._routes)
        self._heard = True
        await events.received(self._routes)
        self._heard = True

    async def keep(self, restored: Callable[[], None]) -> Never:
        """Put again what others change in the tables; call ``restored`` each time."""
        await self._tables.keep(restored)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(call, limiter=self._thread)


def _chains() -> frozenset[str]:
    with NetlinkSocket(nftables.NETLINK_NETFILTER) as sock:
        return nftables.chains(sock, TABLE)


def _counters() -> dict[Counted, int]:
    with NetlinkSocket(nftables.NETLINK_NETFILTER) as sock:
        found = nftables.counters(sock, TABLE)
    read = ((read_counter(name), count) for name, count in found.items())
    return {counted: count for counted, count in read if counted is not None}
