"""Schedules made of a seed: which faults a run has, how many, and when."""

from collections.abc import Iterator
from random import Random

from msgspec.structs import replace

from sim.fleet import events as e
from sim.fleet.chance import Chance
from sim.fleet.draw_policies import policies
from sim.fleet.kinds import FAULTS, OF_ALL
from sim.fleet.traits import Traits
from vcnd.model.family import Family

PART_OF_KINDS = 0.35
"""How many of the kinds of faults a seed has."""
LEAN_PART, LEAN_AT = 0.7, 0.9
"""How many of the fleets whose subnet becomes full hold no buffer then."""

V4, V6 = Family.IPV4, Family.IPV6
FIXED = ("db1", "db2", "db3")
"""The names of fixed addresses."""
MOST_FIXED_SECONDS = 100.0
FAMILIES = ((V4,), (V4,), (V4,), (V4, V6), (V6, V4), (V6,))


def schedule(
    seed: int, *, nodes: int, seconds: float, pods_per_hour: float = 30.0
) -> e.Schedule:
    """Return the schedule of a seed.

    Each seed has some kinds of faults only: with all of them at once, rare meetings of
    two would be hidden behind the others.

    Args:
        seed: all chance comes from it.
        nodes: how many nodes the fleet begins with.
        seconds: how long events happen.
        pods_per_hour: how many pods a node gets, roughly.
    """
    draw = Chance(seed, nodes, seconds)
    random = draw.random
    traits = _traits(random, nodes)
    pods = [
        *_pods(
            draw, pods_per_hour * random.choice((0.5, 1.0, 1.0, 4.0)), traits.families
        )
    ]
    draw.busy = [(p.at + p.kubelet_seconds, p.node) for p in pods]
    draw.busy += [(p.at + p.seconds, p.node) for p in pods]
    draw.quiet = random.choice((0.0, 60.0))
    kinds = {kind for kind in FAULTS if random.random() < PART_OF_KINDS}
    if "tags" in kinds:
        kinds -= {"journal"}  # without both nobody can know whose a VNIC is
    faults = [event for k in FAULTS if k in kinds for event in _of_kind(draw, k)]
    joins = [
        e.Join(at=draw.span(0, seconds), node=nodes + n) for n in range(traits.spare)
    ]
    of_policies = policies(seed, nodes=nodes, seconds=seconds, busy=draw.busy)
    events: list[e.Event] = [*pods, *faults, *joins, *of_policies]
    # Of chance of its own: what other seeds draw stays as it is.
    lean = "full" in kinds and Random(f"{seed}/lean").random() < LEAN_PART
    return e.Schedule(
        seed=seed,
        nodes=nodes,
        seconds=seconds,
        traits=replace(
            traits, policies=bool(of_policies), lean_at=LEAN_AT if lean else 0.0
        ),
        events=tuple(sorted(events, key=lambda one: one.at)),
    )


def _of_kind(draw: Chance, kind: str) -> list[e.Event]:
    """Return the faults of a kind."""
    random = draw.random
    rate, make = FAULTS[kind]
    nodes = draw.sharing if kind in OF_ALL else draw.nodes
    expected = rate * random.choice((0.5, 1.0, 3.0)) * nodes * draw.seconds / 3600
    count = _rounded(random, expected) + random.choice((0, 1, 2))
    return [make(draw, draw.moment()) for _ in range(count)]


def _rounded(random: Random, number: float) -> int:
    whole = int(number)
    return whole + (random.random() < number - whole)


def _traits(random: Random, nodes: int) -> Traits:
    return Traits(
        others=random.choice((0, 0, nodes // 3)),
        spare=random.choice((0, 0, 1)),
        batch=random.choice((2, 4, 8, 16)),
        cooling_seconds=random.choice((10.0, 30.0, 30.0, 60.0)),
        blocks=random.random() < 0.6,
        has_bulk=random.random() < 0.8,
        bulk_is_atomic=random.random() < 0.6,
        private_ips_per_vnic=random.choice((4, 8, 16, 64)),
        ocpus=random.choice((4.0, 8.0)),
        imds_seconds=random.choice((0.0, 0.0, 5.0)),
        consistency_seconds=random.choice((0.0, 0.0, 0.0, 10.0)),
        latency_seconds=random.choice((0.02, 0.05, 0.3)),
        families=random.choice(FAMILIES),
        latency_sigma=random.choice((0.0, 0.3, 1.0)),
    )


def _pods(
    draw: Chance, per_hour: float, families: tuple[Family, ...]
) -> Iterator[e.StartPod]:
    """Yield pods: some come alone, some together at the start or later."""
    random, number = draw.random, 0
    life = random.choice((60.0, 300.0, 1200.0))
    share = random.choice((0.0, 0.0, 0.1, 0.4))
    together = [0.0, draw.span(0, draw.seconds), draw.span(0, draw.seconds)]
    for node in range(draw.nodes):
        for _ in range(_rounded(random, per_hour * draw.seconds / 3600)):
            number += 1
            at = draw.span(0, draw.seconds)
            if random.random() < 0.4:
                at = min(draw.seconds, random.choice(together) + draw.span(0, 5))
            asks = _asks(draw, families) if random.random() < share else e.Asks()
            seconds = round(random.expovariate(1 / life) + 1, 3)
            if asks.fixed:  # others may wait for it
                seconds = min(seconds, MOST_FIXED_SECONDS)
            yield e.StartPod(
                at=round(at, 3),
                node=node,
                pod=number,
                seconds=seconds,
                asks=asks,
                kubelet_seconds=draw.span(0.05, 3),
                tolerates=random.random() < 0.5,
                finishes=random.random() < 0.2,
            )


def _asks(draw: Chance, families: tuple[Family, ...]) -> e.Asks:
    """Return what a pod requests."""
    random = draw.random
    fixed = random.choice(FIXED) if V4 in families and random.random() < 0.5 else ""
    one = random.random() < 0.2 and not fixed
    return e.Asks(
        nsg=random.choice(("", "web")),
        subnet=random.choice(("", "", "more")),
        fixed=fixed,
        families=(random.choice(families),) if one else (),
    )
