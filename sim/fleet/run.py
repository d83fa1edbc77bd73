"""Carries a schedule out, in virtual time."""

import time
from functools import partial

import msgspec
import trio

from sim.fleet.actions import Actions
from sim.fleet.clock import VirtualClock
from sim.fleet.events import Schedule
from sim.fleet.fleet import Fleet
from sim.fleet.seeded import seeded
from sim.fleet.settled import Settled
from sim.fleet.violations import DEFECT, SETTLED, Violation
from vcnd.log import Event, log

MOST_SETTLE_SECONDS = 3600.0
"""How long a fleet may take after the last fault until all is in order."""
LOOK_SECONDS = 60.0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a run showed."""

    seed: int
    events: int
    violations: tuple[Violation, ...]
    trace: str
    """The hash of all that happened."""
    virtual_seconds: float
    """With the time after the last fault."""
    processor_seconds: float
    calls: int
    added: int
    failed: int
    """How many ADDs succeeded, and failed."""
    daemons: int
    """How many daemons were started."""
    packets: int
    """How many were judged by network policies."""


def run(schedule: Schedule) -> Outcome:
    """Carry a schedule out; stop at the first violation."""
    began = time.process_time()
    clock = VirtualClock()
    with seeded(schedule.seed), clock.asked_directly():
        fleet, virtual = trio.run(_run, schedule, clock=clock)
    return Outcome(
        seed=schedule.seed,
        events=len(schedule.events),
        violations=tuple(fleet.violations),
        trace=fleet.trace,
        virtual_seconds=virtual,
        processor_seconds=time.process_time() - began,
        calls=fleet.calls,
        added=sum(m.runtime.added for m in fleet.machines),
        failed=sum(m.runtime.failed for m in fleet.machines),
        daemons=sum(m.started for m in fleet.machines),
        packets=fleet.policies.judged if fleet.policies else 0,
    )


async def _run(schedule: Schedule) -> tuple[Fleet, float]:
    async with trio.open_nursery() as nursery:
        fleet = Fleet(schedule, nursery)
        with log.told(partial(_note_defect, fleet)):
            nursery.start_soon(_until_violated, fleet, nursery.cancel_scope)
            for number in range(schedule.nodes):
                nursery.start_soon(fleet.run, number, nursery)
            await _carry_out(fleet, nursery)
            await _settle(fleet)
            fleet.foreign.check()
            nursery.cancel_scope.cancel()
    return fleet, trio.current_time()


def _note_defect(fleet: Fleet, _: str, event: Event) -> None:
    """Note an exception that a daemon did not foresee, also if it went on."""
    failure = event.get("exc_info")
    if failure is not None:
        fleet.report(DEFECT, "", f"{event['event']}: {failure!r}")


async def _until_violated(fleet: Fleet, scope: trio.CancelScope) -> None:
    await fleet.violated.wait()
    scope.cancel()


async def _carry_out(fleet: Fleet, lasting: trio.Nursery) -> None:
    """Carry all events out; return when the effects of the last one have ended."""
    async with trio.open_nursery() as nursery:
        actions = Actions(fleet, lasting)
        for event in sorted(fleet.schedule.events, key=lambda one: one.at):
            await trio.sleep_until(event.at)
            nursery.start_soon(actions.carry_out, event)
        await trio.sleep_until(fleet.schedule.seconds)


async def _settle(fleet: Fleet) -> None:
    """Wait until all is in order; report what is not after a long time."""
    ends = trio.current_time() + MOST_SETTLE_SECONDS
    settled = Settled(fleet)
    while found := settled.wrong():
        if trio.current_time() > ends:
            for node, what in found:
                fleet.report(SETTLED, node, what)
        await trio.sleep(LOOK_SECONDS)
