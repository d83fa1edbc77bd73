"""Network policies and their faults, drawn apart: the rest of a seed stays as it is."""

from collections.abc import Iterator, Sequence
from random import Random

from sim.fleet import policy_events as policy
from sim.fleet.events import Event
from sim.policy.drawn import APPS, NAMESPACES

PART_OF_SEEDS = 0.25
"""How many seeds have policies."""
ENFORCING = 4
"""How many nodes enforce policies at most: the first ones.  Each looks at the pods of
all nodes, so more of them cost much time and show little."""
FIRST = 3
"""So many policies are there from the start."""
RATES = {"policy": 20.0, "pod": 3.0, "namespace": 0.5, "kill": 6.0, "refuse": 0.3}
"""How many an hour and enforcing node, roughly."""
LONGEST_REFUSAL_SECONDS = 120.0
BEFORE_SECONDS = 2.0
"""So long before a sandbox is made or ended vcnd-policy is killed at most."""
AWAY_SECONDS = (1.0, 5.0, 20.0, 60.0)
"""How long it may be away."""


Moments = Sequence[tuple[float, int]]
"""Times, and on which node."""


def policies(seed: int, *, nodes: int, seconds: float, busy: Moments) -> list[Event]:
    """Return what a seed does with policies; nothing if it has none.

    Args:
        seed: all chance comes from it.
        nodes: how many nodes the fleet begins with.
        seconds: how long events happen.
        busy: when sandboxes are made and ended.
    """
    random = Random(f"policies/{seed}")
    if random.random() >= PART_OF_SEEDS:
        return []
    nodes = min(nodes, ENFORCING)
    busy = [(at, node) for at, node in busy if node < nodes]
    first = [
        policy.ChangePolicy(at=0.0, pick=random.randrange(10**9)) for _ in range(FIRST)
    ]
    return [*first, *_later(random, nodes, seconds, busy)]


def _later(
    random: Random, nodes: int, seconds: float, busy: Moments
) -> Iterator[Event]:
    for kind, rate in RATES.items():
        expected = rate * random.choice((0.3, 1.0, 3.0)) * nodes * seconds / 3600
        for _ in range(int(expected + random.random())):
            at, node = random.uniform(0.0, seconds), random.randrange(nodes)
            if kind == "kill" and busy:
                at, node = random.choice(busy)
                at = max(0.0, at - random.uniform(0.0, BEFORE_SECONDS))
            yield _event(random, kind, round(at, 3), node)


def _event(random: Random, kind: str, at: float, node: int) -> Event:
    match kind:
        case "policy":
            return policy.ChangePolicy(at=at, pick=random.randrange(10**9))
        case "pod":
            app = random.choice(APPS)
            return policy.LabelPod(at=at, pick=random.randrange(1000), app=app)
        case "namespace":
            name, team = random.choice(NAMESPACES), random.choice(NAMESPACES)
            return policy.LabelNamespace(at=at, namespace=name, team=team)
        case "kill":
            return policy.KillPolicy(
                at=at, node=node, seconds=random.choice(AWAY_SECONDS)
            )
        case _:
            late = random.random() < 0.5
            longest = random.uniform(1.0, LONGEST_REFUSAL_SECONDS)
            return policy.RefuseRules(
                at=at, node=node, late=late, seconds=round(longest, 3)
            )
