"""Keeps the policies in force that concern this node's pods."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Never, Protocol

import trio

from vcnd.core.policy.compiler import Compiler
from vcnd.core.policy.denials import InForce
from vcnd.core.policy.generations import Generations
from vcnd.core.policy.rule_set import AJAR, HOLD, RuleSet, opened
from vcnd.log import log
from vcnd.model.admission import Admission
from vcnd.model.errors import VcndError
from vcnd.model.policy import Attached, Cluster, Direction, Known, known_of
from vcnd.model.policy_status import RulesStatus
from vcnd.policy.meter import Meter
from vcnd.signals import Bell, Pulse

GATHER_SECONDS = 0.01
"""Changes are gathered for this long: a controller writes several objects in a row."""
AGAIN_SECONDS = 5.0
"""What the kernel refused is tried again after this."""


class Source(Protocol):
    """Where policies and pods are followed."""

    def named(self, here: Sequence[Attached]) -> Sequence[Attached]:
        """Return the pods' links, with names where they told their pods' uids alone."""

    def cluster(self, here: Known) -> Cluster | None:
        """Return what decides about packets; None before all of it is known.

        Args:
            here: addresses that the cluster may not know yet.
        """

    async def until_changed(self) -> None:
        """Return when something has changed since the last return."""


class Host(Protocol):
    """The node's kernel."""

    async def attached(self) -> list[Attached]:
        """Return the pods' links."""

    async def numbers_in_force(self) -> Mapping[Direction, frozenset[int]]:
        """Return the numbers that connections may have from an earlier life."""

    def is_outdated(self) -> bool:
        """Return True if links that are no pods' are others than at the last ``put``.

        Rules do not name them.
        """

    async def put(self, wanted: Generations) -> None:
        """Bring rules in force with their numbers, in one step."""

    async def until_links_change(self) -> None:
        """Return when pods' links may have changed."""

    async def adopt(self) -> bool:
        """Take over what an earlier life put; return False if there is nothing."""

    async def keep(self, restored: Callable[[], None]) -> Never:
        """Put again what other programs change; call ``restored`` each time."""


class Engine:
    """Compiles the rules whenever something has changed, and brings them in force.

    The rules outlive it.  Before it knows the whole cluster, rules of an earlier life
    go on.  Where there are none, it closes the pods that are not there yet; but if
    unknown pods are to be open, it does nothing.
    """

    def __init__(
        self,
        source: Source,
        host: Host,
        *,
        strict: bool = True,
        meter: Meter | None = None,
        node: str = "",
    ) -> None:
        """Make it.

        Args:
            source: where policies and pods are followed.
            host: the node's kernel.
            strict: whether unknown pods are closed until they are known.
            meter: takes what is measured.
            node: this node's name; empty: pods that come are not known before.
        """
        self._source, self._host = source, host
        self._unknown = HOLD if strict else AJAR
        self._compiler = Compiler(self._unknown, node)
        self._meter = meter or Meter()
        self._seen_at: float | None = None
        """When the first change was seen that is not in force."""
        self._in_force: Generations | None = None
        self._is_sure = False
        """Whether the kernel has just these: False after a change that failed, which
        may be in force all the same, or in parts."""
        self._adopted: bool | None = None
        """Whether rules of an earlier life were there; None until it has looked."""
        self._stirred, self._asked = Bell(), Bell()
        self._brought = Pulse()
        self._tried, self._begun = trio.Event(), trio.Event()
        self._began = 0.0
        """When rules of this process came in force at first."""
        self.known: InForce | None = None
        """The rules in force, and what they were made of; None before there are any."""
        self._links = 0
        self._changes, self._last_change_seconds, self._refused = 0, 0.0, ""

    @property
    def is_in_force(self) -> bool:
        """Return True if rules of this process are in force."""
        return self._begun.is_set()

    async def until_in_force(self) -> None:
        """Return when rules of this process are in force."""
        await self._begun.wait()

    async def until_tried(self) -> None:
        """Return when it has tried once: pods that come are closed, if they shall be.

        The kernel may have refused that; nobody is to wait for it for ever.
        """
        await self._tried.wait()

    async def run(self) -> Never:
        """Keep them in force."""
        async with trio.open_nursery() as hearing:
            hearing.start_soon(self._hear, self._source.until_changed)
            hearing.start_soon(self._hear, self._host.until_links_change)
            hearing.start_soon(self._host.keep, self._note_restored)
            while True:
                stirred, asked = self._stirred.take(), self._asked.take()
                refused = not await self._bring()
                self._tried.set()
                with trio.move_on_after(AGAIN_SECONDS if refused else float("inf")):
                    await stirred.wait()
                with trio.move_on_after(GATHER_SECONDS):
                    await asked.wait()
        raise AssertionError("the loop never ends")

    async def admit(self, pod: Admission) -> None:
        """Return when a pod's policies are in force.

        It waits for ever where the pod's object does not come.  Nothing is gathered
        then, but all who ask while rules are compiled share the next ones.
        """
        with self._meter.admitting():
            if not self._is_admitted(pod):
                self._asked.ring()
                self._stirred.ring()
            while not self._is_admitted(pod):
                await self._brought.wait()

    def _is_admitted(self, pod: Admission) -> bool:
        """Return True if rules that were made for a pod are in force."""
        if self._in_force is None:
            return False
        rules = self._in_force.rules
        into = [rules.ingress.get(address, HOLD) for address in pod.addresses]
        ways = {rules.egress.get(pod.link, HOLD), *into}
        return ways.isdisjoint({HOLD, AJAR})

    async def _hear(self, until: Callable[[], Awaitable[None]]) -> Never:
        while True:
            await until()
            if self._seen_at is None:
                self._seen_at = trio.current_time()
            self._stirred.ring()

    def _note_restored(self) -> None:
        self._meter.restored += 1

    async def _bring(self) -> bool:
        """Bring the rules in force; return False if the kernel refused."""
        began = trio.current_time()
        seen_at, self._seen_at = self._seen_at or began, None
        try:
            if self._adopted is None:
                self._adopted = await self._host.adopt()
            here = self._source.named(await self._host.attached())
            self._links = len(here)
            cluster = self._source.cluster(known_of(here))
            if cluster is None:
                await self._close_newcomers(here)
                return True
            before = self._in_force or Generations()
            if not self._is_sure:
                before = before.unsure(await self._host.numbers_in_force())
            rules = self._compiler.rules(cluster, here)
            is_kept = self._is_sure and not self._host.is_outdated()
            if is_kept and rules == before.rules:
                self._note_known(before.rules, here, cluster)
                return True
            after = before.after(rules)
            self._is_sure = False
            await self._host.put(after)
        except (OSError, VcndError) as error:
            log.error("policies_refused", reason=str(error))
            self._refused = str(error)
            self._meter.refusals += 1
            self._seen_at = seen_at
            return False
        self._note_known(rules, here, cluster)
        self._note_change(after, trio.current_time() - began)
        self._meter.apply.observe(trio.current_time() - seen_at)
        self._brought.send()
        return True

    def _note_known(
        self, rules: RuleSet, here: Sequence[Attached], cluster: Cluster
    ) -> None:
        self.known = InForce(chains=rules.chains, here=here, cluster=cluster)

    async def _close_newcomers(self, here: Sequence[Attached]) -> None:
        """Leave the pods open that run before the first rules; close what comes."""
        if self._adopted or self._unknown != HOLD:
            return
        await self._host.put(Generations(rules=opened(here)))
        self._adopted = True
        log.info("newcomers_closed", pods=len(here))

    def _note_change(self, after: Generations, seconds: float) -> None:
        self._in_force, self._is_sure, self._refused = after, True, ""
        if not self._begun.is_set():
            self._began = trio.current_time()
            self._begun.set()
        self._changes += 1
        self._last_change_seconds = seconds

    def report(self) -> RulesStatus:
        """Return what is in force."""
        rules = self._in_force.rules if self._in_force else RuleSet()
        age = trio.current_time() - self._began
        return RulesStatus(
            in_force_seconds=age if self._begun.is_set() else None,
            links=self._links,
            held=sum(chain == rules.unknown for chain in rules.egress.values()),
            chains=len(rules.chains),
            sets=len(rules.sets),
            elements=sum(len(x.elements) for x in rules.sets.values()),
            changes=self._changes,
            last_change_seconds=self._last_change_seconds,
            refused=self._refused,
        )
